# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pool for streams: a second unit under the same id, that lives and goes with its instance."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.files import read_link
from ansible_collections.flaskops.stack.plugins.module_utils.instance import deploy, removal, rollback, status
from ansible_collections.flaskops.stack.plugins.module_utils.instance import instance as instances
from ansible_collections.flaskops.stack.plugins.module_utils.instance.gate import gate
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import DeployError, live_id

# Whether the old instance has a pool, and whether the new one has.
CHANGES = [(True, True), (False, True), (True, False)]
POOL_TEMPLATE = "flask-shop.stream@.service"


def unit(id_: str) -> str:
    return f"flask-shop@{id_}.service"


def pool(id_: str) -> str:
    return f"flask-shop.stream@{id_}.service"


@pytest.fixture
def run():
    """Deploy instances as one run."""
    return lambda *wanted, check=False: deploy.deploy(wanted, [], "me@here", False, check)


@pytest.fixture
def back():
    return lambda host: rollback.rollback([(host.app(), "")], "me@here", False)


def streams_go_to(host) -> str | None:
    """Return where the link for streams leads to; what is behind it must run."""
    target = read_link(f"{host.app()['run_dir']}/stream.sock")
    if target:
        id_ = target.removesuffix(".sock")
        assert host.is_running(pool(id_.removesuffix(".stream")) if id_.endswith(".stream") else unit(id_))
    return target


def settled(host, id_: str, has_pool: bool) -> None:
    """Assert that an instance has all requests."""
    assert live_id(host.app()) == id_
    assert host.is_running(unit(id_))
    assert host.is_running(pool(id_)) == has_pool
    if has_pool:
        assert streams_go_to(host) == f"{id_}.stream.sock"
    else:
        assert streams_go_to(host) in (None, f"{id_}.sock")


# --- one instance --------------------------------------------------------------------------------------------------------


def test_its_files_stand_beside_those_of_the_instance(host):
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
def test_a_change_of_it_by_hand_is_seen_and_put_right(host, run, path):
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


def test_both_are_asked_on_their_own_sockets(host, run):
    run(host.candidate("one", pool=True, health={"path": "/healthz"}))
    assert host.asked == [(f"{host.place}/run_dir/shop/{socket}.sock", "/healthz", "shop") for socket in ("one", "one.stream")]


@pytest.mark.parametrize(("bad", "says"), [(unit, "the candidate one was"), (pool, "the stream pool of the candidate one was")])
def test_an_instance_is_refused_if_either_is_bad(host, bad, says):
    one = host.candidate("one", pool=True)
    host.behave(bad("one"), 500)
    host._start(one.wanted_units)
    (problem,) = gate([one])
    assert problem.says.startswith(says)


def test_what_fails_with_its_other_half_is_told_once(host):
    one = host.candidate("one", pool=True)
    for name in one.wanted_units:
        host.behave(name, ActiveState="failed", ExecMainStatus="22")
    host._start(one.wanted_units)
    assert [problem.says for problem in gate([one])] == ["the candidate one exited with 22 before it was ready"]


@pytest.mark.parametrize("bad", [unit, pool])
def test_a_refused_candidate_leaves_neither(host, run, bad):
    run(host.candidate("one", pool=True))
    before = host.tree("history")
    host.behave(bad("two"), 500)
    with pytest.raises(DeployError):
        run(host.candidate("two", "r2", unit="unit 2", pool=True))
    assert host.tree("history") == before
    assert not host.is_running(unit("two"))
    assert not host.is_running(pool("two"))
    settled(host, "one", True)


def test_a_refused_first_pool_leaves_no_template(host, run):
    run(host.candidate("one"))
    host.behave(pool("two"), 500)
    with pytest.raises(DeployError):
        run(host.candidate("two", "r2", pool=True))
    assert not (host.unit_dir / POOL_TEMPLATE).exists()
    assert streams_go_to(host) is None


def test_a_pool_that_was_stopped_by_hand_comes_back(host, run):
    run(host.candidate("one", pool=True))
    host._stop([pool("one")])
    assert run(host.candidate("one", pool=True)).changed
    settled(host, "one", True)
    assert not run(host.candidate("one", pool=True)).changed


