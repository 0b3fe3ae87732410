# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The state of applications on the host, read without changing anything."""

from __future__ import annotations

import getpass
import json
import os
import socket
from pathlib import Path

import jsonschema
import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.instance import status
from ansible_collections.flaskops.stack.plugins.module_utils.instance.deploy import deploy
from ansible_collections.flaskops.stack.plugins.module_utils.instance.failures import Failures
from ansible_collections.flaskops.stack.plugins.module_utils.instance.uwsgi_stats import NO_STATS, Stats, StatsError, Worker

SCHEMA = json.loads((Path(__file__).parents[5] / "docs/monitoring/status.schema.json").read_text())
# The module and its action add these to what the functions here tell.
ADDED = {"user": "flask-shop", "web_group": "www-data", "certificate": {"names": ["a.example"], "issuer": "CA", "not_after": 1}}
WORKER = Worker(id=1, pid=7, status="idle", requests=5, exceptions=1, avg_rt=3, slots=2, busy=1)


@pytest.fixture
def look(host, monkeypatch):
    stats = Stats("2.0.30", 2, (WORKER, WORKER._replace(id=2)))
    monkeypatch.setattr(status, "resident_bytes", lambda pid, user: (pid + 2) * (user == os.getuid()))
    monkeypatch.setattr(status, "read_stats", lambda path: stats if path.endswith("two.stats") else NO_STATS)
    return lambda: status.describe(host.app())


def require_schema(found: dict) -> None:
    """Require that the playbook status may write this state of an application with ``status_json``."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate({"web1": {"shop": {**found, **ADDED}}})


def test_a_new_host_has_nothing(look):
    found = look()
    require_schema(found)
    assert (found["live"], found["socket"], found["instances"], found["history"]) == ("", None, {}, [])
    assert found["release"] == {"id": "", "revision": "", "virtualenv_id": "", "built": 0}


def test_releases_instances_and_workers_are_reported(host, look):
    for name, release in (("one", "r1"), ("two", "r2")):
        deploy([host.candidate(name, release)], [], "me@here", False, False, Failures())
    before = host.tree()
    host.events.clear()
    found = look()
    require_schema(found)
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
        "problem": "",
        "workers": [{"id": number, "pid": 7, "status": "idle", "requests": 5, "rss": 9, "avg_rt": 3} for number in (1, 2)],
    }
    assert (found["instances"]["one"]["enabled"], found["instances"]["one"]["workers"]) == (False, [])
    assert [entry["result"] for entry in found["history"]] == ["live", "live"]
    assert (host.tree(), host.events) == (before, []), "nothing has changed"


def test_a_change_by_hand_is_reported(host, look):
    deploy([host.candidate("two", "r2")], [], "me@here", False, False, Failures())
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


@pytest.mark.parametrize("target", ["uwsgi.sock", "...sock", "../blog/two.sock", "three.sock", "missing"])
def test_a_link_of_the_application_that_leads_to_no_instance_is_told(host, look, target):
    deploy([host.candidate("two", "r2")], [], "me@here", False, False, Failures())
    link = host.place / "run_dir/shop/uwsgi.sock"
    link.unlink()
    link.symlink_to(target)
    found = look()
    assert (found["live"], found["socket"]) == ("", None)
    assert found["problems"] == [f"{link} leads to {target!r}, which is no socket of its instances; deploy it again"]


def test_statistics_that_are_none_are_told_with_their_unit(host, look, monkeypatch):
    deploy([host.candidate("two", "r2")], [], "me@here", False, False, Failures())

    def none(path):
        raise StatsError("had no end after 5 s")

    monkeypatch.setattr(status, "read_stats", none)
    found = look()
    assert found["problems"] == ["flask-shop@two.service: its statistics had no end after 5 s"]
    assert (found["live"], found["instances"]["two"]["active"], found["instances"]["two"]["workers"]) == ("two", "active", [])


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("root/shop/rejected.json", "[" * 100_000),
        ("root/shop/rejected.json", '{"r1": "me"}'),
        ("root/shop/releases/r2.json", '{"id": 1}'),
        ("config_dir/shop/two.json", "[1]"),
        ("config_dir/shop/two.json", '{"release": {"id": []}, "files": {}}'),
        ("config_dir/shop/two.json", '{"release": {}, "files": {"/etc/x": 1}}'),
    ],
)
def test_a_damaged_file_costs_its_own_application_alone(host, look, place, text):
    apps = [host.app(name) for name in ("shop", "blog")]
    deploy([host.candidate("two", "r2"), host.candidate("two", "r2", name="blog")], [], "me@here", False, False, Failures())
    (host.place / place).write_text(text)
    found = status.describe_all(apps)
    (problem,) = found["shop"]["problems"]
    require_schema(found["shop"])
    assert problem.startswith("its state cannot be read: ")
    assert f"{host.place}/{place}" in problem
    assert found["shop"].keys() == found["blog"].keys()
    assert (found["blog"]["live"], found["blog"]["problems"]) == ("two", [])


def test_a_user_without_a_name_is_a_number(host, look, monkeypatch):
    with socket.socket(socket.AF_UNIX) as listening:
        path = f"{host.app()['run_dir']}/uwsgi.sock"
        listening.bind(path)
        monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
        assert status._socket(path)["owner"] == str(os.getuid())
