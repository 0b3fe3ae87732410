# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rollbacks: which instance becomes live again, and what stays rejected."""

from __future__ import annotations

import os

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app import history
from ansible_collections.flaskops.stack.plugins.module_utils.instance.attempt import Action
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import DeployError
from ansible_collections.flaskops.stack.plugins.module_utils.instance.rollback import rollback
from ansible_collections.flaskops.stack.tests.unit.runs import serves


def test_a_rollback_goes_to_the_previous_instance(host, run, back):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2"))
    outcome = back(host.app())
    serves(host, "one", "r1")
    assert outcome.changed
    assert outcome.instances == {"shop": {"id": "one", "release": "r1", "switched": True}}
    host.elapse()
    serves(host, "one", "r1")


def test_a_rollback_starts_an_instance_that_has_ended(host, run, back):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2"))
    host.elapse()
    back(host.app())
    serves(host, "one", "r1")


def test_two_rollbacks_go_back_two_instances(host, run, back):
    for name, release in (("one", "r1"), ("two", "r2"), ("three", "r3")):
        run(host.candidate(name, release))
    back(host.app())
    serves(host, "two", "r2")
    back(host.app())
    serves(host, "one", "r1")
    with pytest.raises(DeployError, match="^shop: there is no earlier instance on this host to go back to"):
        back(host.app())


@pytest.mark.parametrize("action", [Action.TAKEN_BACK, Action.UNCONFIRMED])
def test_a_rollback_passes_over_a_release_that_was_taken_back_for_the_fault_of_something_else(host, run, back, action):
    for name, release in (("zero", "r0"), ("one", "r1"), ("two", "r2")):
        run(host.candidate(name, release))
    rollback([(host.app(), "")], "ann@here", False, action)
    serves(host, "one", "r1")
    back(host.app())
    serves(host, "zero", "r0")


def test_a_rollback_goes_to_a_release_that_was_deployed_again_after_it_was_taken_back(host, run, back):
    for name, release in (("one", "r1"), ("two", "r2")):
        run(host.candidate(name, release))
    rollback([(host.app(), "")], "ann@here", False, Action.TAKEN_BACK)
    run(host.candidate("two", "r2"))
    run(host.candidate("three", "r3"))
    back(host.app())
    serves(host, "two", "r2")


def test_a_rollback_goes_to_a_named_release(host, run, back):
    for name, release in (("one", "r1"), ("two", "r2"), ("three", "r3")):
        run(host.candidate(name, release))
    back(host.app(), release="r1")
    serves(host, "one", "r1")


@pytest.mark.parametrize(
    ("release", "says"),
    [
        ("r2", "shop: release r2 is live already"),
        ("r9", "shop: release r9 is not on this host: it was pruned or never deployed; there are r1"),
        ("r8", "shop: release r8 was never healthy on this host; there are r1"),
    ],
)
def test_a_rollback_to_an_impossible_release_says_why(host, run, back, release, says):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2"))
    os.mkdir(f"{host.app()['root']}/releases/r8")
    before = host.tree()
    with pytest.raises(DeployError) as caught:
        back(host.app(), release=release)
    assert str(caught.value).startswith(says)
    assert host.tree() == before


def test_without_a_live_instance_there_is_no_rollback(host, back):
    with pytest.raises(DeployError, match="^shop: no instance is live"):
        back(host.app())


def test_one_application_that_cannot_go_back_keeps_no_other_from_going_back(host, run, back):
    run(host.candidate("one", "r1"), host.candidate("one", name="blog"))
    run(host.candidate("two", "r2"), host.candidate("one", name="blog"))
    with pytest.raises(DeployError, match="^blog: "):
        back(host.app(), host.app("blog"))
    serves(host, "one", "r1")
    serves(host, "one", name="blog")


