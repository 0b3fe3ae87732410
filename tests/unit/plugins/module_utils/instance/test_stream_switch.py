# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Streams at a switch and at a rollback: they go to the instance that becomes live, also where a run is killed."""

from __future__ import annotations

import os

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import DeployError, live_id
from ansible_collections.flaskops.stack.tests.unit.pools import CHANGES, pool, settled, streams_go_to, unit
from ansible_collections.flaskops.stack.tests.unit.runs import KilledRuns


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_a_switch_takes_the_streams_along(host, run, old, new):
    run(host.candidate("one", "r1", pool=old))
    run(host.candidate("two", "r2", pool=new))
    settled(host, "two", new)
    assert host.is_running(pool("one")) == old, "it drains"
    host.elapse()
    assert not host.is_running(unit("one"))
    assert not host.is_running(pool("one"))
    settled(host, "two", new)
    assert not run(host.candidate("two", "r2", pool=new)).changed


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_a_rollback_takes_the_streams_along(host, run, back, old, new):
    run(host.candidate("one", "r1", pool=old))
    run(host.candidate("two", "r2", pool=new))
    host.elapse()
    back(host.app())
    settled(host, "one", old)
    host.elapse()
    settled(host, "one", old)
    assert not host.is_running(pool("two"))


def test_after_a_rollback_to_an_instance_without_a_pool_its_own_socket_serves_streams(host, run, back):
    run(host.candidate("one", "r1"))
    run(host.candidate("two", "r2", pool=True))
    back(host.app())
    assert streams_go_to(host) == "one.sock"


def test_the_stream_link_is_renamed_just_before_the_socket_link(host, run, monkeypatch):
    run(host.candidate("one", "r1", pool=True))
    renamed = []
    real = os.rename
    monkeypatch.setattr(os, "rename", lambda old, new: (renamed.append(os.path.basename(new)), real(old, new)))
    run(host.candidate("two", "r2", pool=True))
    assert renamed.index("stream.sock") + 1 == renamed.index("uwsgi.sock")


def test_instance_and_pool_drain_together(host, run):
    run(host.candidate("one", "r1", pool=True))
    run(host.candidate("two", "r2", pool=True))
    assert f"stop {unit('one')} {pool('one')} in 20" in host.events


def test_with_strategy_restart_instance_and_pool_are_stopped_first(host, run):
    run(host.candidate("one", "r1", pool=True))
    host.events.clear()
    host.behave(pool("two"), 500)
    with pytest.raises(DeployError):
        run(host.candidate("two", "r2", pool=True, strategy="restart"))
    for name in (unit("one"), pool("one")):
        assert host.events.index(f"stop {name}") < host.events.index(f"start {unit('two')}") < host.events.index(f"start {name}")
    settled(host, "one", True)


def test_an_old_pool_that_nothing_stops_is_drained(host, run):
    run(host.candidate("one", "r1", pool=True))
    run(host.candidate("two", "r2", pool=True))
    host.elapse()
    host._start([pool("one")])
    assert run(host.candidate("two", "r2", pool=True)).changed
    host.elapse()
    assert not host.is_running(pool("one"))


@pytest.fixture(scope="module", params=CHANGES, ids=str)
def change(request):
    """Whether the old instance has a pool, and whether the new one has."""
    return request.param


@pytest.fixture(scope="module")
def _deployments(shared_memory, run, change):
    old, new = change

    def prepare(host):
        run(host.candidate("one", "r1", pool=old))
        two = host.candidate("two", "r2", pool=new)
        return lambda: run(two)

    return KilledRuns(shared_memory / f"{change}", prepare)


@pytest.fixture
def killed_deployments(_deployments, monkeypatch):
    """Deployments of instance two, while instance one is live; one host for each step before which they can be killed."""
    return _deployments.again(monkeypatch)


def test_a_killed_deployment_leaves_streams_served_and_the_next_run_does_the_rest(killed_deployments, change, run, back):
    old, new = change
    seen = set()
    for host in killed_deployments:
        seen.add((live_id(host.app()), streams_go_to(host)))
        run(host.candidate("two", "r2", pool=new))
        settled(host, "two", new)
        host.elapse()
        settled(host, "two", new)
        assert not host.is_running(pool("one"))
        assert not run(host.candidate("two", "r2", pool=new)).changed
        back(host.app())
        settled(host, "one", old)
    assert {live for live, _streams in seen} == {"one", "two"}
    if old and new:
        assert ("one", "two.stream.sock") in seen, "streams go first"


def test_a_bad_candidate_after_a_killed_deployment_leaves_streams_served(killed_deployments, change, run):
    old, new = change
    for host in killed_deployments:
        if live_id(host.app()) == "two":
            continue
        host.behave(unit("two"), 500)
        with pytest.raises(DeployError):
            run(host.candidate("two", "r2", pool=new))
        host.elapse()
        assert live_id(host.app()) == "one"
        assert streams_go_to(host) == ("one.stream.sock" if old else streams_go_to(host))


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_a_killed_rollback_leaves_streams_served_and_the_next_one_gets_there(killed, run, back, old, new):
    def prepare(host):
        run(host.candidate("one", "r1", pool=old))
        run(host.candidate("two", "r2", pool=new))
        host.elapse()
        return lambda: back(host.app())

    for host in killed(prepare):
        streams_go_to(host)
        if live_id(host.app()) == "two":
            back(host.app())
        settled(host, "one", old)


def test_a_killed_pruning_of_a_pool_is_finished_by_the_next_runs(killed, run):
    def prepare(host):
        for name, release in (("one", "r1"), ("two", "r2")):
            run(host.candidate(name, release, keep_releases=2, pool=True))
            host.elapse()
        three = host.candidate("three", "r3", keep_releases=2)
        return lambda: run(three)

    for host in killed(prepare):
        for number in (3, 4, 5):
            run(host.candidate(f"p{number}", f"r{number}", keep_releases=2))
            host.elapse()
        assert not [name for name in host.tree() if "stream" in name and "run_dir" not in name]