def test_a_link_that_was_led_elsewhere_comes_back(host, run):
    run(host.candidate("one", pool=True))
    link = Path(host.app()["run_dir"], "stream.sock")
    link.unlink()
    link.symlink_to("nowhere.sock")
    assert run(host.candidate("one", pool=True)).changed
    settled(host, "one", True)


# --- from one to the next ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_streams_come_along(host, run, old, new):
    run(host.candidate("one", "r1", pool=old))
    run(host.candidate("two", "r2", pool=new))
    settled(host, "two", new)
    assert host.is_running(pool("one")) == old, "it drains"
    host.elapse()
    assert not host.is_running(unit("one"))
    assert not host.is_running(pool("one"))
    settled(host, "two", new)
    assert not run(host.candidate("two", "r2", pool=new)).changed


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_and_back(host, run, back, old, new):
    run(host.candidate("one", "r1", pool=old))
    run(host.candidate("two", "r2", pool=new))
    host.elapse()
    back(host)
    settled(host, "one", old)
    host.elapse()
    settled(host, "one", old)
    assert not host.is_running(pool("two"))


def test_where_nginx_asks_for_a_pool_that_is_not_there_the_instance_itself_answers(host, run, back):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2", pool=True))
    back(host)
    assert streams_go_to(host) == "one.sock"


def test_streams_go_first_and_the_rest_is_the_mark_of_the_switch(host, run, monkeypatch):
    run(host.candidate("one", "r1", pool=True))
    renamed = []
    real = os.rename
    monkeypatch.setattr(os, "rename", lambda old, new: (renamed.append(os.path.basename(new)), real(old, new)))
    run(host.candidate("two", "r2", pool=True))
    assert renamed.index("stream.sock") + 1 == renamed.index("uwsgi.sock")


def test_the_drain_time_is_that_of_both(host, run):
    run(host.candidate("one", "r1", pool=True))
    run(host.candidate("two", "r2", pool=True))
    assert f"stop {unit('one')} {pool('one')} in 20" in host.events


def test_both_make_room_with_strategy_restart(host, run):
    run(host.candidate("one", "r1", pool=True))
    host.events.clear()
    host.behave(pool("two"), 500)
    with pytest.raises(DeployError):
        run(host.candidate("two", "r2", pool=True, strategy="restart"))
    for name in (unit("one"), pool("one")):
        assert host.events.index(f"stop {name}") < host.events.index(f"start {unit('two')}") < host.events.index(f"start {name}")
    settled(host, "one", True)


def test_an_old_pool_that_nobody_stops_is_seen(host, run):
    run(host.candidate("one", "r1", pool=True))
    run(host.candidate("two", "r2", pool=True))
    host.elapse()
    host._start([pool("one")])
    assert run(host.candidate("two", "r2", pool=True)).changed
    host.elapse()
    assert not host.is_running(pool("one"))


# --- what is left --------------------------------------------------------------------------------------------------------


def test_pruning_takes_both_and_the_template_with_the_last(host, run):
    run(host.candidate("p1", "r1", keep_releases=2, pool=True))
    for number in (2, 3):
        host.elapse()
        run(host.candidate(f"p{number}", f"r{number}", keep_releases=2))
    assert not [name for name in host.tree() if "stream" in name and "stream.sock" not in name]
    assert instances.known_ids(host.app()) == ["p2", "p3"]


def test_a_pool_that_runs_keeps_its_instance(host, run):
    for number in (1, 2, 3):
        run(host.candidate(f"p{number}", f"r{number}", keep_releases=2, pool=True))
        host._stop([unit(f"p{number}")] if number == 1 else [])
    assert "p1" in instances.known_ids(host.app())
    assert (host.unit_dir / POOL_TEMPLATE).exists()


def test_an_application_that_goes_takes_its_pool_along(host, run):
    run(host.candidate("one", pool=True))
    app = {**host.app(), "purge": False}
    assert str(host.unit_dir / POOL_TEMPLATE) in removal.pending(app)
    removal.remove(app)
    assert not [name for name in host.tree() if "flask-shop" in name]
    assert not host.is_running(pool("one"))
    assert removal.pending(app) == []


