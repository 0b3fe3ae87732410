# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From a gated candidate to the live instance, and how the old one ends."""

from __future__ import annotations

import os

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.files import read_link
from ansible_collections.flaskops.stack.plugins.module_utils.instance import switch


def test_a_first_switch_makes_the_links(host, bring):
    one = bring("one")
    assert read_link(f"{one.run_dir}/uwsgi.sock") == "one.sock"
    assert read_link(f"{one.config_dir}/live") == "one.ini"
    assert read_link(f"{one.root}/current") == "releases/r1"
    assert read_link(f"{one.config_dir}/previous") is None
    assert host.enabled() == {"flask-shop@one.service"}
    assert host.timers() == set()


def test_a_later_switch_moves_the_links(host, bring):
    bring("one", "r1")
    two = bring("two", "r2")
    assert read_link(f"{two.run_dir}/uwsgi.sock") == "two.sock"
    assert read_link(f"{two.config_dir}/live") == "two.ini"
    assert read_link(f"{two.config_dir}/previous") == "one.ini"
    assert read_link(f"{two.root}/current") == "releases/r2"
    assert host.enabled() == {"flask-shop@two.service"}


def test_a_reboot_during_a_switch_starts_the_instance_that_serves(host, monkeypatch, bring):
    bring("one", "r1")
    two = host.candidate("two", "r2")
    two.publish()
    two.write()
    seen = []

    def look(name):
        live, boots = read_link(f"{two.config_dir}/live"), host.enabled()
        seen.append((name, live, boots))
        # After a boot, the instance behind the link `live` makes the socket link again, so systemd must start it.
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


def test_a_candidate_is_started_beside_the_live_instance(host, bring):
    bring("one")
    host.events.clear()
    two = host.candidate("two")
    switch.start([two])
    assert host.is_running("flask-shop@one.service")
    assert host.is_running("flask-shop@two.service")
    assert "stop flask-shop@one.service" not in host.events


def test_the_old_instance_runs_until_its_drain_time_is_over(host, bring):
    bring("one")
    bring("two", drain_timeout=60)
    assert host.timers() == {"flask-shop-drain-one.timer"}
    # The drain time includes the stop, which may take ten seconds.
    assert "stop flask-shop@one.service in 50" in host.events
    assert host.is_running("flask-shop@one.service"), "until then"
    host.elapse()
    assert not host.is_running("flask-shop@one.service")
    assert host.is_running("flask-shop@two.service")


@pytest.mark.parametrize(("drain_timeout", "seconds"), [(0, 0), (5, 0), (10, 0), (11, 1), (300, 290)])
def test_the_old_instance_is_stopped_early_enough_for_the_stop_timeout(host, bring, drain_timeout, seconds):
    bring("one")
    bring("two", drain_timeout=drain_timeout)
    assert f"stop flask-shop@one.service in {seconds}" in host.events


def test_a_second_switch_does_not_prolong_the_drain_time(host, bring):
    for name in ("one", "two", "three"):
        bring(name)
    assert [event for event in host.events if " in " in event] == ["stop flask-shop@one.service in 20", "stop flask-shop@two.service in 20"]


def test_an_old_instance_that_does_not_run_gets_no_drain_timer(host, bring):
    bring("one")
    host._stop(["flask-shop@one.service"])
    bring("two")
    assert host.timers() == set()


def test_an_instance_that_still_drains_is_reactivated(host, bring):
    bring("one", "r1")
    bring("two", "r2")
    bring("one", "r1")
    assert host.timers() == {"flask-shop-drain-two.timer"}
    host.elapse()
    assert host.is_running("flask-shop@one.service"), "the time it had as an old instance does not end it"
    assert not host.is_running("flask-shop@two.service")


def test_a_timer_that_has_just_elapsed_does_not_end_the_instance_that_is_reactivated(host, bring):
    one = bring("one", "r1")
    bring("two", "r2")
    service = f"{one.layout.drain('one')}.service"
    # The service has begun, and has told systemd nothing yet.
    host.units[service] = {"ActiveState": "activating"}
    del host.units[one.layout.drain_timer("one")]
    host.events.clear()
    bring("one", "r1")
    assert host.units[service]["ActiveState"] == "inactive"
    assert host.events.index(f"stop {service}") < host.events.index("start flask-shop@one.service")


def test_an_earlier_failure_of_the_unit_is_forgotten(host):
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


def test_with_strategy_restart_the_old_instance_is_stopped_first(host, bring):
    bring("one")
    host.events.clear()
    bring("two", strategy="restart")
    assert host.events.index("stop flask-shop@one.service") < host.events.index("start flask-shop@two.service")
    assert host.timers() == set()


@pytest.mark.parametrize(("state", "leftovers"), [("active", ["one"]), ("activating", ["one"]), ("deactivating", []), ("failed", [])])
def test_an_old_instance_is_left_over_unless_it_is_stopping(host, bring, state, leftovers):
    bring("one", "r1")
    two = bring("two", "r2")
    host._stop([two.layout.drain_timer("one")])
    host.units["flask-shop@one.service"]["ActiveState"] = state
    assert switch.leftover_instances([two]) == {"shop": leftovers}
