# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Workers of instances: they start after the gate, the old ones get the time to finish, and none is left behind."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.instance import removal, rollback, status
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import DeployError, changed_by_hand
from ansible_collections.flaskops.stack.tests.unit.pools import unit

TEXT = "TimeoutStopSec=60\nOverlap=true\n"
ALONE = "TimeoutStopSec=7\nOverlap=false\n"
WORKERS = {"queue.1": TEXT, "queue.2": TEXT, "beat.1": ALONE}


def worker(name: str, instance: str) -> str:
    return f"flask-shop.{name}@{instance}.service"


def workers(instance: str, names=tuple(WORKERS)) -> set[str]:
    return {worker(name, instance) for name in names}


@pytest.fixture
def running(host):
    return lambda: {name for name in host.units if name.endswith(".service") and "." in name.partition("@")[0] and host.is_running(name)}


def test_workers_start_after_the_gate_and_before_the_switch_and_at_boot(host, run, running):
    run(host.candidate("one", workers=WORKERS))
    assert running() == workers("one")
    assert workers("one") < host.enabled()
    started = host.events.index(f"start {worker('queue.1', 'one')}")
    assert host.events.index(f"start {unit('one')}") < started < host.events.index(f"enable {unit('one')}")


def test_a_second_run_changes_nothing(host, run):
    run(host.candidate("one", workers=WORKERS))
    assert not run(host.candidate("one", workers=WORKERS)).changed


@pytest.mark.parametrize("state", ["failed", "inactive"])
def test_a_worker_that_does_not_run_is_started_by_the_next_run(host, run, running, state):
    run(host.candidate("one", workers=WORKERS))
    host.units[worker("queue.2", "one")] = {"ActiveState": state, "SubState": "dead"}
    assert run(host.candidate("one", workers=WORKERS)).changed
    assert running() == workers("one")


def test_old_workers_are_asked_to_stop_after_the_switch_and_nobody_waits(host, run, running):
    run(host.candidate("one", workers=WORKERS))
    host.holding.add(worker("queue.1", "one"))
    run(host.candidate("two", "r2", workers=WORKERS))
    assert running() == workers("two")
    assert host.units[worker("queue.1", "one")]["ActiveState"] == "deactivating"
    assert host.events.index(f"enable {unit('two')}") < host.events.index(f"stop soon {worker('queue.1', 'one')}")
    assert not workers("one") & host.enabled()


def test_an_instance_whose_worker_finishes_a_job_is_not_pruned(host, run):
    run(host.candidate("one", workers=WORKERS, keep_releases=2))
    host.holding.add(worker("queue.1", "one"))
    for number, id_ in enumerate(("two", "three", "four"), 2):
        run(host.candidate(id_, f"r{number}", workers=WORKERS, keep_releases=2))
        host.elapse()
    # An instance in the middle, whose workers had nothing to do, is gone.
    assert (host.place / "root/shop/releases/r1").is_dir()
    assert not (host.place / "root/shop/releases/r2").exists()
    host.units[worker("queue.1", "one")] = {"ActiveState": "inactive", "SubState": "dead"}
    run(host.candidate("five", "r5", workers=WORKERS, keep_releases=2))
    assert not (host.place / "root/shop/releases/r1").exists()
    assert not (host.unit_dir / worker("queue.1", "one")).exists()


def test_a_worker_that_stands_alone_has_ended_before_the_new_one_starts(host, run):
    run(host.candidate("one", workers=WORKERS))
    host.events.clear()
    run(host.candidate("two", "r2", workers=WORKERS))
    stopped, started = host.events.index(f"stop {worker('beat.1', 'one')}"), host.events.index(f"start {worker('beat.1', 'two')}")
    assert stopped < started < host.events.index(f"enable {unit('two')}")


