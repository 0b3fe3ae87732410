# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Workers of the live instance end and are started again by systemd; that keeps no run from its work."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app import history
from ansible_collections.flaskops.stack.plugins.module_utils.instance import status

WORKERS = {"queue.1": "TimeoutStopSec=60\nOverlap=true\n", "beat.1": "TimeoutStopSec=7\nOverlap=false\n"}
QUEUE, BEAT = "flask-shop.queue.1@one.service", "flask-shop.beat.1@one.service"
PAUSES = {"ActiveState": "activating", "SubState": "auto-restart", "NRestarts": "3"}


@pytest.fixture
def live(host, run):
    """A live instance, and a function that returns it as the next run wants it."""
    run(host.candidate("one", workers=WORKERS))
    host.events.clear()
    return lambda: host.candidate("one", workers=WORKERS)


@pytest.mark.parametrize("state", [PAUSES, {**PAUSES, "SubState": "auto-restart-queued"}])
def test_a_run_changes_nothing_while_systemd_waits_to_start_a_worker_again(host, run, live, state):
    host.units[QUEUE] = state
    assert not run(live()).changed


@pytest.mark.parametrize("state", [PAUSES, {"ActiveState": "active", "SubState": "running", "NRestarts": "3"}])
def test_a_worker_that_was_started_again_keeps_no_run_from_a_repair(host, run, live, state):
    host.units[QUEUE] = dict(state)
    (host.unit_dir / BEAT).write_text("changed")
    assert run(live()).changed
    assert (host.unit_dir / BEAT).read_text() == WORKERS["beat.1"]
    # The number of restarts is what `status` shows, and the worker was left alone.
    assert host.units[QUEUE] == state
    assert f"start {QUEUE}" not in host.events
    assert history.read(host.app()["root"], 1)[0]["result"] == "live"


def test_a_worker_that_ends_during_a_repair_is_no_failure(host, run, live):
    host.behave(QUEUE, **PAUSES)
    for unit in (QUEUE, BEAT):
        host.units[unit] = {"ActiveState": "inactive", "SubState": "dead"}
    assert run(live()).changed
    assert host.is_running(BEAT)
    assert f"start {QUEUE}" in host.events


def test_a_failed_worker_of_the_live_instance_is_started(host, run, live):
    host.units[BEAT] = {"ActiveState": "failed", "SubState": "failed"}
    assert run(live()).changed
    assert host.is_running(BEAT)


ENDS = {"ActiveState": "deactivating", "SubState": "stop-sigterm", "Result": "success", "ExecMainStatus": "0"}


def test_a_run_changes_nothing_while_a_worker_ends_that_systemd_starts_again(host, run, live):
    host.units[QUEUE] = dict(ENDS)
    assert not run(live(), check=True).changed
    assert not run(live()).changed
    assert not [event for event in host.events if event.startswith("start")]


@pytest.mark.parametrize("state", [{}, {"SubState": "final-sigterm"}])
def test_a_worker_that_somebody_stops_is_started(host, run, live, state):
    host.units[QUEUE] = {**ENDS, **state, "job": "stop"}
    assert run(live(), check=True).changed
    assert run(live()).changed
    assert host.is_running(QUEUE)


def test_a_worker_that_ends_and_does_not_start_at_boot_is_mended(host, run, live):
    host.units[QUEUE] = dict(ENDS)
    (host.unit_dir / "multi-user.target.wants" / QUEUE).unlink()
    assert run(live()).changed
    assert QUEUE in host.enabled()


def test_after_a_rollback_nothing_has_to_be_done_while_a_worker_finishes_an_earlier_job(host, run, live, back):
    host.holding.add(QUEUE)
    run(host.candidate("two", "r2", workers=WORKERS))
    host.behave(QUEUE, **ENDS)
    back(host.app())
    assert host.units[QUEUE]["ActiveState"] == "deactivating"
    assert status.describe(host.app())["problems"] == []
    assert not run(live()).changed


def test_systemd_is_asked_for_jobs_only_where_a_worker_ends(host, run, live):
    host.units[BEAT] = PAUSES
    assert not run(live()).changed
    host.units[QUEUE] = {"ActiveState": "failed", "SubState": "failed"}
    assert run(live(), check=True).changed
    assert host.events == []


def _ended_after(seconds: int, **other: str) -> dict[str, str]:
    """Return the state of a worker in the pause before systemd starts it again, after it has run for a time and ended well."""
    end = 3_600_000_000
    times = {"ExecMainStartTimestampMonotonic": str(end - seconds * 1_000_000), "ExecMainExitTimestampMonotonic": str(end)}
    return {**PAUSES, "Result": "success", "ExecMainStatus": "0", **times, **other}


def test_a_worker_that_ended_after_its_work_is_no_problem_while_systemd_starts_it_again(host, live):
    host.units[QUEUE] = _ended_after(60)
    found = status.describe(host.app())
    assert found["problems"] == []
    assert [worker["renewed"] for worker in found["workers"]] == [False, True]


@pytest.mark.parametrize(
    "state",
    [
        _ended_after(59),
        _ended_after(3000, Result="oom-kill", ExecMainStatus="9"),
        _ended_after(3000, ExecMainStatus="1"),
        _ended_after(3000, ActiveState="inactive", SubState="dead"),
        {**ENDS, "job": "stop"},
        {**ENDS, "Result": "oom-kill"},
        {**ENDS, "ExecMainStatus": "1"},
        _ended_after(59, **ENDS),
    ],
)
def test_a_worker_that_failed_or_had_no_time_to_work_is_a_problem_while_systemd_starts_it_again(host, live, state):
    host.units[QUEUE] = state
    (says,) = status.describe(host.app())["problems"]
    assert says.startswith(f"{QUEUE}: the worker queue.1 is ")


@pytest.mark.parametrize("state", [ENDS, _ended_after(60, **ENDS)])
def test_a_worker_that_ends_is_no_problem_where_systemd_starts_it_again(host, live, state):
    host.units[QUEUE] = dict(state)
    found = status.describe(host.app())
    assert found["problems"] == []
    assert [worker["renewed"] for worker in found["workers"]] == [False, True]
