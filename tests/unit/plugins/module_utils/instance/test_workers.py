# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Workers of instances: they start after the gate, the old ones get the time to finish, and none is left behind."""

from __future__ import annotations

import difflib

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.instance import removal, rollback, schedules, status, switch
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


def test_a_refused_candidate_does_not_interrupt_the_worker_that_stands_alone(host, run):
    run(host.candidate("one", workers=WORKERS))
    host.behave(worker("queue.1", "two"), ActiveState="failed")
    host.events.clear()
    with pytest.raises(DeployError):
        run(host.candidate("two", "r2", workers=WORKERS))
    assert f"stop {worker('beat.1', 'one')}" not in host.events
    assert f"start {worker('beat.1', 'two')}" not in host.events


def test_the_workers_of_several_applications_are_waited_for_at_once(host, run):
    names = [f"shop{number}" for number in range(5)]
    before = host.now
    candidates = [host.candidate("one", name=name, workers={"queue.1": TEXT}) for name in names]
    built = host.now - before
    run(*candidates)
    assert 5 <= host.now - before - built < 10
    assert all(host.is_running(f"flask-{name}.queue.1@one.service") for name in names)


def test_an_application_goes_live_while_another_one_hangs_in_the_gate(host, run, monkeypatch):
    switched, real, before = [], switch.switch, host.now
    monkeypatch.setattr(switch, "switch", lambda instance: (switched.append(host.now), real(instance)))
    host.behave("flask-slow@one.service", ActiveState="activating", SubState="start")
    ready, slow = host.candidate("one", workers={"queue.1": TEXT}), host.candidate("one", name="slow")
    with pytest.raises(DeployError, match="slow: the application has not answered within 30 s"):
        run(ready, slow)
    assert len(switched) == 1
    assert switched[0] - before < 15


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


def test_a_diff_shows_the_units_of_workers_and_timers(host, run):
    daily = {"mail": {"timer": "OnCalendar=daily\n", "service": "ExecStart=mail\n"}}
    run(host.candidate("one", workers=WORKERS, timers=daily))
    (diff,) = run(host.candidate("two", workers={"queue.1": f"{TEXT}MemoryMax=1G\n", "beat.1": ALONE}, timers=daily), check=True).diff
    lines = (diff[side].splitlines() for side in ("before", "after"))
    changed = {line for line in difflib.unified_diff(*lines, n=0, lineterm="") if line[0] in "+-" and line.strip("+- ")}
    assert changed == {"-# one", "+# two", "+MemoryMax=1G", "-# queue.2.service", *(f"-{line}" for line in TEXT.splitlines())}
    assert "# mail.timer\nOnCalendar=daily" in diff["after"]
    assert run(host.candidate("two", workers=WORKERS)).diff[0]["before"].count("# queue.") == 2


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


TIMERS = {name: {"timer": f"OnCalendar=daily\n# {name}\n", "service": "job\n"} for name in ("nightly", "mail")}


def timer(name: str, instance: str) -> str:
    return f"flask-shop.{name}@{instance}.timer"


def job(name: str, instance: str) -> str:
    return f"flask-shop.{name}@{instance}.service"


def timers(instance: str) -> set[str]:
    return {timer(name, instance) for name in TIMERS}


@pytest.fixture
def elapsing(host):
    return lambda: {name for name in host.units if name.endswith(".timer") and "@" in name and host.is_running(name)}


def test_timers_of_the_new_instance_start_before_those_of_the_old_one_stop(host, run, elapsing):
    run(host.candidate("one", timers=TIMERS))
    assert elapsing() == timers("one") < host.enabled()
    run(host.candidate("two", "r2", timers=TIMERS))
    assert elapsing() == timers("two") < host.enabled()
    assert not timers("one") & host.enabled()
    assert host.events.index(f"start {timer('mail', 'two')}") < host.events.index(f"stop soon {timer('mail', 'one')}")


def test_timers_of_a_refused_candidate_never_start(host, run, elapsing):
    run(host.candidate("one", timers=TIMERS))
    host.behave(unit("two"), ActiveState="failed", ExecMainStatus="1")
    with pytest.raises(DeployError):
        run(host.candidate("two", "r2", timers=TIMERS))
    assert elapsing() == timers("one")
    assert not [event for event in host.events if event.startswith("start") and "@two.timer" in event]


def test_a_command_of_a_timer_goes_on_in_its_release(host, run):
    run(host.candidate("one", timers=TIMERS, keep_releases=2))
    job = "flask-shop.nightly@one.service"
    host.units[job] = {"ActiveState": "activating", "SubState": "start"}
    for number, id_ in enumerate(("two", "three", "four"), 2):
        run(host.candidate(id_, f"r{number}", timers=TIMERS, keep_releases=2))
        host.elapse()
    assert f"stop {job}" not in host.events
    assert (host.place / "root/shop/releases/r1").is_dir()
    host.units[job] = {"ActiveState": "inactive", "SubState": "dead"}
    run(host.candidate("five", "r5", timers=TIMERS, keep_releases=2))
    assert not (host.place / "root/shop/releases/r1").exists()
    assert not [name for name in host.tree() if "@one" in name]


