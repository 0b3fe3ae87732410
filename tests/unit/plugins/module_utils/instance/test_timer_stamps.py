# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A timer that comes back, as after a rollback, does not do again what the timer of the left instance has done."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app import layout
from ansible_collections.flaskops.stack.plugins.module_utils.instance import rollback

TIMERS = {"mail": {"timer": "OnCalendar=daily\nPersistent=true\n", "service": "job\n"}}


@pytest.fixture
def stamped(host):
    """Return, and first set if it is given, when the timer of an instance has elapsed last, in seconds before now."""

    def stamped(instance: str, ago: float | None = None, name: str = "mail") -> float:
        path = Path(layout.TIMER_STAMPS) / f"stamp-flask-shop.{name}@{instance}.timer"
        if ago is not None:
            path.parent.mkdir(exist_ok=True)
            path.touch()
            os.utime(path, (1e9 + host.now - ago,) * 2)
        return 1e9 + host.now - path.stat().st_mtime

    return stamped


@pytest.fixture
def two_releases(host, run):
    """Deploy two releases with the same timer."""
    for id_, release in (("one", "r1"), ("two", "r2")):
        run(host.candidate(id_, release, timers=TIMERS))


def test_a_rollback_does_not_run_again_what_the_left_release_has_done(host, two_releases, stamped, back):
    stamped("one", 86_400)
    stamped("two", 3_600)
    back(host.app())
    assert 3_600 <= stamped("one") < 3_700


@pytest.mark.parametrize("left", ["OnCalendar=weekly\nPersistent=true\n", "OnCalendar=daily\nPersistent=false\n"])
def test_nothing_is_missed_while_a_timer_with_other_times_runs(host, run, stamped, back, left):
    run(host.candidate("one", timers=TIMERS))
    run(host.candidate("two", "r2", timers={"mail": {"timer": left, "service": "job\n"}}))
    stamped("one", 86_400)
    back(host.app())
    assert stamped("one") < 60


def test_a_site_run_that_goes_back_does_not_run_it_again(host, run, two_releases, stamped):
    stamped("one", 86_400)
    stamped("two", 3_600)
    run(host.candidate("one", timers=TIMERS))
    assert 3_600 <= stamped("one") < 3_700


def test_the_time_that_both_timers_were_down_is_caught_up_with(host, two_releases, stamped):
    stamped("one", 86_400)
    stamped("two", 3_600)
    host.units["flask-shop.mail@two.timer"] = {"ActiveState": "inactive", "SubState": "dead"}
    rollback.rollback([(host.app(), "")], "ada", check=False)
    assert 3_600 <= stamped("one") < 3_700


def test_a_stamp_never_becomes_older(host, two_releases, stamped, back):
    stamped("one", 0.5)
    before = os.stat(f"{layout.TIMER_STAMPS}/stamp-flask-shop.mail@one.timer").st_mtime
    back(host.app())
    assert os.stat(f"{layout.TIMER_STAMPS}/stamp-flask-shop.mail@one.timer").st_mtime >= before


def test_systemd_makes_the_stamp_of_a_timer_that_has_never_run(host, run, stamped):
    run(host.candidate("one", timers=TIMERS))
    stamped("one", 86_400)
    run(host.candidate("two", "r2", timers=TIMERS))
    assert not os.path.lexists(f"{layout.TIMER_STAMPS}/stamp-flask-shop.mail@two.timer")


def test_a_timer_of_the_live_instance_that_was_down_catches_up(host, run, two_releases, stamped):
    stamped("two", 86_400)
    host.units["flask-shop.mail@two.timer"] = {"ActiveState": "inactive", "SubState": "dead"}
    run(host.candidate("two", "r2", timers=TIMERS))
    assert stamped("two") >= 86_400