def test_an_instance_that_was_killed_leaves_no_socket_of_its_pool(host):
    one = host.candidate("one", pool=True)
    for name in ("one.stream.sock", "one.stream.stats", "two.stream.sock"):
        Path(one.run_dir, name).touch()
    instances.remove_instance(one.app, "one")
    assert os.listdir(one.run_dir) == ["two.stream.sock"]


def test_what_the_pool_does_is_told(host, run, monkeypatch):
    worker = {"id": 1, "pid": 7, "status": "busy", "requests": 5, "exceptions": 0, "rss": 0, "avg_rt": 3}
    stats = {
        "one.stats": {"version": "2.0.30", "workers": [{**worker, "cores": [{"in_request": 0}] * 4}]},
        "one.stream.stats": {"version": "2.0.30", "listen_queue": 1, "workers": [{**worker, "cores": [{"in_request": 1}] * 3}]},
    }
    monkeypatch.setattr(status, "read_stats", lambda path: stats[os.path.basename(path)])
    monkeypatch.setattr(status, "_resident", {7: 60}.get)
    run(host.candidate("one", pool=True))
    found = status.describe(host.app())["instances"]["one"]
    assert (found["slots"], found["busy"]) == (4, 0)
    told = {key: found["stream"][key] for key in ("unit", "active", "slots", "busy", "memory", "listen_queue")}
    assert told == {"unit": pool("one"), "active": "active", "slots": 3, "busy": 3, "memory": 60, "listen_queue": 1}


# --- killed anywhere -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_wherever_a_run_is_killed_streams_are_served_and_the_next_run_converges(killed, run, back, old, new):
    def prepare(host):
        run(host.candidate("one", "r1", pool=old))
        two = host.candidate("two", "r2", pool=new)
        return lambda: run(two)

    seen = set()
    for _place, host in killed(prepare):
        seen.add((live_id(host.app()), streams_go_to(host)))
        run(host.candidate("two", "r2", pool=new))
        settled(host, "two", new)
        host.elapse()
        settled(host, "two", new)
        assert not host.is_running(pool("one"))
        assert not run(host.candidate("two", "r2", pool=new)).changed
        back(host)
        settled(host, "one", old)
    assert {live for live, _streams in seen} == {"one", "two"}
    if old and new:
        assert ("one", "two.stream.sock") in seen, "streams go first"


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_wherever_a_run_is_killed_a_next_one_that_is_bad_leaves_streams_served(killed, run, old, new):
    def prepare(host):
        run(host.candidate("one", "r1", pool=old))
        two = host.candidate("two", "r2", pool=new)
        return lambda: run(two)

    for _place, host in killed(prepare):
        if live_id(host.app()) == "two":
            continue
        host.behave(unit("two"), 500)
        with pytest.raises(DeployError):
            run(host.candidate("two", "r2", pool=new))
        host.elapse()
        assert live_id(host.app()) == "one"
        assert streams_go_to(host) == ("one.stream.sock" if old else streams_go_to(host))


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_wherever_going_back_is_killed_the_next_time_gets_there(killed, run, back, old, new):
    def prepare(host):
        run(host.candidate("one", "r1", pool=old))
        run(host.candidate("two", "r2", pool=new))
        host.elapse()
        return lambda: back(host)

    for _place, host in killed(prepare):
        streams_go_to(host)
        if live_id(host.app()) == "two":
            back(host)
        settled(host, "one", old)


def test_wherever_pruning_is_killed_the_next_run_finishes(killed, run):
    def prepare(host):
        for name, release in (("one", "r1"), ("two", "r2")):
            run(host.candidate(name, release, keep_releases=2, pool=True))
            host.elapse()
        three = host.candidate("three", "r3", keep_releases=2)
        return lambda: run(three)

    for _place, host in killed(prepare):
        for number in itertools.count(3):
            run(host.candidate(f"p{number}", f"r{number}", keep_releases=2))
            host.elapse()
            if number == 5:
                break
        assert not [name for name in host.tree() if "stream" in name and "run_dir" not in name]
