# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Refused candidates: they are discarded, and what is live stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.files import read_link, read_text
from ansible_collections.flaskops.stack.plugins.module_utils.instance import switch
from ansible_collections.flaskops.stack.tests.unit.runs import entries


@pytest.fixture
def refuse(host):
    """Start a candidate and discard it."""

    def refuse(candidate, remove=True):
        before = {path: read_text(path) for path in candidate.unit_templates}
        candidate.publish()
        candidate.write()
        switch.start([candidate])
        switch.discard([candidate], {"shop": before}, remove)

    return refuse


def test_a_refused_candidate_leaves_no_trace(host, bring, refuse):
    bring("one", "r1")
    before = host.tree()
    refuse(host.candidate("two", "r2", unit="unit 2"))
    assert host.tree() == before
    assert not host.is_running("flask-shop@two.service")
    assert host.is_running("flask-shop@one.service")


def test_systemd_forgets_the_failure_of_a_refused_candidate(host, refuse):
    two = host.candidate("two")
    host.behave(two.unit, ActiveState="failed")
    refuse(two)
    assert host.units[two.unit]["ActiveState"] == "inactive"


def test_the_unit_template_is_restored(host, bring, refuse):
    bring("one", unit="unit 1")
    refuse(host.candidate("two", "r2", unit="unit 2"))
    template = host.unit_dir / "flask-shop@.service"
    assert (template.read_text(), template.stat().st_mode & 0o777) == ("unit 1", 0o644)


def test_a_first_candidate_that_is_refused_leaves_no_trace(host, refuse):
    two = host.candidate("two", "r2")
    refuse(two)
    assert host.tree() == {}
    assert entries(f"{two.root}/releases") == entries(f"{two.root}/venvs") == []
    assert not host.enabled()


def test_the_release_of_the_live_instance_stays(host, bring, refuse):
    one = bring("one", "r1")
    refuse(host.candidate("two", "r1"))
    assert entries(f"{one.root}/releases") == ["r1"]
    assert read_link(f"{one.root}/next") == "releases/r1"


def test_a_virtualenv_that_another_release_uses_stays(host, bring, refuse):
    one = bring("one", "r1")
    two = host.candidate("two", "r2")
    record = Path(one.root, "releases/r2.json")
    record.write_text(record.read_text().replace("v-r2", "v-r1"))
    refuse(two)
    assert entries(f"{one.root}/venvs") == ["v-r1"]


def test_a_refused_rollback_target_keeps_its_files(host, bring, refuse):
    bring("one", "r1")
    two = bring("two", "r2")
    host.elapse()
    before = host.tree("next")
    refuse(host.candidate("one", "r1"), remove=False)
    assert host.tree("next") == before
    assert entries(f"{two.root}/releases") == ["r1", "r2"]


@pytest.mark.parametrize("state", ["active", "failed"])
def test_the_live_instance_is_left_alone_whatever_its_state(host, bring, refuse, state):
    one = bring("one")
    before = host.tree()
    host.behave(one.unit, ActiveState=state)
    host.units[one.unit]["ActiveState"] = state
    refuse(one)
    assert host.tree() == before
    assert host.units[one.unit]["ActiveState"] == state
    assert host.timers() == set()


def test_a_refused_rollback_target_that_was_draining_drains_again(host, bring, refuse):
    bring("one", "r1")
    bring("two", "r2")
    refuse(host.candidate("one", "r1"), remove=False)
    assert host.is_running("flask-shop@one.service")
    assert host.timers() == {"flask-shop-drain-one.timer"}


def test_with_strategy_restart_the_live_instance_is_started_again(host, bring):
    bring("one")
    two = host.candidate("two", strategy="restart")
    two.publish()
    two.write()
    switch.start([two])
    assert not host.is_running("flask-shop@one.service")
    switch.discard([two], {"shop": {str(host.unit_dir / "flask-shop@.service"): "unit 1"}}, remove=True)
    assert host.is_running("flask-shop@one.service")
    assert not host.is_running("flask-shop@two.service")
