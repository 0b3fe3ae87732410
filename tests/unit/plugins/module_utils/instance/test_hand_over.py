# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""After a rollback the queue does not stand still: the old worker goes on until the one that has come back has finished its earlier job."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.instance import removal, rollback

TEXT = "TimeoutStopSec=3600\nOverlap=true\n"
WORKERS = {"queue.1": TEXT, "queue.2": TEXT}
ONE, TWO = "flask-shop.queue.1@one.service", "flask-shop.queue.1@two.service"
HAND_OVER = "flask-shop-handover-two.service"


@pytest.fixture
def rolled_back(host, run):
    """Roll back while the first worker of the earlier release still finishes a job."""
    run(host.candidate("one", workers=WORKERS))
    host.holding.add(ONE)
    run(host.candidate("two", "r2", workers={**WORKERS, "mail.1": TEXT}))
    host.behave(ONE, ActiveState="deactivating", SubState="stop-sigterm")
    assert not rollback.rollback([(host.app(), "")], "ada", check=False).failures


def test_the_old_worker_goes_on_until_the_other_one_has_started(host, rolled_back):
    assert host.is_running(TWO)
    assert not host.is_running("flask-shop.queue.2@two.service")
    assert not host.is_running("flask-shop.mail.1@two.service")
    assert not {unit for unit in host.enabled() if "@two" in unit}
    host.end_jobs()
    assert host.is_running(ONE)
    assert not host.is_running(TWO)


def test_an_old_worker_that_goes_on_is_not_left_over(host, run, rolled_back):
    host.units[ONE] = {"ActiveState": "active", "SubState": "running"}
    assert not run(host.candidate("one", workers=WORKERS), allow_rejected=True).changed
    del host.units[HAND_OVER]
    assert run(host.candidate("one", workers=WORKERS), allow_rejected=True).changed
    assert not host.is_running(TWO)


def test_a_further_run_leaves_the_old_worker_its_time(host, run, rolled_back):
    run(host.candidate("one", workers=WORKERS), allow_rejected=True)
    assert host.is_running(TWO)
    assert host.is_running(HAND_OVER)


def test_a_further_release_waits_for_neither(host, run, rolled_back):
    run(host.candidate("three", "r3", workers=WORKERS))
    assert not host.is_running(HAND_OVER)
    assert not host.is_running(TWO)


def test_the_old_release_comes_back_without_being_stopped(host, run, rolled_back):
    run(host.candidate("two", "r2", workers=WORKERS), allow_rejected=True)
    assert not host.is_running(HAND_OVER)
    host.end_jobs()
    assert host.is_running(TWO)


def test_nothing_is_handed_over_if_no_job_is_held(host, run):
    run(host.candidate("one", workers=WORKERS))
    run(host.candidate("two", "r2", workers=WORKERS))
    rollback.rollback([(host.app(), "")], "ada", check=False)
    assert HAND_OVER not in host.units
    assert not host.is_running(TWO)


def test_a_removal_ends_the_wait(host, rolled_back):
    removal.remove({**host.app(), "purge": False, "own_dirs": [], "web_group": "", "prebuilt": []})
    assert not any(host.is_running(unit) for unit in (ONE, TWO, HAND_OVER))
