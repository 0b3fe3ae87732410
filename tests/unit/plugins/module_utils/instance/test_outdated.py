# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Units that go on with what was in files which a run has mended: they are restarted, also if that run fails or another one comes between."""

from __future__ import annotations

import os
import re

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.instance import switch
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import DeployError
from ansible_collections.flaskops.stack.tests.unit.pools import unit
from ansible_collections.flaskops.stack.tests.unit.runs import serves

WORKERS = {"queue.1": "TimeoutStopSec=60\nOverlap=true\n"}
QUEUE = "flask-shop.queue.1@one.service"
TIMERS = {"nightly": {"timer": "[Timer]\nOnCalendar=daily\n", "service": "[Service]\n"}}
TIMER = "flask-shop.nightly@one.timer"
EACH = [TIMER, QUEUE, unit("one")]


@pytest.fixture
def live(host, run, begun):
    """Bring an instance up whose files somebody has edited before its units have begun, and return one with which a run meets it again."""

    def candidate():
        return host.candidate("one", workers=WORKERS, timers=TIMERS)

    run(candidate())
    host.events.clear()
    begun.update([unit("one"), QUEUE])
    for path in ("config_dir/shop/one.env", f"systemd/{TIMER}"):
        (host.place / path).write_text("# by hand\n")
    return candidate


@pytest.fixture
def killed_repair(live):
    """Have a run be killed after it has mended the files."""
    one = live()
    one.begin()
    one.write()


def marker(host) -> list[str]:
    path = host.place / "config_dir/shop/unfinished"
    return path.read_text().splitlines() if path.exists() else []


def restarted(host) -> set[str]:
    """Return the units that were stopped and started since the last call."""
    stopped = {event.removeprefix("stop ") for event in host.events if re.match("stop flask-shop[.@]", event)}
    found = {each for each in stopped if f"start {each}" in host.events[host.events.index(f"stop {each}") :]}
    host.events.clear()
    return found


def test_a_repair_that_the_gate_refuses_leaves_the_restart_of_workers_to_the_next_run(host, run, live):
    host.behave(unit("one"), 500)
    with pytest.raises(DeployError, match="answered 500"):
        run(live())
    assert restarted(host) == {unit("one")}
    assert marker(host) == ["one", TIMER, QUEUE]
    host.behave(unit("one"), 200)
    assert run(live()).changed
    assert restarted(host) == {QUEUE, TIMER}, "the instance itself has begun with the right files"
    assert marker(host) == []
    assert not run(live()).changed


@pytest.mark.parametrize("stuck", [unit("one"), QUEUE])
def test_a_repair_fails_while_a_unit_does_not_stop_and_the_next_run_restarts_it(host, run, live, monkeypatch, stuck):
    with monkeypatch.context() as patched:

        def stop(units, *_seconds):
            if stuck in units:
                raise switch.systemd.SystemdError("it does not stop")
            host._stop(units)

        patched.setattr(switch.systemd, "stop", stop)
        with pytest.raises(DeployError, match="it does not stop"):
            run(live())
        assert stuck in marker(host)
    host.events.clear()
    assert run(live()).changed
    assert stuck in restarted(host)
    assert marker(host) == []


@pytest.mark.usefixtures("killed_repair")
def test_a_refused_candidate_leaves_the_restart_that_a_killed_run_has_left(host, run, live):
    host.behave(unit("two"), 500)
    for _again in range(2):
        with pytest.raises(DeployError, match="answered 500"):
            run(host.candidate("two", "r2", workers=WORKERS))
        assert marker(host) == ["one", *EACH]
    host.events.clear()
    assert run(live()).changed
    assert restarted(host) == set(EACH)
    assert marker(host) == []


@pytest.mark.usefixtures("killed_repair")
def test_a_killed_run_of_another_candidate_leaves_the_restart_too(host, run, live):
    for _again in range(2):
        host.candidate("two", "r2").begin()
        assert marker(host) == ["two", *EACH]
    assert run(live()).changed
    assert restarted(host) == set(EACH)


@pytest.mark.usefixtures("killed_repair")
def test_a_candidate_whose_release_is_gone_leaves_the_restart_too(host, run):
    two = host.candidate("two", "r2")
    os.rename(two.release.path, f"{two.release.path}.gone")
    with pytest.raises(DeployError, match="the release r2 is not on the host any more"):
        run(two)
    assert marker(host) == ["one", *EACH]


@pytest.mark.usefixtures("killed_repair")
def test_after_a_switch_the_units_of_the_old_instance_need_no_restart(host, run):
    assert run(host.candidate("two", "r2", workers=WORKERS, timers=TIMERS)).changed
    serves(host, "two")
    assert marker(host) == []
    assert not run(host.candidate("two", "r2", workers=WORKERS, timers=TIMERS)).changed