def test_one_application_that_fails_on_the_way_back_keeps_no_other_from_going_back(host, run, back):
    for id_, release in (("one", "r1"), ("two", "r2")):
        run(host.candidate(id_, release), host.candidate(id_, release, name="blog"))
    host.elapse()
    host.behave("flask-blog@one.service", 500)
    with pytest.raises(DeployError, match="^blog: the candidate one was asked"):
        back(host.app(), host.app("blog"))
    serves(host, "one", "r1")
    serves(host, "two", "r2", name="blog")
    assert history.rejected(host.app("blog")["root"]) == {}, "what stays live was not rejected"


def test_a_rollback_target_must_pass_the_gate(host, run, back):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2"))
    host.elapse()
    host.behave("flask-shop@one.service", 500)
    before = host.tree("history.jsonl")
    with pytest.raises(DeployError, match="answered 500"):
        back(host.app())
    serves(host, "two", "r2")
    assert host.tree("history.jsonl") == before


def test_check_mode_reports_a_rollback_and_changes_nothing(host, run, back):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2"))
    before = host.tree()
    assert back(host.app(), check=True).instances == {"shop": {"id": "one", "release": "r1", "switched": True}}
    assert host.tree() == before


def test_a_release_that_was_rolled_back_is_not_deployed_again(host, run, back):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2"))
    back(host.app())
    outcome = run(host.candidate("two", "r2"))
    serves(host, "one", "r1")
    assert not outcome.changed
    assert outcome.instances == {"shop": {"id": "one", "switched": False}}
    (notice,) = outcome.notices
    assert notice.startswith("shop: r2 was rolled back by me@here at ")
    # Another instance of the rejected release is not deployed either.
    assert not run(host.candidate("two b", "r2")).changed
    assert run(host.candidate("two", "r2"), allow_rejected=True).changed
    serves(host, "two", "r2")
    assert run(host.candidate("two", "r2")).notices == [], "that was its pardon"


def test_a_rollback_of_settings_does_not_reject_the_release(host, run, back):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r1"))
    back(host.app())
    assert not run(host.candidate("two", "r1")).changed
    assert run(host.candidate("three", "r1")).changed


def test_a_new_release_is_deployed_after_a_rollback(host, run, back):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2"))
    back(host.app())
    assert run(host.candidate("three", "r3")).changed
    serves(host, "three", "r3")


@pytest.mark.parametrize("target", ["uwsgi.sock", "...sock", "nothing", "../blog/one.sock", "three.sock"])
@pytest.mark.parametrize("release", ["", "r1", "r2"])
def test_a_link_of_the_application_that_leads_astray_is_a_message(host, run, back, target, release):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2"))
    link = host.place / "run_dir/shop/uwsgi.sock"
    link.unlink()
    link.symlink_to(target)
    with pytest.raises(DeployError, match="^shop: no instance is live, so there is nothing to go back from; deploy it with site.yml"):
        back(host.app(), release=release)
    run(host.candidate("two", "r2"))
    serves(host, "two", "r2")


SINGLE = {"workers": {"beat.1": "Overlap=false\n"}, "timers": {"mail": {"timer": "OnCalendar=daily\n", "service": "job\n"}}}


def test_a_rollback_names_the_workers_that_this_host_loses(host, run, back):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2", **SINGLE))
    for result in (back(host.app(), check=True), back(host.app())):
        (notice,) = result.notices
        assert notice.startswith("shop: this host had the timer mail, the worker beat.1 in the instance that was left, and has not in one")
    # A run with that description puts them on the host that is the first one now.
    assert run(host.candidate("one", "r1", **SINGLE), allow_rejected=True).changed
    assert host.is_running("flask-shop.beat.1@one.service")


def test_a_rollback_names_the_workers_that_this_host_gets_back(host, run, back):
    run(host.candidate("one", "r1", **SINGLE))
    run(host.candidate("two", "r2"))
    (notice,) = back(host.app()).notices
    assert notice.startswith("shop: this host has the timer mail, the worker beat.1 in one, which is live now, and had not in")


def test_a_rollback_with_the_same_workers_says_nothing(host, run, back):
    run(host.candidate("one", "r1", **SINGLE))
    run(host.candidate("two", "r2", **SINGLE))
    assert back(host.app()).notices == []