@pytest.mark.parametrize(
    "state", [{"ActiveState": "failed"}, {"ActiveState": "activating", "SubState": "auto-restart"}, {"NRestarts": "1"}]
)
def test_a_worker_that_dies_in_its_first_seconds_stops_the_switch(host, run, running, state):
    run(host.candidate("one", workers=WORKERS))
    host.behave(worker("queue.1", "two"), ExecMainStatus="3", **state)
    refused = "shop: the worker queue.1 of the candidate two exited with 3 in its first seconds. The live instance was not touched."
    with pytest.raises(DeployError, match=f"(?s){refused}.*ImportError: no module"):
        run(host.candidate("two", "r2", workers=WORKERS))
    assert host.candidate("x").live_id == "one"
    # The old ones went on, or were started again, and nothing is left of the candidate.
    assert running() == workers("one")
    assert not [name for name in host.tree() if "@two" in name]
    assert not (host.place / "root/shop/releases/r2").exists()


def test_a_worker_of_a_refused_candidate_finishes_its_job(host, run):
    run(host.candidate("one", workers=WORKERS))
    host.behave(worker("queue.2", "two"), ActiveState="failed")
    host.holding.add(worker("queue.1", "two"))
    with pytest.raises(DeployError, match=r"the worker queue.2 of the candidate two exited in its first seconds"):
        run(host.candidate("two", "r2", workers=WORKERS))
    assert host.units[worker("queue.1", "two")]["ActiveState"] == "deactivating"
    assert (host.place / "root/shop/releases/r2").is_dir()
    host.units[worker("queue.1", "two")] = {"ActiveState": "inactive", "SubState": "dead"}
    run(host.candidate("three", "r3", workers=WORKERS))
    assert not (host.place / "root/shop/releases/r2").exists()


def test_a_rollback_takes_the_workers_back(host, run, running):
    run(host.candidate("one", workers=WORKERS))
    run(host.candidate("two", "r2", workers={"queue.1": TEXT}))
    assert running() == {worker("queue.1", "two")}
    rollback.rollback([(host.app(), "")], "ada", check=False)
    assert running() == workers("one") == {name for name in host.enabled() if "." in name.partition("@")[0]}


def test_after_a_rollback_a_worker_that_finishes_a_job_is_not_waited_for(host, run):
    run(host.candidate("one", workers=WORKERS))
    host.holding.add(worker("queue.1", "one"))
    run(host.candidate("two", "r2", workers=WORKERS))
    host.behave(worker("queue.1", "one"), ActiveState="deactivating")
    before = host.now
    assert not rollback.rollback([(host.app(), "")], "ada", check=False).failures
    assert host.now - before < 20


def test_a_worker_that_the_host_has_no_more_is_removed(host, run, running):
    run(host.candidate("one", workers=WORKERS))
    del host.units[unit("one")]["InvocationID"]
    assert run(host.candidate("one", workers={"queue.1": TEXT})).changed
    assert running() == {worker("queue.1", "one")}
    assert not (host.unit_dir / worker("beat.1", "one")).exists()
    assert not run(host.candidate("one", workers={"queue.1": TEXT})).changed


def test_a_change_by_hand_is_found_and_overwritten(host, run):
    run(host.candidate("one", workers=WORKERS))
    path = host.unit_dir / worker("queue.1", "one")
    path.write_text("changed")
    assert changed_by_hand(host.app(), "one") == [str(path)]
    run(host.candidate("one", workers=WORKERS))
    assert path.read_text() == TEXT


def test_status_tells_of_a_worker_that_is_not_there(host, run):
    run(host.candidate("one", workers=WORKERS))
    host.units[worker("queue.1", "one")] = {
        "ActiveState": "activating",
        "SubState": "auto-restart",
        "Result": "exit-code",
        "ExecMainStatus": "1",
        "NRestarts": "4",
    }
    found = status.describe(host.app())
    assert [(item["name"], item["active"], item["restarts"]) for item in found["workers"]] == [
        ("beat.1", "active", 0),
        ("queue.1", "activating", 4),
        ("queue.2", "active", 0),
    ]
    says = f"{worker('queue.1', 'one')}: the worker queue.1 is activating (exit-code 1), after 4 restarts; look into its journal"
    assert says in found["problems"]


def test_a_removal_waits_for_workers_and_leaves_none(host, run):
    run(host.candidate("one", workers=WORKERS))
    removal.remove({**host.app(), "purge": False, "own_dirs": [], "web_group": "", "prebuilt": []})
    assert not [name for name in host.tree() if "flask-shop." in name]
    assert not host.enabled()
    assert not any(host.is_running(name) for name in workers("one"))
