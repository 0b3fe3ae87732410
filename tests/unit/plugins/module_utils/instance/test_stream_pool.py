# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pool for streams: a second unit under the same id, that is started and stopped with its instance."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.instance import instance as instances
from ansible_collections.flaskops.stack.plugins.module_utils.instance import removal, status
from ansible_collections.flaskops.stack.plugins.module_utils.instance.gate import gate
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import DeployError
from ansible_collections.flaskops.stack.plugins.module_utils.instance.uwsgi_stats import Stats, Worker
from ansible_collections.flaskops.stack.tests.unit.pools import pool, settled, streams_go_to, unit

POOL_TEMPLATE = "flask-shop.stream@.service"


def test_files_of_a_pool_lie_beside_those_of_its_instance(host):
    one = host.candidate("one", pool=True)
    one.write()
    ini = Path(one.config_dir, "one.stream.ini")
    assert "streams of one" in ini.read_text()
    assert ini.stat().st_mode & 0o777 == 0o640
    assert (host.unit_dir / POOL_TEMPLATE).read_text() == "streams unit 1"
    assert (host.unit_dir / f"{pool('one')}.d/instance.conf").read_text() == "drop-in of streams one"
    assert instances.known_ids(one.app) == ["one"]
    assert one.stale_files() == []


@pytest.mark.parametrize(
    "path", ["config_dir/shop/one.stream.ini", f"systemd/{POOL_TEMPLATE}", "systemd/flask-shop.stream@one.service.d/instance.conf"]
)
def test_a_change_of_a_pool_by_hand_is_found_and_overwritten(host, run, path):
    run(host.candidate("one", pool=True))
    before = (host.place / path).read_text()
    (host.place / path).write_text("changed")
    assert instances.changed_by_hand(host.app(), "one") == [str(host.place / path)]
    assert run(host.candidate("one", pool=True)).changed
    assert (host.place / path).read_text() == before


def test_an_application_without_streams_has_one_unit(host, run):
    run(host.candidate("one"))
    assert host.units.keys() == {unit("one")}
    assert not [name for name in host.tree() if "stream" in name]


def test_instance_and_pool_are_asked_on_their_own_sockets(host, run):
    run(host.candidate("one", pool=True, health={"path": "/healthz"}))
    assert host.asked == [(f"{host.place}/run_dir/shop/{socket}.sock", "/healthz", "shop") for socket in ("one", "one.stream")]


@pytest.mark.parametrize(("bad", "says"), [(unit, "the candidate one was"), (pool, "the stream pool of the candidate one was")])
def test_an_instance_is_refused_if_it_or_its_pool_is_bad(host, bad, says):
    one = host.candidate("one", pool=True)
    host.behave(bad("one"), 500)
    host._start(one.wanted_units)
    ((_one, problem),) = gate([one])
    assert problem.says.startswith(says)


def test_an_instance_that_fails_together_with_its_pool_is_reported_once(host):
    one = host.candidate("one", pool=True)
    for name in one.wanted_units:
        host.behave(name, ActiveState="failed", ExecMainStatus="22")
    host._start(one.wanted_units)
    assert [problem.says for _one, problem in gate([one])] == ["the candidate one exited with 22 before it was ready"]


@pytest.mark.parametrize("bad", [unit, pool])
def test_a_refused_candidate_leaves_neither_instance_nor_pool(host, run, bad):
    run(host.candidate("one", pool=True))
    before = host.tree("history")
    host.behave(bad("two"), 500)
    with pytest.raises(DeployError):
        run(host.candidate("two", "r2", unit="unit 2", pool=True))
    assert host.tree("history") == before
    assert not host.is_running(unit("two"))
    assert not host.is_running(pool("two"))
    settled(host, "one", True)


def test_a_refused_first_pool_leaves_no_unit_template(host, run):
    run(host.candidate("one"))
    host.behave(pool("two"), 500)
    with pytest.raises(DeployError):
        run(host.candidate("two", "r2", pool=True))
    assert not (host.unit_dir / POOL_TEMPLATE).exists()
    assert streams_go_to(host) is None


def test_a_pool_that_was_stopped_by_hand_is_started_again(host, run):
    run(host.candidate("one", pool=True))
    host._stop([pool("one")])
    assert run(host.candidate("one", pool=True)).changed
    settled(host, "one", True)
    assert not run(host.candidate("one", pool=True)).changed