def test_a_second_run_and_a_rollback_know_timers(host, run, elapsing):
    run(host.candidate("one", timers=TIMERS))
    assert not run(host.candidate("one", timers=TIMERS)).changed
    run(host.candidate("two", "r2"))
    assert elapsing() == set()
    rollback.rollback([(host.app(), "")], "ada", check=False)
    assert elapsing() == timers("one")
    assert not run(host.candidate("one", timers=TIMERS), allow_rejected=True).changed


def test_a_timer_that_the_host_has_no_more_is_removed(host, run, elapsing):
    run(host.candidate("one", timers=TIMERS))
    run(host.candidate("one", timers={"mail": TIMERS["mail"]}))
    assert elapsing() == {timer("mail", "one")}
    assert not [name for name in host.tree() if "nightly" in name]


def test_a_time_that_systemd_does_not_understand_is_refused_with_the_timer(host):
    one = host.candidate("one", timers={"nightly": {"timer": "OnCalendar=every night\n", "service": ""}})
    says = r"shop\.timers: the schedule of nightly is 'every night', which systemd does not understand \(Failed to parse\); write a time"
    with pytest.raises(DeployError, match=says):
        schedules.check(one.app)
    schedules.check(host.candidate("one", timers=TIMERS).app)


def test_a_time_that_never_comes_is_refused_unless_it_has_passed_since_the_deployment(host, run):
    one = host.candidate("one", timers={"nightly": {"timer": "OnCalendar=*-02-30 03:00\n", "service": ""}})
    with pytest.raises(DeployError, match=r"^shop\.timers: the schedule of nightly is '\*-02-30 03:00', which never comes; write a time"):
        schedules.check(one.app)
    run(one)
    schedules.check(one.app)


def test_status_tells_of_a_timer_whose_last_run_failed(host, run):
    run(host.candidate("one", timers=TIMERS))
    assert status.describe(host.app())["problems"] == []
    host.units[timer("mail", "one")]["LastTriggerUSec"] = "Sat 2026-11-28 03:00:00 UTC"
    host.units["flask-shop.mail@one.service"] = {"ActiveState": "failed", "Result": "exit-code", "ExecMainStatus": "3"}
    (says,) = status.describe(host.app())["problems"]
    assert says.startswith(f"{timer('mail', 'one')}: the last run of the timer mail failed (exit-code 3), Sat 2026-11-28 03:00:00 UTC;")
    # The command was started by hand.
    for never in ("", "n/a"):
        host.units[timer("mail", "one")]["LastTriggerUSec"] = never
        (says,) = status.describe(host.app())["problems"]
        assert says.endswith("failed (exit-code 3); look into the journal of flask-shop.mail@one.service")


FAILED = {"ActiveState": "failed", "Result": "exit-code", "ExecMainStatus": "3"}


def test_a_failed_run_is_known_until_the_command_runs_in_a_later_release(host, run):
    run(host.candidate("one", timers=TIMERS))
    host.units[job("mail", "one")] = dict(FAILED)
    for number, id_ in enumerate(("two", "three"), 2):
        run(host.candidate(id_, f"r{number}", timers=TIMERS))
        (says,) = status.describe(host.app())["problems"]
        assert says.startswith(
            f"{timer('mail', id_)}: the last run of the timer mail failed (exit-code 3), and the live instance has not run it"
        )
        assert says.endswith("; look into the journal of flask-shop.mail@one.service")
    host.units[job("mail", "three")] = {"ActiveState": "inactive", "InvocationID": "a run"}
    assert status.describe(host.app())["problems"] == []


def test_a_failed_run_is_forgotten_where_an_instance_in_between_has_run_the_command(host, run):
    run(host.candidate("one", timers=TIMERS))
    host.units[job("mail", "one")] = dict(FAILED)
    run(host.candidate("two", "r2", timers=TIMERS))
    # systemd forgets the run when the timer stops.
    host.ran.add(job("mail", "two"))
    run(host.candidate("three", "r3", timers=TIMERS))
    assert status.describe(host.app())["problems"] == []
    assert host.units[job("mail", "one")]["ActiveState"] == "inactive"


def test_lines_of_an_earlier_life_do_not_hide_a_failure(host, run):
    """After a rollback the live instance is the older one."""
    run(host.candidate("one", timers=TIMERS))
    host.ran.add(job("mail", "one"))
    run(host.candidate("two", "r2", timers=TIMERS))
    host.units[job("mail", "two")] = dict(FAILED)
    rollback.rollback([(host.app(), "")], "ada", check=False)
    assert [job("mail", "two") in says for says in status.describe(host.app())["problems"]] == [True]


def test_failures_of_instances_that_are_not_live_are_forgotten(host, run):
    run(host.candidate("one", workers=WORKERS, timers=TIMERS))
    failed = [worker("queue.1", "one"), job("mail", "one"), job("nightly", "one"), unit("one")]
    run(host.candidate("two", "r2", workers=WORKERS, timers=TIMERS))
    host.units |= {each: dict(FAILED) for each in failed}
    run(host.candidate("three", "r3", workers=WORKERS, timers={"mail": TIMERS["mail"]}))
    assert [each for each in failed if host.units[each]["ActiveState"] == "failed"] == [job("mail", "one")]


def test_a_removal_leaves_no_timer(host, run):
    run(host.candidate("one", timers=TIMERS))
    removal.remove({**host.app(), "purge": False, "own_dirs": [], "web_group": "", "prebuilt": []})
    assert not [name for name in host.tree() if "flask-shop." in name]
    assert not host.enabled()
