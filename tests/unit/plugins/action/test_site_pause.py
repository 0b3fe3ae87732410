# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A pause sends the sockets of an application to the host, and refuses pauses in which requests would fail."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.flaskops.stack.plugins.action.site_pause import _check, _pausable
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.on_or_off import on_or_off
from ansible_collections.flaskops.stack.tests.unit.render import describe, nginx_files, resolve_app

STREAM = {"path": "/time/", "mode": "stream"}


def shop(**nginx) -> dict:
    return resolve_app(describe(nginx=nginx))


@pytest.mark.parametrize("state", [True, "on", "ON", "true"])
def test_on_is_on_however_yaml_reads_it(state):
    assert on_or_off(state) == "on"


@pytest.mark.parametrize("state", ["", "maybe", 1.5, None, ["on"]])
def test_another_state_is_refused(state):
    with pytest.raises(AnsibleActionFail, match="must be on or off; write -e state=on"):
        on_or_off(state)


def test_each_socket_of_an_application_has_one_that_waits_in_its_place_where_nginx_looks_for_it():
    sent = _pausable(shop(routes=[{"path": "/"}, STREAM]))
    assert sent["sockets"] == {"uwsgi.sock": "/run/flask/shop/uwsgi.sock", "stream.sock": "/run/flask/shop/stream.sock"}
    site = nginx_files([describe(nginx={"routes": [{"path": "/"}, STREAM]})])["sites-available/shop.conf"]
    for waiting in sent["sockets"]:
        assert f"server unix:/run/flaskops-pause/shop/{waiting};" in site
    assert "include /run/flaskops-pause/shop.con[f];" in site


def test_an_application_without_a_pool_for_streams_has_one_socket():
    assert list(_pausable(shop())["sockets"]) == ["uwsgi.sock"]


def test_the_release_has_the_page_for_those_who_have_waited_in_vain():
    assert _pausable(shop(error_pages={503: "errors/busy.html"}))["pages"] == ["/srv/flask/shop/public/current/.flaskops/shop/503.html"]
    assert _pausable(shop())["pages"] == []


def test_a_pause_is_shorter_than_nginx_waits_for_an_answer():
    _check([shop()], 55, 600)
    _check([shop(routes=[{"path": "/", "read_timeout": "2m"}])], 115, 600)
    with pytest.raises(AnsibleActionFail, match="seconds is 56, but nginx waits for answers of shop at / for 60s.*raise read_timeout"):
        _check([shop()], 56, 600)


@pytest.mark.parametrize(("seconds", "ends"), [(0, 600), (30, 29), (30, 86401)])
def test_times_that_make_no_sense_are_refused(seconds, ends):
    with pytest.raises(AnsibleActionFail, match=f"seconds is {seconds} and ends is {ends}; write"):
        _check([shop()], seconds, ends)


def test_an_application_on_other_hosts_is_paused_there():
    with pytest.raises(AnsibleActionFail, match="shop runs on the hosts of nginx.backends; pause it there"):
        _check([shop(front="proxy", backends=["192.0.2.2:8000"])], 30, 600)
