# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Switches on trial: who ends them, and where a host goes back to when nobody does."""

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app import history
from ansible_collections.flaskops.stack.plugins.module_utils.instance import deploy, verdict
from ansible_collections.flaskops.stack.plugins.module_utils.instance.attempt import Action
from ansible_collections.flaskops.stack.plugins.module_utils.instance.failures import Failures
from ansible_collections.flaskops.stack.plugins.module_utils.instance.rollback import rollback
from ansible_collections.flaskops.stack.plugins.module_utils.instance.trial import Trials, trial_of
from ansible_collections.flaskops.stack.tests.unit.runs import serves, serving

TIMER = "flask-shop.trial.timer"


@pytest.fixture
def rollout():
    """Deploy an instance as a run that puts its switches on trial."""

    def rollout(*wanted, check=False, seconds=90):
        trials = Trials(seconds, "ann@here", b"program")
        result = deploy.deploy(wanted, (), "ann@here", False, check, Failures(), trials)
        assert not result.failures
        return result

    return rollout


def expire(host) -> dict[str, str]:
    """Let the time of the trial pass: systemd starts the program with the arguments of the timer."""
    timer = host.units.pop(TIMER)
    return verdict.expire(timer["runs"])


def is_on_trial(host) -> bool:
    return trial_of(host.app()) is not None


def test_a_switch_that_nobody_confirms_is_undone_and_the_release_is_not_rejected(host, run, rollout):
    run(host.candidate("one", "r1"))
    rollout(host.candidate("two", "r2"))
    serves(host, "two", "r2")
    assert host.units[TIMER]["seconds"] == "90"
    assert expire(host) == {}
    serves(host, "one", "r1")
    assert not is_on_trial(host)
    newest, *_earlier = history.read(host.app()["root"], 9)
    assert (newest["action"], newest["who"], newest["result"]) == ("unconfirmed", "ann@here", "live")
    assert rollout(host.candidate("two", "r2")).changed, "nobody has found fault with the release, so the next run deploys it"
    serves(host, "two", "r2")


def test_a_confirmed_switch_stays(host, run, rollout):
    run(host.candidate("one", "r1"))
    rollout(host.candidate("two", "r2"))
    assert verdict.confirm([host.app()], check=True, expected={}).confirmed == ["shop"]
    assert is_on_trial(host)
    assert verdict.confirm([host.app()], check=False, expected={}) == (["shop"], {})
    assert TIMER not in host.timers()
    assert not is_on_trial(host)
    assert not rollout(host.candidate("two", "r2")).changed


def test_a_run_confirms_no_release_of_another_run(host, run, rollout):
    run(host.candidate("one", "r1"))
    rollout(host.candidate("two", "r2"))
    rollout(host.candidate("three", "r3"))
    for check in (True, False):
        confirmed, failures = verdict.confirm([host.app()], check, {"shop": "two"})
        assert confirmed == []
        assert failures["shop"].startswith("shop: this run has switched to the instance two, and now three is live, since another run has")
    assert is_on_trial(host), "the run that has switched to it is there to judge it"
    assert verdict.confirm([host.app()], False, {"shop": "three"}).confirmed == ["shop"]


def test_a_run_takes_back_no_release_of_another_run(host, run, rollout):
    run(host.candidate("one", "r1"))
    rollout(host.candidate("two", "r2"))
    outcome = rollback([(host.app(), "")], "ann@here", False, Action.TAKEN_BACK, {"shop": "one"})
    assert "this run has switched to the instance one, and now two is live" in outcome.failures["shop"]
    serves(host, "two", "r2")
    assert rollback([(host.app(), "")], "ann@here", False, Action.TAKEN_BACK, {"shop": "two"}).failures == {}
    serves(host, "one", "r1")
    newest, *_earlier = history.read(host.app()["root"], 9)
    assert (newest["action"], newest["result"]) == ("taken back", "live")
    assert rollout(host.candidate("two", "r2")).changed, "nobody has found fault with the release, so the next run deploys it"


def test_a_timer_that_comes_too_late_does_nothing(host, run, rollout):
    run(host.candidate("one", "r1"))
    rollout(host.candidate("two", "r2"))
    runs = host.units[TIMER]["runs"]
    verdict.confirm([host.app()], check=False, expected={})
    assert verdict.expire(runs) == {}
    serves(host, "two", "r2")


def test_a_confirmation_that_comes_too_late_is_told(host, run, rollout):
    run(host.candidate("one", "r1"))
    rollout(host.candidate("two", "r2"))
    expire(host)
    confirmed, failures = verdict.confirm([host.app()], check=False, expected={})
    assert confirmed == []
    assert failures["shop"].startswith("shop: the trial of the switch was over before this run confirmed it")
    assert "-e trial=SECONDS" in failures["shop"]


def test_a_rollback_ends_the_trial(host, run, rollout, back):
    run(host.candidate("one", "r1"))
    rollout(host.candidate("two", "r2"))
    back(host.app())
    serves(host, "one", "r1")
    assert TIMER not in host.timers()
    assert not os.path.exists(f"{host.app()['config_dir']}/trial.json")


