# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two controllers: a run prunes the release that another run has built and not made live yet."""

from __future__ import annotations

import re
import shutil

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app import commands, history
from ansible_collections.flaskops.stack.plugins.module_utils.host.cage import Cage
from ansible_collections.flaskops.stack.plugins.module_utils.instance.deploy import migrate
from ansible_collections.flaskops.stack.plugins.module_utils.instance.failures import Failures
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import DeployError
from ansible_collections.flaskops.stack.tests.unit.runs import serves

GONE = (
    "^shop: the release r2 is not on the host any more: another run has pruned it meanwhile. Run again to have it built anew\nNothing was"
)
ROUTE = {"nginx": {"server_names": ["a.example"], "routes": [{"path": "/s", "mode": "static", "directory": "web"}]}}


def test_the_run_that_comes_too_late_is_told_and_changes_nothing(host, run):
    run(host.candidate("one", "r1"))
    late = host.candidate("two", "r2", **ROUTE)
    host.now += 10
    run(host.candidate("three", "r3"))
    assert not (host.place / "root/shop/releases/r2").exists(), "the other run has pruned it"
    before = host.tree("history", "unfinished")
    with pytest.raises(DeployError, match=GONE):
        run(late)
    serves(host, "three", "r3")
    assert host.tree("history", "unfinished") == before
    assert history.read(late.root, 1)[-1]["result"] == "failed"
    assert not (host.place / "config_dir/shop/unfinished").exists()


def test_a_release_whose_virtualenv_is_gone_is_told_too(host, run):
    run(host.candidate("one", "r1"))
    late = host.candidate("two", "r2")
    shutil.rmtree(late.release.virtualenv_path)
    with pytest.raises(DeployError, match=GONE):
        run(late)
    serves(host, "one", "r1")


def test_no_migration_runs_in_a_release_that_is_gone(host, run, monkeypatch):
    monkeypatch.setattr(Cage, "run_each", lambda *_args: pytest.fail("a hook has run"))
    monkeypatch.setattr(commands, "end_leftovers", lambda _name: None)
    run(host.candidate("one", "r1"))
    late = host.candidate("two", "r2", hooks={"migrate": ["true"]})
    late.app["environment"] = {}
    shutil.rmtree(late.release.path)
    failures = Failures()
    migrate([late], "me@here", failures)
    assert re.match(GONE, failures["shop"])


def test_code_that_something_else_puts_there_is_looked_at_when_it_starts(host, run):
    run(host.candidate("one", release=""))
    serves(host, "one")
