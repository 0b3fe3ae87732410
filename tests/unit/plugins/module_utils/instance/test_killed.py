# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs that are killed: wherever it happens, the site is served and the next run does the rest.

A fixture `killed_...` iterates over the hosts that one run leaves, one for each step before which it can be killed.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.files import read_link
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import DeployError, known_ids, previous_id
from ansible_collections.flaskops.stack.tests.unit.runs import KilledRuns, serves, serving


@pytest.fixture(scope="module")
def _deployments(shared_memory, run):
    def prepare(host):
        run(host.candidate("one", "r1"))
        two = host.candidate("two", "r2")
        return lambda: run(two)

    return KilledRuns(shared_memory / "deployments", prepare)


@pytest.fixture
def killed_deployments(_deployments, monkeypatch):
    """Deployments of instance two, while instance one is live."""
    return _deployments.again(monkeypatch)


@pytest.fixture(scope="module")
def _rollbacks(shared_memory, run, back):
    def prepare(host):
        run(host.candidate("one", "r1"))
        run(host.candidate("two", "r2"))
        return lambda: back(host.app())

    return KilledRuns(shared_memory / "rollbacks", prepare)


@pytest.fixture
def killed_rollbacks(_rollbacks, monkeypatch):
    """Rollbacks from instance two to instance one, while instance one still drains."""
    return _rollbacks.again(monkeypatch)


def test_a_killed_deployment_leaves_the_site_served_and_the_next_run_switches(killed_deployments, run):
    seen = set()
    for host in killed_deployments:
        seen.add(serving(host))
        run(host.candidate("two", "r2"))
        serves(host, "two", "r2")
        host.elapse()
        serves(host, "two", "r2")
    assert seen == {"one", "two"}


def test_the_run_after_a_killed_deployment_leaves_nothing_to_do(killed_deployments, run, back):
    for host in killed_deployments:
        run(host.candidate("two", "r2"))
        assert host.enabled() == {"flask-shop@two.service"}
        host.elapse()
        assert not host.is_running("flask-shop@one.service")
        assert not run(host.candidate("two", "r2")).changed
        back(host.app())
        assert serving(host) == "one"


def test_the_run_after_a_killed_deployment_knows_the_previous_instance(killed_deployments, run):
    for host in killed_deployments:
        run(host.candidate("two", "r2"))
        assert previous_id(host.app()) == "one"
        assert read_link(f"{host.app()['root']}/public/previous") == "one"


def test_a_killed_deployment_leaves_nothing_when_another_release_is_next(killed_deployments, run):
    seen = set()
    for host in killed_deployments:
        live = serving(host)
        seen.add(live)
        three = host.candidate("three", "r3")
        run(three)
        serves(host, "three", "r3")
        assert previous_id(host.app()) == live
        if live == "one":
            assert not host.is_running("flask-shop@two.service")
            assert "two" not in known_ids(host.app())
    assert seen == {"one", "two"}


def test_a_killed_rollback_is_not_undone_by_the_next_deployment(killed_rollbacks, run):
    for host in killed_rollbacks:
        if serving(host) == "one":
            run(host.candidate("two", "r2"))
            assert serving(host) == "one"


def test_the_link_to_the_release_fits_the_live_instance_after_a_killed_rollback(killed_rollbacks, run):
    for host in killed_rollbacks:
        run(host.candidate("two", "r2"))
        assert read_link(f"{host.app()['root']}/current") == {"one": "releases/r1", "two": "releases/r2"}[serving(host)]


def test_a_killed_rollback_to_a_stopped_instance_leaves_the_site_served(killed, run, back):
    def prepare(host):
        run(host.candidate("one", "r1"))
        run(host.candidate("two", "r2"))
        host.elapse()
        return lambda: back(host.app())

    for host in killed(prepare):
        if serving(host) == "two":
            back(host.app())
        assert serving(host) == "one"


