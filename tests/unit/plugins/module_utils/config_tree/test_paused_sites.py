# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A paused application has a program that holds its requests, a timer that ends the pause, and a file by which nginx goes to the program."""

from __future__ import annotations

import getpass
import json
import os
import pwd
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree import waiting_room
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.paused_sites import Pause, PausedSites
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import ConfigTreeError
from ansible_collections.flaskops.stack.plugins.module_utils.host import systemd

PAUSE = Pause(seconds=30, ends=600, who="ada@vm")


class Nginx:
    def __init__(self, refuses: str = "") -> None:
        self.refuses, self.reloads = refuses, 0

    def test(self) -> str:
        return self.refuses

    def reload(self) -> str:
        self.reloads += 1
        return ""


class Systemd:
    """A systemd that notes its orders; a program listens as soon as it is started."""

    def __init__(self) -> None:
        self.programs: dict[str, dict] = {}
        self.later: dict[str, tuple[int, list[str]]] = {}
        self.signals: list[tuple[str, str]] = []

    def start_transient(self, unit, properties, command) -> None:
        self.programs[unit] = {"properties": properties, "command": command, **json.loads(command[-1])}
        for place in self.programs[unit]["sockets"]:
            Path(place).touch()

    def run_later(self, command, seconds, unit, *_options) -> None:
        self.later[f"{unit}.timer"] = (seconds, command)

    def signal(self, pattern, name) -> None:
        self.signals.append((pattern, name))

    def stop(self, units) -> None:
        for unit in units:
            self.later.pop(unit, None)


@pytest.fixture
def told(monkeypatch) -> Systemd:
    told = Systemd()
    for name in ("start_transient", "run_later", "signal", "stop"):
        monkeypatch.setattr(systemd, name, getattr(told, name))
    return told


@pytest.fixture
def sites(tmp_path) -> PausedSites:
    return PausedSites(str(tmp_path / "pause"))


def app(name: str = "shop") -> dict:
    sockets = {"uwsgi.sock": f"/run/flask/{name}/uwsgi.sock", "stream.sock": f"/run/flask/{name}/stream.sock"}
    return {"name": name, "sockets": sockets, "pages": ["/srv/503.html"], "web_user": pwd.getpwuid(os.geteuid()).pw_name}


def test_a_pause_is_a_program_a_timer_and_a_file(sites, told, tmp_path):
    nginx = Nginx()
    assert sites.pause(nginx, [app()], PAUSE) == ["shop"]
    text = (tmp_path / "pause/shop.conf").read_text()
    assert text.endswith("\ndefault .paused;\n")
    assert sites.since("shop").startswith("paused since 20")
    assert " by ada@vm, until 20" in sites.since("shop")
    (unit,) = told.programs
    program = told.programs[unit]
    assert program["sockets"] == {
        str(tmp_path / "pause/shop/uwsgi.sock"): "/run/flask/shop/uwsgi.sock",
        str(tmp_path / "pause/shop/stream.sock"): "/run/flask/shop/stream.sock",
    }
    assert (program["seconds"], program["pages"][0], program["pages"][-1]) == (
        30,
        "/srv/503.html",
        "/etc/nginx/flaskops/pages/.flaskops/503.html",
    )
    assert Path(program["command"][2]).read_text() == Path(waiting_room.__file__).read_text()
    assert f"User={getpass.getuser()}" in program["properties"]
    seconds, command = told.later["flaskops-pause-end.shop.timer"]
    assert (seconds, command[-2:]) == (600, [str(tmp_path / "pause/shop.conf"), "flaskops-pause.shop.*.service"])
    assert nginx.reloads == 1


def test_an_end_passes_on_what_waits_and_forgets_the_timer(sites, told):
    nginx = Nginx()
    sites.pause(nginx, [app(), app("blog")], PAUSE)
    assert sites.resume(nginx, ["shop", "none"]) == ["shop"]
    assert (sites.since("shop"), bool(sites.since("blog"))) == ("", True)
    assert told.signals == [("flaskops-pause.shop.*.service", "USR1")]
    assert list(told.later) == ["flaskops-pause-end.blog.timer"]


def test_nothing_changes_twice(sites, told):
    nginx = Nginx()
    sites.pause(nginx, [app()], PAUSE)
    assert sites.pause(nginx, [app()], PAUSE) == []
    sites.resume(nginx, ["shop"])
    assert sites.resume(nginx, ["shop"]) == []
    assert (len(told.programs), nginx.reloads) == (1, 2)


def test_what_nginx_refuses_is_taken_back(sites, told):
    with pytest.raises(ConfigTreeError, match="^nginx refuses its configuration.*: no$"):
        sites.pause(Nginx(refuses="no"), [app()], PAUSE)
    assert (sites.since("shop"), told.later) == ("", {})
    assert told.signals == [("flaskops-pause.shop.*.service", "USR1")], "no program stays behind"


def test_a_program_that_does_not_start_is_told(sites, told, monkeypatch):
    monkeypatch.setattr("ansible_collections.flaskops.stack.plugins.module_utils.config_tree.paused_sites._START_SECONDS", 0.1)
    monkeypatch.setattr(systemd, "start_transient", lambda *_args: None)
    with pytest.raises(ConfigTreeError, match="did not start; journalctl -u flaskops-pause.shop"):
        sites.pause(Nginx(), [app()], PAUSE)
    assert (sites.since("shop"), told.later) == ("", {})
