# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Instances, releases and virtualenvs that are removed after a switch, and those that stay."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.instance import prune
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import known_ids, previous_id
from ansible_collections.flaskops.stack.tests.unit.runs import entries


def history(host, bring, count: int, **more):
    """Bring up `count` instances, each of its own release, and let the drain time of each pass."""
    for number in range(1, count + 1):
        last = bring(f"i{number}", f"r{number}", **more)
        host.elapse()
    return last


@pytest.mark.parametrize("keep", [2, 3, 5])
def test_the_newest_releases_stay(host, bring, keep):
    live = history(host, bring, 6, keep_releases=keep)
    removed = prune.prune(live)
    kept = [f"r{number}" for number in range(7 - keep, 7)]
    assert entries(f"{live.root}/releases") == kept
    assert entries(f"{live.root}/venvs") == [f"v-{release}" for release in kept]
    assert known_ids(live.app) == [release.replace("r", "i") for release in kept]
    assert {path for path in removed if "/releases/" in path} == {f"{live.root}/releases/r{number}" for number in range(1, 7 - keep)}


def test_every_removed_path_is_reported_and_gone(host, bring):
    live = history(host, bring, 4, keep_releases=2)
    for path in prune.prune(live):
        assert not os.path.lexists(path)
    assert not [name for name in os.listdir(f"{live.root}/releases") if name.startswith(("r1", "r2"))], "records too"
    assert prune.prune(live) == []


def test_live_and_previous_stay_however_old_they_are(host, bring):
    history(host, bring, 2, keep_releases=2)
    for number in range(3, 8):
        host.build(host.app(), f"r{number}")
    live = host.candidate("i2", "r2", keep_releases=2)
    os.utime(f"{live.root}/releases/r2", (1, 1))
    os.unlink(f"{live.root}/next")
    prune.prune(live)
    assert entries(f"{live.root}/releases") == ["r1", "r2"]
    assert previous_id(live.app) == "i1"
    assert set(known_ids(live.app)) == {"i1", "i2"}


def test_running_instances_stay_with_their_releases(host, bring):
    for number in range(1, 6):
        live = bring(f"i{number}", f"r{number}", keep_releases=2)
    prune.prune(live)
    assert entries(f"{live.root}/releases") == ["r1", "r2", "r3", "r4", "r5"], "all of them drain"
    host.elapse()
    prune.prune(live)
    assert entries(f"{live.root}/releases") == ["r4", "r5"]


def test_the_drain_timer_of_an_ended_instance_is_cancelled(host, bring):
    for number in range(1, 5):
        live = bring(f"i{number}", f"r{number}", keep_releases=2)
    host._stop(["flask-shop@i1.service"])
    assert "flask-shop-drain-i1.timer" in host.units
    prune.prune(live)
    assert "flask-shop-drain-i1.timer" not in host.units
    assert "flask-shop-drain-i2.timer" in host.units, "that one still runs"


@pytest.mark.parametrize("state", ["activating", "deactivating", "reloading"])
def test_an_instance_that_is_stopping_stays(host, bring, state):
    live = history(host, bring, 4, keep_releases=2)
    host.units["flask-shop@i1.service"]["ActiveState"] = state
    prune.prune(live)
    assert "r1" in entries(f"{live.root}/releases")
    assert "i1" in known_ids(live.app)


def test_an_old_instance_that_failed_is_removed(host, bring):
    live = history(host, bring, 4, keep_releases=2)
    host.units["flask-shop@i1.service"]["ActiveState"] = "failed"
    prune.prune(live)
    assert "i1" not in known_ids(live.app)


def test_the_newest_instance_of_an_earlier_release_stays(host, bring):
    for name, release in (("a1", "r1"), ("a2", "r1"), ("b", "r2"), ("c", "r3")):
        live = bring(name, release, keep_releases=3)
        host.elapse()
    for number, name in enumerate(("a1", "a2", "b", "c")):
        os.utime(f"{live.config_dir}/{name}.ini", (number, number))
    prune.prune(live)
    assert known_ids(live.app) == ["a2", "b", "c"]


def test_many_instances_of_one_release_count_as_one_release(host, bring):
    bring("a", "r1", keep_releases=2)
    for number in range(4):
        host.elapse()
        live = bring(f"b{number}", "r2", keep_releases=2)
    host.elapse()
    prune.prune(live)
    assert entries(f"{live.root}/releases") == ["r1", "r2"]
    # These are the live instance, the previous one, and the newest instance of the other release.
    assert known_ids(live.app) == ["a", "b2", "b3"]


def test_a_release_that_is_built_and_not_yet_live_stays(host, bring):
    live = history(host, bring, 3, keep_releases=2)
    host.build(live.app, "r9")
    prune.prune(live)
    assert "r9" in entries(f"{live.root}/releases")


def test_a_virtualenv_of_a_kept_release_stays(host, bring):
    live = history(host, bring, 4, keep_releases=2)
    for release in ("r3", "r4"):
        record = Path(live.root, f"releases/{release}.json")
        record.write_text(record.read_text().replace(f"v-{release}", "v-r1"))
    prune.prune(live)
    assert entries(f"{live.root}/venvs") == ["v-r1"]


def test_an_unfinished_build_of_a_killed_run_is_removed(host, bring):
    """No other run is building: a build holds the same lock as a switch."""
    live = history(host, bring, 3, keep_releases=2)
    os.mkdir(f"{live.root}/releases/.building")
    prune.prune(live)
    assert not os.path.isdir(f"{live.root}/releases/.building")


def test_prebuilt_code_is_not_removed(host, bring):
    for number in range(4):
        live = bring(f"i{number}", release="", keep_releases=2)
        host.elapse()
    for name in (".theirs", "theirs"):
        os.mkdir(f"{live.root}/releases/{name}")
    prune.prune(live)
    assert entries(f"{live.root}/releases") == [".theirs", "theirs"]
    assert set(known_ids(live.app)) >= {"i2", "i3"}
