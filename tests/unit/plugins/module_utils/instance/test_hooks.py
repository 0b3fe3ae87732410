# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hooks of a deployment: migrations before the switch, and what runs after it."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app import history
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError
from ansible_collections.flaskops.stack.plugins.module_utils.instance import deploy
from ansible_collections.flaskops.stack.plugins.module_utils.instance.deploy import migrate, new_releases
from ansible_collections.flaskops.stack.plugins.module_utils.instance.failures import Failures
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import DeployError, Instance
from ansible_collections.flaskops.stack.tests.unit.runs import serves


def test_hooks_run_after_the_switch(host, run, monkeypatch):
    ran = []
    monkeypatch.setattr(
        deploy, "run_hooks", lambda kind, app, within, release, home: ran.append((kind, release, home, host.candidate("x").live_id))
    )
    one = host.candidate("one")
    run(one)
    assert ran == [("after_switch", one.release, f"{one.root}/shared", "one")]
    run(one)
    assert len(ran) == 1


def test_a_hook_that_fails_does_not_undo_the_switch(host, run, monkeypatch):
    monkeypatch.setattr(
        deploy, "run_hooks", lambda *_args: (nothing for nothing in ()).throw(CommandError("the after_switch hook 'x' ended with 1:\nno"))
    )
    with pytest.raises(DeployError, match="^shop: the switch to one was made, but the after_switch hook 'x' ended with 1"):
        run(host.candidate("one"))
    serves(host, "one", "r1")


def test_a_hook_that_was_killed_is_run_again_and_one_that_failed_is_not(host, run, monkeypatch):
    run(host.candidate("one", "r1"))
    calls = []

    def hooks(kind, *_args):
        calls.append(kind)
        if len(calls) < 3:
            raise [KeyboardInterrupt, CommandError("it ended with 3")][len(calls) - 1]

    monkeypatch.setattr(deploy, "run_hooks", hooks)
    with monkeypatch.context() as dead:
        dead.setattr(Instance, "finish", lambda _instance: None)
        with pytest.raises(KeyboardInterrupt):
            run(host.candidate("two", "r2"))
    with pytest.raises(DeployError, match="it ended with 3"):
        run(host.candidate("two", "r2"))
    assert not run(host.candidate("two", "r2")).changed
    assert len(calls) == 2


def test_migrations_run_in_the_new_release(host, monkeypatch):
    ran = []
    monkeypatch.setattr(deploy, "run_hooks", lambda kind, app, within, release, home: ran.append((kind, release, home)))
    two = host.candidate("two", "r2")
    failures = Failures()
    migrate([two], "me@here", failures)
    assert failures == {}
    assert ran == [("migrate", two.release, f"{two.root}/shared")]


def test_a_migration_that_fails_leaves_no_release_and_a_line_in_the_history(host, run, monkeypatch):
    run(host.candidate("one", "r1"))
    before = host.tree("history.jsonl")
    two = host.candidate("two", "r2")
    monkeypatch.setattr(
        deploy, "run_hooks", lambda *_args: (nothing for nothing in ()).throw(CommandError("the migrate hook 'x' ended with 1:\nno table"))
    )
    failures = Failures()
    migrate([two], "me@here", failures)
    assert failures == {"shop": "shop: the migrate hook 'x' ended with 1:\nno table\nNothing was switched."}
    assert host.tree("history.jsonl") == before
    newest = history.read(two.root, 1)[0]
    assert (newest["result"], newest["release"], newest["previous"]) == ("failed", "r2", "one")
    serves(host, "one", "r1")


def test_migrations_run_for_another_release_and_not_for_other_settings(host, run):
    run(host.candidate("one", "r1"))
    assert new_releases([host.candidate("two", "r1")], allow_rejected=False) == ([], {})
    wanted = [host.candidate("two", "r2"), host.candidate("one", name="blog")]
    assert new_releases(wanted, allow_rejected=False) == (["shop", "blog"], {})


def test_prebuilt_code_that_is_live_is_not_migrated_again(host, run):
    one = host.candidate("one", release="")
    run(one)
    assert new_releases([one], allow_rejected=False) == ([], {})
