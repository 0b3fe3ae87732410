# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From a gated candidate to the live instance, and what becomes of the others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.files import read_link, read_text
from ansible_collections.flaskops.stack.plugins.module_utils.instance import prune, switch
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import known_ids, previous_id


@pytest.fixture
def bring(host):
    """Bring an instance up and switch to it, as a run does."""

    def bring(id_: str, *args, **more):
        candidate = host.candidate(id_, *args, **more)
        candidate.publish()
        candidate.write()
        switch.start([candidate])
        switch.switch(candidate)
        switch.drain(candidate)
        return candidate

    return bring


def entries(directory: str) -> list[str]:
    return sorted(name for name in os.listdir(directory) if not name.endswith(".json"))


# --- switch ------------------------------------------------------------------------------------------------------------------


def test_a_first_switch_makes_the_links(host, bring):
    one = bring("one")
    assert read_link(f"{one.run_dir}/uwsgi.sock") == "one.sock"
    assert read_link(f"{one.config_dir}/live") == "one.ini"
    assert read_link(f"{one.root}/current") == "releases/r1"
    assert read_link(f"{one.config_dir}/previous") is None
    assert host.enabled() == {"flask-shop@one.service"}
    assert host.timers() == set()


def test_a_later_switch_moves_them(host, bring):
    bring("one", "r1")
    two = bring("two", "r2")
    assert read_link(f"{two.run_dir}/uwsgi.sock") == "two.sock"
    assert read_link(f"{two.config_dir}/live") == "two.ini"
    assert read_link(f"{two.config_dir}/previous") == "one.ini"
    assert read_link(f"{two.root}/current") == "releases/r2"
    assert host.enabled() == {"flask-shop@two.service"}


def test_whatever_a_reboot_comes_into_starts_what_serves(host, monkeypatch, bring):
    bring("one", "r1")
    two = host.candidate("two", "r2")
    two.publish()
    two.write()
    seen = []

    def look(name):
        live, boots = read_link(f"{two.config_dir}/live"), host.enabled()
        seen.append((name, live, boots))
        # What would be started at boot must include the one that makes the link again.
        assert f"flask-shop@{live.removesuffix('.ini')}.service" in boots

    real = os.rename
    monkeypatch.setattr(os, "rename", lambda old, new: (look(new), real(old, new), look(new)))
    switch.switch(two)
    assert len(seen) >= 8, "live, the socket, current, previous"


def test_switching_to_what_is_live_changes_nothing(host, bring):
    one = bring("one")
    before = host.tree()
    switch.switch(one)
    assert host.tree() == before


# --- start and drain ---------------------------------------------------------------------------------------------------------


def test_a_candidate_is_started_beside_the_live_instance(host, bring):
    bring("one")
    host.events.clear()
    two = host.candidate("two")
    switch.start([two])
    assert host.is_running("flask-shop@one.service")
    assert host.is_running("flask-shop@two.service")
    assert "stop flask-shop@one.service" not in host.events


def test_the_old_instance_has_its_time(host, bring):
    bring("one")
    bring("two", drain_timeout=60)
    assert host.timers() == {"flask-shop-drain-one.timer"}
    # The stop itself may take ten seconds of it.
    assert "stop flask-shop@one.service in 50" in host.events
    assert host.is_running("flask-shop@one.service"), "until then"
    host.elapse()
    assert not host.is_running("flask-shop@one.service")
    assert host.is_running("flask-shop@two.service")


@pytest.mark.parametrize(("drain_timeout", "seconds"), [(0, 0), (5, 0), (10, 0), (11, 1), (300, 290)])
def test_how_long_it_goes_on(host, bring, drain_timeout, seconds):
    bring("one")
    bring("two", drain_timeout=drain_timeout)
    assert f"stop flask-shop@one.service in {seconds}" in host.events


def test_the_time_of_an_instance_is_not_begun_anew(host, bring):
    for name in ("one", "two", "three"):
        bring(name)
    assert [event for event in host.events if " in " in event] == ["stop flask-shop@one.service in 20", "stop flask-shop@two.service in 20"]


def test_an_instance_that_does_not_run_is_not_stopped(host, bring):
    bring("one")
    host._stop(["flask-shop@one.service"])
    bring("two")
    assert host.timers() == set()


def test_going_back_in_time_takes_an_instance_back(host, bring):
    bring("one", "r1")
    bring("two", "r2")
    bring("one", "r1")
    assert host.timers() == {"flask-shop-drain-two.timer"}
    host.elapse()
    assert host.is_running("flask-shop@one.service"), "the time it had as an old instance does not end it"
    assert not host.is_running("flask-shop@two.service")


def test_a_failure_of_old_is_forgotten(host):
    one = host.candidate("one")
    host.units[one.unit] = {"ActiveState": "failed", "NRestarts": "5"}
    switch.start([one])
    assert host.units[one.unit]["ActiveState"] == "active"
    assert "NRestarts" not in host.units[one.unit]


def test_applications_do_not_drain_each_other(host, bring):
    bring("one")
    bring("one", name="blog")
    bring("two", name="blog")
    assert host.timers() == {"flask-blog-drain-one.timer"}


# --- strategy: restart -------------------------------------------------------------------------------------------------------


def test_without_memory_for_both_the_old_one_goes_first(host, bring):
    bring("one")
    host.events.clear()
    bring("two", strategy="restart")
    assert host.events.index("stop flask-shop@one.service") < host.events.index("start flask-shop@two.service")
    assert host.timers() == set()


