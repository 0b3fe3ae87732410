# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an instance is started with; its files as a whole are looked at in roles/test_uwsgi_service.py."""

from __future__ import annotations

import re

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi_settings import entry_point, instance_settings
from ansible_collections.flaskops.stack.tests.unit.render import RELEASE, complete


def settings(stop_timeout: int = 10, **changes):
    return instance_settings(complete(**changes), RELEASE, stop_timeout)


def values(*args, **changes):
    return {item["option"]: item["value"] for item in settings(*args, **changes)}


@pytest.mark.parametrize(
    ("wsgi", "default", "options"),
    [
        ("shop.wsgi:app", "", {"module": "shop.wsgi", "callable": "app"}),
        ("shop:create_app()", "", {"module": "shop", "callable": "create_app()"}),
        ("shop", "", {"module": "shop"}),
        ("shop", "app", {"module": "shop", "callable": "app"}),
        ("shop:api", "app", {"module": "shop", "callable": "api"}),
        ("app.py", "", {"wsgi-file": "app.py"}),
        ("app.py", "app", {"wsgi-file": "app.py", "callable": "app"}),
        ("src/app.py:api", "app", {"wsgi-file": "src/app.py", "callable": "api"}),
        ("a%n.py", "", {"wsgi-file": "a%%n.py"}),
    ],
)
def test_the_entry_point(wsgi, default, options):
    assert {item["option"]: item["value"] for item in entry_point(wsgi, default)} == options


def test_every_setting_has_a_reason():
    for item in settings(uwsgi={"options": {}}):
        assert re.fullmatch(r"[A-Za-z].+\.", item["reason"]), item["option"]


def test_no_setting_is_there_twice():
    options = [item["option"] for item in settings()]
    assert len(options) == len(set(options))


def test_the_users_options_come_last_and_replace():
    made = settings(uwsgi={"options": {"listen": 5, "new": ["a", "b"], "vacuum": None, "gone": None}})
    assert [(item["option"], item["value"]) for item in made[-2:]] == [("listen", 5), ("new", ["a", "b"])]
    assert [item["reason"] for item in made[-2:]] == ["From the description of the application.", ""]
    assert not {"vacuum", "gone"} & {item["option"] for item in made}
    assert [item["option"] for item in made].count("listen") == 1


def test_workers_are_given_the_time_the_stop_has():
    assert values(7)["worker-reload-mercy"] == 7


@pytest.mark.parametrize(("mode", "harakiri"), [("plain", 60), ("cache", 60), ("stream", None)])
def test_only_streams_may_take_forever(mode, harakiri):
    assert values(nginx={"routes": [{"path": "/"}, {"path": "/x", "mode": mode}]}).get("harakiri") == harakiri


def test_paths_are_taken_as_they_stand():
    app = {**complete(), "run_dir": "/run/50%", "name": "a%b"}
    made = {item["option"]: item["value"] for item in instance_settings(app, {"path": "/srv/%n", "virtualenv": "/v%v"}, 10)}
    assert made["chdir"] == "/srv/%%n"
    assert made["virtualenv"] == "/v%%v"
    assert made["binary-path"] == "/v%%v/bin/python"
    assert made["socket"] == "/run/50%%/%n.sock"
    assert made["stats"] == "/run/50%%/%n.stats"
    assert made["procname-prefix-spaced"] == "a%%b"
