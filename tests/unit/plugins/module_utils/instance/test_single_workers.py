# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Workers with ``overlap: false``: there is one of each, whatever its name was, and a refused release keeps it down for a moment only."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import systemd
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import DeployError
from ansible_collections.flaskops.stack.tests.unit.pools import unit

TEXT, ALONE = "TimeoutStopSec=60\nOverlap=true\n", "TimeoutStopSec=7\nOverlap=false\n"
WORKERS = {"queue.1": TEXT, "beat.1": ALONE}
DIES = {"ActiveState": "failed", "SubState": "failed", "ExecMainStatus": "1"}


def worker(name: str, instance: str, app: str = "shop") -> str:
    return f"flask-{app}.{name}@{instance}.service"


@pytest.fixture
def journal(host, monkeypatch):
    """Note when the log of a worker is read; it stays empty, so that a run waits for its lines as long as it does for any."""
    real = systemd.journal
    monkeypatch.setattr(
        systemd, "journal", lambda *args, **more: host.events.append(f"journal {args[0]} at {host.now}") or real(*args, **more)
    )
    host.log = []


def first(host, beginning: str) -> int:
    return next(number for number, event in enumerate(host.events) if event.startswith(beginning))


def test_the_scheduler_goes_on_before_the_log_of_the_refused_one_is_read(host, run, journal):
    run(host.candidate("one", workers=WORKERS))
    host.behave(worker("beat.1", "two"), **DIES)
    host.events.clear()
    goes_on = "The live instance goes on; its worker beat.1 had to make room and is started again."
    with pytest.raises(DeployError, match=f"beat.1 of the candidate two exited with 1 in its first seconds. {goes_on}"):
        run(host.candidate("two", "r2", workers=WORKERS))
    ended, again = first(host, f"stop {worker('beat.1', 'two')}"), first(host, f"start {worker('beat.1', 'one')}")
    assert ended < again < first(host, "journal")
    assert host.is_running(worker("beat.1", "one"))
    assert not [name for name in host.tree() if "@two" in name]


def test_the_scheduler_does_not_wait_for_other_applications(host, run, journal):
    slow = {"queue.1": TEXT, "other.1": ALONE}
    run(host.candidate("one", workers=WORKERS), host.candidate("one", name="slow", workers=slow))
    host.behave(worker("beat.1", "two"), **DIES)
    host.behave("flask-slow@two.service", ActiveState="activating", SubState="start")
    began = host.now
    with pytest.raises(DeployError, match="slow: the application has not answered within"):
        run(host.candidate("two", "r2", workers=WORKERS), host.candidate("two", "r2", name="slow", workers=slow))
    read = next(float(event.rpartition(" ")[2]) for event in host.events if event.startswith(f"journal {worker('beat.1', 'two')}"))
    assert read - began < 15


def test_a_job_of_the_refused_candidate_keeps_the_scheduler_waiting_no_longer(host, run, monkeypatch):
    run(host.candidate("one", workers=WORKERS))
    host.behave(worker("beat.1", "two"), **DIES)
    host.holding.add(worker("queue.1", "two"))
    started, real = {}, systemd.start
    monkeypatch.setattr(systemd, "start", lambda units: ([started.setdefault(unit, host.now) for unit in units], real(units)))
    with pytest.raises(DeployError):
        run(host.candidate("two", "r2", workers=WORKERS))
    assert started[worker("beat.1", "one")] - started[worker("beat.1", "two")] < 5


def test_the_live_instance_answers_again_before_the_log_is_read(host, run, journal):
    run(host.candidate("one", strategy="restart"))
    host.behave(unit("two"), **DIES)
    host.events.clear()
    with pytest.raises(DeployError, match="The live instance had to make room and is started again"):
        run(host.candidate("two", "r2", strategy="restart"))
    assert first(host, f"start {unit('one')}") < first(host, "journal")


def test_a_refused_repair_of_the_live_instance_stops_no_worker_of_it(host, run):
    run(host.candidate("one", strategy="restart", workers=WORKERS))
    host.units[unit("one")] = dict(DIES)
    host.behave(unit("one"), **DIES)
    host.events.clear()
    with pytest.raises(DeployError, match="Nothing else is live"):
        run(host.candidate("one", strategy="restart", workers=WORKERS))
    assert all(host.is_running(worker(name, "one")) for name in WORKERS)
    assert not [event for event in host.events if event.startswith("stop ") and "beat" in event]


def test_a_scheduler_that_cannot_be_started_leaves_the_live_one(host, run, monkeypatch):
    run(host.candidate("one", workers=WORKERS))
    real = systemd.start

    def start(units):
        if worker("beat.1", "two") in units:
            raise systemd.SystemdError("the unit is damaged")
        real(units)

    monkeypatch.setattr(systemd, "start", start)
    with pytest.raises(DeployError, match="the unit is damaged"):
        run(host.candidate("two", "r2", workers=WORKERS))
    assert all(host.is_running(worker(name, "one")) for name in WORKERS)
    assert not host.is_running(unit("two"))


@pytest.mark.parametrize("after", [{"scheduler.1": ALONE}, {"scheduler.1": ALONE, "queue.1": TEXT}])
def test_a_scheduler_of_another_name_starts_when_the_old_one_has_ended(host, run, after):
    run(host.candidate("one", workers=WORKERS))
    host.events.clear()
    run(host.candidate("two", "r2", workers=after))
    assert first(host, f"stop {worker('beat.1', 'one')}") < first(host, f"start {worker('scheduler.1', 'two')}")
    assert f"stop {worker('queue.1', 'one')}" not in host.events


def test_fewer_schedulers_start_when_all_old_ones_have_ended(host, run):
    run(host.candidate("one", workers={f"beat.{number}": ALONE for number in (1, 2, 3)}))
    host.events.clear()
    run(host.candidate("two", "r2", workers=WORKERS))
    started = first(host, f"start {worker('beat.1', 'two')}")
    assert all(first(host, f"stop {worker(f'beat.{number}', 'one')}") < started for number in (1, 2, 3))


def test_a_refused_scheduler_of_another_name_gives_the_old_one_back(host, run):
    run(host.candidate("one", workers=WORKERS))
    host.behave(worker("scheduler.1", "two"), **DIES)
    with pytest.raises(DeployError, match="its worker beat.1 had to make room and is started again"):
        run(host.candidate("two", "r2", workers={"scheduler.1": ALONE}))
    assert host.is_running(worker("beat.1", "one"))
