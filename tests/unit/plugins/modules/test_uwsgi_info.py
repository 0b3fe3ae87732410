# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The traffic in the state of an application: a log that cannot be read is a problem, and no failure of the module."""

from __future__ import annotations

import typing as t

from ansible_collections.flaskops.stack.plugins.modules import uwsgi_info


def test_traffic_is_part_of_the_state(monkeypatch):
    app: dict[str, t.Any] = {"problems": []}
    monkeypatch.setattr(uwsgi_info, "traffic_over_time", lambda *asked: {"asked": asked})
    uwsgi_info.add_traffic("shop", app, 60, 100.0)
    assert app == {"problems": [], "traffic": {"asked": ("shop", 60, 100.0)}}


def test_a_log_that_cannot_be_read_is_a_problem(monkeypatch):
    def refuse(*_asked):
        raise PermissionError(13, "Permission denied", "/var/log/nginx/shop.access.log")

    app: dict[str, t.Any] = {"problems": ["another one"]}
    monkeypatch.setattr(uwsgi_info, "traffic_over_time", refuse)
    uwsgi_info.add_traffic("shop", app, 60, 100.0)
    assert app["traffic"] is None
    assert app["problems"][0] == "another one"
    assert "access log of nginx cannot be read" in app["problems"][1]
    assert "/var/log/nginx/shop.access.log" in app["problems"][1]