def test_a_run_without_trials_ends_the_trial_of_an_earlier_one(host, run, rollout):
    run(host.candidate("one", "r1"))
    rollout(host.candidate("two", "r2"))
    assert run(host.candidate("two", "r2"), check=True).taken_up == ("shop",)
    assert is_on_trial(host), "check mode changes nothing"
    assert run(host.candidate("two", "r2")).changed
    assert not is_on_trial(host)
    assert not run(host.candidate("two", "r2")).changed
    rollout(host.candidate("three", "r3"))
    run(host.candidate("four", "r4"))
    assert not is_on_trial(host)
    assert TIMER not in host.timers()


@pytest.mark.parametrize("has_timer", [True, False])
def test_the_next_rollout_takes_up_what_a_killed_one_has_left(host, run, rollout, has_timer):
    """A reboot has no timer left."""
    run(host.candidate("one", "r1"))
    rollout(host.candidate("two", "r2"))
    if not has_timer:
        host.units.pop(TIMER)
    began = trial_of(host.app()).began
    again = rollout(host.candidate("two", "r2"), seconds=50)
    assert (again.changed, again.taken_up, again.instances) == (True, ("shop",), {"shop": {"id": "two", "switched": False}})
    assert host.units[TIMER]["seconds"] == "50"
    assert trial_of(host.app()).began == began, "visitors are compared with those before the switch"
    expire(host)
    serves(host, "one", "r1")


def test_nobody_goes_back_to_a_release_that_was_never_confirmed(host, run, rollout):
    """Also if it was long ago: what was confirmed last is kept, however few releases are."""
    run(host.candidate("one", "r1", keep_releases=2))
    for number in (2, 3, 4):
        rollout(host.candidate(f"i{number}", f"r{number}", keep_releases=2))
        host.units.pop(TIMER)
        host.elapse()
    rollout(host.candidate("five", "r5", keep_releases=2))
    expire(host)
    serves(host, "one", "r1")


def test_a_rollback_during_a_trial_goes_to_what_was_confirmed(host, run, rollout, back):
    run(host.candidate("one", "r1"))
    rollout(host.candidate("two", "r2"))
    rollout(host.candidate("three", "r3"))
    back(host.app())
    serves(host, "one", "r1")


def test_a_first_release_has_nothing_to_go_back_to(host, rollout):
    rollout(host.candidate("one", "r1"))
    assert TIMER not in host.timers()
    assert is_on_trial(host), "the next rollout judges it"
    assert verdict.confirm([host.app()], check=False, expected={}).confirmed == ["shop"]


def test_an_instance_that_fails_on_the_way_back_leaves_the_new_one(host, run, rollout):
    run(host.candidate("one", "r1"))
    rollout(host.candidate("two", "r2"))
    host.elapse()
    host.behave("flask-shop@one.service", 500)
    rollout(host.candidate("two", "r2"))
    assert "answered 500" in expire(host)["shop"]
    serves(host, "two", "r2")
    assert is_on_trial(host), "the next rollout judges it"


def test_a_run_that_is_killed_leaves_a_host_that_goes_back_or_never_switched(killed, run, rollout):
    def prepare(host):
        run(host.candidate("one", "r1"))
        two = host.candidate("two", "r2")
        return lambda: rollout(two)

    seen = set()
    for host in killed(prepare):
        seen.add(serving(host))
        assert serving(host) == "one" or TIMER in host.timers(), "there is a timer before the switch"
        if TIMER in host.timers():
            expire(host)
        assert serving(host) == "one"
        rollout(host.candidate("two", "r2"))
        serves(host, "two", "r2")
    assert seen == {"one", "two"}


def test_a_way_back_that_is_killed_is_gone_again(killed, run, rollout):
    def prepare(host):
        run(host.candidate("one", "r1"))
        rollout(host.candidate("two", "r2"))
        return lambda: expire(host)

    for host in killed(prepare):
        path = f"{host.app()['config_dir']}/trial.json"
        verdict.expire(path)
        assert serving(host) == "one"


def test_the_file_of_a_trial_is_roots_and_has_no_secrets(host, run, rollout):
    run(host.candidate("one", "r1"))
    rollout(host.candidate("two", "r2"))
    path = f"{host.app()['config_dir']}/trial.json"
    assert os.stat(path).st_mode & 0o777 == 0o600
    with open(path) as file:
        text = file.read()
    assert "hunter2" not in text
    assert json.loads(text)["former"] == "one"


def test_a_damaged_file_of_a_trial_is_told(host, run, rollout):
    run(host.candidate("one", "r1"))
    rollout(host.candidate("two", "r2"))
    with open(f"{host.app()['config_dir']}/trial.json", "w") as file:
        file.write("{")
    (message,) = verdict.confirm([host.app()], check=False, expected={}).failures.values()
    assert "The file is no JSON; restore it, or remove it and deploy again" in message
