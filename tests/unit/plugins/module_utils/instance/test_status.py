# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The state of applications on the host, read without changing anything."""

from __future__ import annotations

import getpass
import os
import socket

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.instance import status
from ansible_collections.flaskops.stack.plugins.module_utils.instance.deploy import deploy

WORKER = {
    "id": 1,
    "pid": 7,
    "status": "idle",
    "requests": 5,
    "exceptions": 1,
    "rss": 0,
    "avg_rt": 3,
    "more": "x",
    "cores": [{"in_request": 0}, {"in_request": 1}],
}


@pytest.fixture
def look(host, monkeypatch):
    stats = {"version": "2.0.30", "listen_queue": 2, "workers": [WORKER, {**WORKER, "id": 2}]}
    monkeypatch.setattr(status, "_resident", lambda pid: pid + 2)
    monkeypatch.setattr(status, "read_stats", lambda path: stats if path.endswith("two.stats") else None)
    return lambda: status.describe(host.app())


def test_a_new_host_has_nothing(look):
    found = look()
    assert (found["live"], found["socket"], found["instances"], found["history"]) == ("", None, {}, [])
    assert found["release"] == {"id": "", "revision": "", "virtualenv_id": "", "built": 0}


def test_releases_instances_and_workers_are_reported(host, look):
    for name, release in (("one", "r1"), ("two", "r2")):
        deploy([host.candidate(name, release)], [], "me@here", False, False)
    before = host.tree()
    host.events.clear()
    found = look()
    assert (found["live"], found["previous"]) == ("two", "one")
    assert (found["release"]["id"], found["release"]["revision"], found["release"]["virtualenv_id"]) == ("r2", "rev r2", "v-r2")
    assert found["release"]["built"] > 1_000_000_000
    assert found["instances"]["two"] == {
        "release": "r2",
        "unit": "flask-shop@two.service",
        "active": "active",
        "enabled": True,
        "uwsgi": "2.0.30",
        "listen_queue": 2,
        "slots": 4,
        "busy": 2,
        "memory": 18,
        "stream": None,
        "requests": 10,
        "exceptions": 2,
        "workers": [
            {key: value for key, value in {**WORKER, "id": number, "rss": 9}.items() if key not in ("exceptions", "more", "cores")}
            for number in (1, 2)
        ],
    }
    assert (found["instances"]["one"]["enabled"], found["instances"]["one"]["workers"]) == (False, [])
    assert [entry["result"] for entry in found["history"]] == ["live", "live"]
    assert (host.tree(), host.events) == (before, []), "nothing has changed"


def test_a_change_by_hand_is_reported(host, look):
    deploy([host.candidate("two", "r2")], [], "me@here", False, False)
    assert look()["changed_by_hand"] == []
    path = host.place / "config_dir/shop/two.env"
    path.write_text("x")
    assert look()["changed_by_hand"] == [str(path)]


def test_the_reported_socket_is_the_one_behind_the_link(host, look):
    app = host.app()
    os.symlink("two.sock", f"{app['run_dir']}/uwsgi.sock")
    assert look()["socket"] is None
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{app['run_dir']}/two.sock")
        os.chmod(f"{app['run_dir']}/two.sock", 0o660)
        found = look()["socket"]
    assert (found["path"], found["mode"], found["owner"]) == (os.path.realpath(f"{app['run_dir']}/two.sock"), "0660", getpass.getuser())


def test_a_plain_file_is_not_reported_as_a_socket(host, look):
    app = host.app()
    open(f"{app['run_dir']}/uwsgi.sock", "w").close()
    assert look()["socket"] is None


@pytest.mark.parametrize("pid", ["../srv/flask/shop/shared", "1/../../../srv", None, [], {}, "", float("inf")])
def test_a_process_number_of_an_application_is_no_path(pid, monkeypatch):
    monkeypatch.setattr("builtins.open", lambda path, *_more: pytest.fail(f"{path} is opened"))
    assert status._resident(pid) == 0


def test_memory_is_what_the_kernel_tells():
    own = status._resident(os.getpid())
    assert own % os.sysconf("SC_PAGE_SIZE") == 0
    assert 1 << 20 < own < 1 << 36
    assert status._resident(0) == 0, "a worker that is not started, or has ended"