def test_a_stream_link_that_was_changed_by_hand_is_restored(host, run):
    run(host.candidate("one", pool=True))
    link = Path(host.app()["run_dir"], "stream.sock")
    link.unlink()
    link.symlink_to("nowhere.sock")
    assert run(host.candidate("one", pool=True)).changed
    settled(host, "one", True)


def test_pruning_removes_pools_and_with_the_last_one_the_unit_template(host, run):
    run(host.candidate("p1", "r1", keep_releases=2, pool=True))
    for number in (2, 3):
        host.elapse()
        run(host.candidate(f"p{number}", f"r{number}", keep_releases=2))
    assert not [name for name in host.tree() if "stream" in name and "stream.sock" not in name]
    assert instances.known_ids(host.app()) == ["p2", "p3"]


def test_a_running_pool_keeps_its_instance(host, run):
    for number in (1, 2, 3):
        run(host.candidate(f"p{number}", f"r{number}", keep_releases=2, pool=True))
        host._stop([unit(f"p{number}")] if number == 1 else [])
    assert "p1" in instances.known_ids(host.app())
    assert (host.unit_dir / POOL_TEMPLATE).exists()


def test_the_pool_is_removed_with_its_application(host, run):
    run(host.candidate("one", pool=True))
    app = {**host.app(), "purge": False}
    assert str(host.unit_dir / POOL_TEMPLATE) in removal.pending(app)
    removal.remove(app)
    assert not [name for name in host.tree() if "flask-shop" in name]
    assert not host.is_running(pool("one"))
    assert removal.pending(app) == []


def test_sockets_of_a_killed_pool_are_removed_with_its_instance(host):
    one = host.candidate("one", pool=True)
    own = Path(one.run_dir, "own")
    own.mkdir(exist_ok=True)
    # An application may have put something else into the place of its socket.
    (own / "one.stream.stats/directory").mkdir(parents=True)
    for path in (own / "one.stream.sock", own / "two.stream.sock", own.parent / "one.stream.sock", own.parent / "two.stream.sock"):
        path.touch()
    instances.remove_instance(one.app, "one")
    assert os.listdir(own) == ["two.stream.sock"]
    assert sorted(os.listdir(one.run_dir)) == ["own", "two.stream.sock"]


def test_statistics_of_the_pool_are_reported(host, run, monkeypatch):
    worker = Worker(id=1, pid=7, status="busy", requests=5, exceptions=0, avg_rt=3, slots=4, busy=0)
    stats = {
        "one.stats": Stats("2.0.30", 0, (worker,)),
        "one.stream.stats": Stats("2.0.30", 1, (worker._replace(slots=3, busy=3),)),
    }
    monkeypatch.setattr(status, "read_stats", lambda path: stats[os.path.basename(path)])
    monkeypatch.setattr(status, "resident_bytes", lambda pid, _user: {7: 60}[pid])
    run(host.candidate("one", pool=True))
    found = status.describe(host.app())["instances"]["one"]
    assert (found["slots"], found["busy"]) == (4, 0)
    told = {key: found["stream"][key] for key in ("unit", "active", "slots", "busy", "memory", "listen_queue")}
    assert told == {"unit": pool("one"), "active": "active", "slots": 3, "busy": 3, "memory": 60, "listen_queue": 1}


# --- the program of a pool that opens WebSockets ------------------------------------------------------------------------------------------


def with_program(host, id_: str):
    candidate = host.candidate(id_, pool=True)
    candidate.app["files"]["websocket"] = f"# loads the application of {id_}\n"
    return candidate


def test_the_program_lies_beside_the_ini_of_its_pool(host):
    one = with_program(host, "one")
    one.write()
    program = Path(one.config_dir, "one.stream.py")
    assert program.read_text() == "# loads the application of one\n"
    assert program.stat().st_mode & 0o777 == 0o640
    assert instances.known_ids(one.app) == ["one"]
    program.write_text("changed")
    assert one.stale_files() == instances.changed_by_hand(one.app, "one") == [str(program)]
    instances.remove_instance(one.app, "one")
    assert not program.exists()


def test_an_instance_that_was_gone_back_to_has_its_program_still(host, run, back):
    run(with_program(host, "one"))
    run(host.candidate("two", pool=True))
    back(host.app())
    assert instances.live_id(host.app()) == "one"
    assert str(Path(host.app()["config_dir"], "one.stream.py")) in instances.instance_record(host.app(), "one").files
    assert instances.changed_by_hand(host.app(), "one") == []