def test_a_killed_deployment_that_is_repeated_leaves_what_an_undisturbed_one_does(killed, run):
    def deploy(host, number):
        run(host.candidate(f"{number}", f"r{number}", keep_releases=2))

    def prepare(host):
        for number in (1, 2):
            deploy(host, number)
            host.elapse()
        three = host.candidate("3", "r3", keep_releases=2)
        return lambda: run(three)

    def left(host):
        return {path for path in host.tree("history.jsonl") if not path.endswith((".timer", ".service"))}

    trees = []
    for host in killed(prepare):
        deploy(host, 3)
        host.elapse()
        trees.append(left(host))
    assert [sorted(tree ^ trees[0]) for tree in trees if tree != trees[0]] == []
    assert not [path for path in trees[0] if "r1" in path or "unfinished" in path]


def test_a_killed_deployment_of_a_bad_candidate_leaves_the_site_served(killed, run):
    def prepare(host):
        run(host.candidate("one", "r1"))
        host.behave("flask-shop@two.service", 500)
        two = host.candidate("two", "r2", unit="unit 2")

        def act():
            with pytest.raises(DeployError):
                run(two)

        return act

    for host in killed(prepare):
        assert serving(host) == "one"
        run(host.candidate("three", "r3"))
        serves(host, "three", "r3")
        host.elapse()
        run(host.candidate("four", "r4"))
        host.elapse()
        assert not host.is_running("flask-shop@two.service")


def test_a_killed_removal_of_an_application_is_finished_by_the_next_run(killed, run):
    def prepare(host):
        run(host.candidate("one"), host.candidate("one", name="blog"))
        blog = {**host.app("blog"), "purge": False}
        return lambda: run(absent=[blog])

    for host in killed(prepare):
        # Not by `host.app("blog")`, which would make its directories again.
        places = {key: f"{host.place}/{key}/blog" for key in ("root", "config_dir", "run_dir")}
        blog = {**host.app("shop"), **places, "name": "blog", "purge": False}
        run(absent=[blog])
        assert run(absent=[blog]).changed is False
        assert not [name for name in host.tree() if "blog" in name and "service.d/" not in name]
        assert not [unit for unit in host.units if "blog" in unit and host.is_running(unit)]
        assert not [unit for unit in host.enabled() if "blog" in unit]
        serves(host, "one", "r1")


def test_a_killed_pruning_is_finished_by_the_next_run(killed, run):
    def prepare(host):
        for name, release in (("one", "r1"), ("two", "r2")):
            run(host.candidate(name, release, keep_releases=2))
            host.elapse()
        three = host.candidate("three", "r3", keep_releases=2)
        return lambda: run(three)

    for host in killed(prepare):
        for name, release in (("three", "r3"), ("four", "r4")):
            run(host.candidate(name, release, keep_releases=2))
            host.elapse()
        assert not [name for name in host.tree() if "one." in name]


def test_files_that_a_killed_run_had_not_completed_go_with_the_next_run(host, run):
    """No later run knows of an instance whose configuration had no name yet."""
    run(host.candidate("one", "r1"))
    app, root = host.app(), Path(host.app()["root"])
    for place, name in (
        (app["config_dir"], ".two.ini"),
        (app["config_dir"], ".three.env"),
        (root, ".current"),
        (root / "public", ".previous"),
    ):
        Path(place, f"{name}.partial").touch()
    Path(app["run_dir"], ".uwsgi.sock.partial").symlink_to("two.sock")
    (root / "public/two/static").mkdir(parents=True)
    (root / ".env").touch()
    run(host.candidate("four", "r4"))
    serves(host, "four", "r4")
    assert not [path for path in host.tree() if ".partial" in path or "/two" in path]
    assert sorted(path.name for path in (root / "public").iterdir()) == ["current", "four", "one", "previous"]
    assert (root / ".env").exists(), "it is somebody's own"


def test_a_full_disk_leaves_the_live_instance_and_is_reported(host, run, monkeypatch):
    run(host.candidate("one", "r1"))
    before = host.tree()
    two = host.candidate("two", "r2")
    monkeypatch.setattr(two, "write", lambda: (nothing for nothing in ()).throw(OSError(28, "No space left on device", "two.ini")))
    with pytest.raises(DeployError, match=r"^shop: \[Errno 28\] No space left on device: 'two.ini'\nNothing was switched"):
        run(two)
    serves(host, "one", "r1")
    after = host.tree()
    assert {path for path in after if "two" in path} == set()
    assert after.keys() == before.keys()