def test_and_comes_back_if_the_new_one_is_refused(host, bring):
    bring("one")
    two = host.candidate("two", strategy="restart")
    two.publish()
    two.write()
    switch.start([two])
    assert not host.is_running("flask-shop@one.service")
    switch.discard([two], {"shop": {str(host.unit_dir / "flask-shop@.service"): "unit 1"}}, remove=True)
    assert host.is_running("flask-shop@one.service")
    assert not host.is_running("flask-shop@two.service")


# --- discard -----------------------------------------------------------------------------------------------------------------


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


def test_the_failure_of_a_refused_candidate_is_forgotten(host, refuse):
    two = host.candidate("two")
    host.behave(two.unit, ActiveState="failed")
    refuse(two)
    assert host.units[two.unit]["ActiveState"] == "inactive"


def test_the_unit_that_was_there_is_put_back(host, bring, refuse):
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


def test_the_release_live_state_text_instance_stays(host, bring, refuse):
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


def test_what_one_goes_back_to_keeps_its_files(host, bring, refuse):
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


def test_a_previous_instance_that_still_drains_is_not_cut_off(host, bring, refuse):
    bring("one", "r1")
    bring("two", "r2")
    refuse(host.candidate("one", "r1"), remove=False)
    assert host.is_running("flask-shop@one.service")
    assert host.timers() == {"flask-shop-drain-one.timer"}


# --- prune -------------------------------------------------------------------------------------------------------------------


def history(host, bring, count: int, **more):
    """Bring up `count` instances, each of its own release, and let the old ones end."""
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


def test_what_went_is_told_and_gone(host, bring):
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


def test_running_instances_stay_with_what_they_run_from(host, bring):
    for number in range(1, 6):
        live = bring(f"i{number}", f"r{number}", keep_releases=2)
    prune.prune(live)
    assert entries(f"{live.root}/releases") == ["r1", "r2", "r3", "r4", "r5"], "all of them drain"
    host.elapse()
    prune.prune(live)
    assert entries(f"{live.root}/releases") == ["r4", "r5"]


def test_nothing_is_left_to_stop_what_has_ended_by_itself(host, bring):
    for number in range(1, 5):
        live = bring(f"i{number}", f"r{number}", keep_releases=2)
    host._stop(["flask-shop@i1.service"])
    assert "flask-shop-drain-i1.timer" in host.units
    prune.prune(live)
    assert "flask-shop-drain-i1.timer" not in host.units
    assert "flask-shop-drain-i2.timer" in host.units, "that one still runs"


@pytest.mark.parametrize("state", ["activating", "deactivating", "reloading"])
def test_an_instance_that_is_about_to_end_stays_too(host, bring, state):
    live = history(host, bring, 4, keep_releases=2)
    host.units["flask-shop@i1.service"]["ActiveState"] = state
    prune.prune(live)
    assert "r1" in entries(f"{live.root}/releases")
    assert "i1" in known_ids(live.app)


def test_an_instance_that_failed_is_an_old_one(host, bring):
    live = history(host, bring, 4, keep_releases=2)
    host.units["flask-shop@i1.service"]["ActiveState"] = "failed"
    prune.prune(live)
    assert "i1" not in known_ids(live.app)


def test_of_a_release_to_go_back_to_the_newest_instance_stays(host, bring):
    for name, release in (("a1", "r1"), ("a2", "r1"), ("b", "r2"), ("c", "r3")):
        live = bring(name, release, keep_releases=3)
        host.elapse()
    for number, name in enumerate(("a1", "a2", "b", "c")):
        os.utime(f"{live.config_dir}/{name}.ini", (number, number))
    prune.prune(live)
    assert known_ids(live.app) == ["a2", "b", "c"]


def test_many_instances_of_one_release_are_one_release(host, bring):
    bring("a", "r1", keep_releases=2)
    for number in range(4):
        host.elapse()
        live = bring(f"b{number}", "r2", keep_releases=2)
    host.elapse()
    prune.prune(live)
    assert entries(f"{live.root}/releases") == ["r1", "r2"]
    # The live one, the one before, and the newest of the other release.
    assert known_ids(live.app) == ["a", "b2", "b3"]


def test_what_is_built_and_not_yet_live_stays(host, bring):
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


def test_what_a_run_that_was_killed_was_building_goes(host, bring):
    """Nobody else is building: a build holds the lock that a switch does."""
    live = history(host, bring, 3, keep_releases=2)
    os.mkdir(f"{live.root}/releases/.building")
    prune.prune(live)
    assert not os.path.isdir(f"{live.root}/releases/.building")


def test_prebuilt_code_is_not_ours_to_remove(host, bring):
    for number in range(4):
        live = bring(f"i{number}", release="", keep_releases=2)
        host.elapse()
    for name in (".theirs", "theirs"):
        os.mkdir(f"{live.root}/releases/{name}")
    prune.prune(live)
    assert entries(f"{live.root}/releases") == [".theirs", "theirs"]
    assert set(known_ids(live.app)) >= {"i2", "i3"}


@pytest.mark.parametrize(("state", "leftovers"), [("active", ["one"]), ("activating", ["one"]), ("deactivating", []), ("failed", [])])
def test_an_old_instance_is_left_over_unless_it_stops_already(host, bring, state, leftovers):
    bring("one", "r1")
    two = bring("two", "r2")
    host._stop([two.layout.drain_timer("one")])
    host.units["flask-shop@one.service"]["ActiveState"] = state
    assert switch.leftover_instances([two]) == {"shop": leftovers}
