# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Applications of one run are deployed apart: one that fails, or hangs, stops and delays no other."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app import history
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError
from ansible_collections.flaskops.stack.plugins.module_utils.host.systemd import SystemdError
from ansible_collections.flaskops.stack.plugins.module_utils.instance import deploy, gate, prune
from ansible_collections.flaskops.stack.plugins.module_utils.instance.failures import Failures
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import DeployError
from ansible_collections.flaskops.stack.tests.unit.runs import serves


@pytest.fixture
def both(host, run):
    """Two applications are live; return the candidates of their next releases."""
    run(host.candidate("one"), host.candidate("one", name="blog"))
    return lambda **changes: (host.candidate("two", "r2", name="blog", **changes), host.candidate("two", "r2"))


@pytest.mark.parametrize("behaviour", [{"ActiveState": "failed"}, {"ActiveState": "activating"}, {"answers": [500]}])
def test_a_bad_candidate_keeps_no_other_application_from_being_switched(host, both, outcome, behaviour):
    before = {path: text for path, text in host.tree("history.jsonl").items() if "blog" in path}
    blog, shop = both()
    host.behave(blog.unit, *behaviour.pop("answers", []), **behaviour)
    result = outcome(blog, shop)
    assert list(result.failures) == ["blog"]
    assert result.failures["blog"].startswith("blog: ")
    assert "the candidate two " in result.failures["blog"].lower()
    assert result.changed
    assert result.instances == {"blog": {"id": "one", "switched": False}, "shop": {"id": "two", "switched": True}}
    assert [part["after_header"] for part in result.diff] == [shop.unit]
    serves(host, "two", "r2")
    serves(host, "one", name="blog")
    assert {path: text for path, text in host.tree("history.jsonl").items() if "blog" in path} == before
    assert [history.read(app.root, 1)[0]["result"] for app in (blog, shop)] == ["failed", "live"]


def test_the_next_run_changes_only_what_failed(host, both, outcome, run):
    blog, shop = both()
    host.behave(blog.unit, 500)
    outcome(blog, shop)
    host.behave(blog.unit, 200)
    blog, shop = both()
    host.events.clear()
    result = run(blog, shop)
    assert [name for name, instance in result.instances.items() if instance["switched"]] == ["blog"]
    assert not [event for event in host.events if "flask-shop" in event]
    serves(host, "two", "r2", name="blog")


def test_a_candidate_that_hangs_delays_no_other_switch(host, both, outcome, monkeypatch):
    """The switch and the drain of the one happen while the health request of the other is without an answer still."""
    switched, (blog, shop) = threading.Event(), both()
    answered: list[bool] = []
    stop_later = host._stop_later

    def request(path, *args):
        if "/blog/" in path:
            answered.append(switched.wait(60))
            raise TimeoutError("timed out")
        return host._request(path, *args)

    def drains(*args):
        stop_later(*args)
        switched.set()

    monkeypatch.setattr(gate, "request", request)
    monkeypatch.setattr("ansible_collections.flaskops.stack.plugins.module_utils.host.systemd.stop_later", drains)
    result = outcome(blog, shop)
    assert answered[0], "the drain of the healthy application has begun"
    assert list(result.failures) == ["blog"]
    serves(host, "two", "r2")


def test_the_time_that_a_switch_takes_is_not_counted_against_others(host, both, outcome, monkeypatch):
    blog, shop = both()
    host.behave(blog.unit, *[ConnectionRefusedError("starting")] * 3, 200)
    enable = host._enable

    def slow(unit):
        enable(unit)
        host.now += 1000

    monkeypatch.setattr("ansible_collections.flaskops.stack.plugins.module_utils.host.systemd.enable", slow)
    assert outcome(blog, shop).failures == {}
    serves(host, "two", "r2", name="blog")


def test_a_live_instance_that_does_not_make_room_keeps_no_other_from_being_switched(host, both, outcome, monkeypatch):
    stop = host._stop

    def refuse(units):
        if "flask-blog@one.service" in units:
            raise SystemdError("'systemctl stop' ended with 1")
        stop(units)

    monkeypatch.setattr("ansible_collections.flaskops.stack.plugins.module_utils.host.systemd.stop", refuse)
    result = outcome(*both(strategy="restart"))
    assert list(result.failures) == ["blog"]
    serves(host, "two", "r2")
    serves(host, "one", name="blog")


def test_a_file_that_cannot_be_written_keeps_no_other_from_being_switched(host, both, outcome, monkeypatch):
    blog, shop = both()
    monkeypatch.setattr(blog, "write", lambda: (nothing for nothing in ()).throw(OSError("no space")))
    result = outcome(blog, shop)
    assert result.failures == {"blog": "blog: no space\nNothing was switched."}
    serves(host, "two", "r2")
    serves(host, "one", name="blog")


def test_a_switch_that_breaks_keeps_no_other_from_being_switched_and_is_repeated(host, both, outcome, run, monkeypatch):
    blog, shop = both()
    enable = host._enable
    with monkeypatch.context() as broken:

        def refuse(unit):
            if "blog" in unit:
                raise OSError("no space")
            enable(unit)

        broken.setattr("ansible_collections.flaskops.stack.plugins.module_utils.host.systemd.enable", refuse)
        result = outcome(blog, shop)
    assert result.failures == {"blog": "blog: no space. What is live answers; the next run goes on from here."}
    serves(host, "two", "r2")
    serves(host, "one", name="blog")
    run(*both())
    serves(host, "two", "r2", name="blog")


def test_what_cannot_be_pruned_is_told_and_costs_no_other_application_anything(host, both, outcome, monkeypatch):
    prunes = prune.prune

    def refuse(instance):
        if instance.name == "blog":
            raise OSError("read-only file system")
        return prunes(instance)

    monkeypatch.setattr(deploy.prune, "prune", refuse)
    result = outcome(*both())
    assert list(result.failures) == ["blog"]
    assert result.instances["blog"] == {"id": "two", "switched": True}, "it was switched all the same"
    for name in ("blog", "shop"):
        serves(host, "two", "r2", name=name)


def test_a_hook_that_fails_keeps_no_hook_of_another_from_being_run(host, both, outcome, monkeypatch):
    ran: list[str] = []

    def hooks(_kind, app, *_args):
        ran.append(app["name"])
        if app["name"] == "blog":
            raise CommandError("the after_switch hook 'x' ended with 1")

    monkeypatch.setattr(deploy, "run_hooks", hooks)
    result = outcome(*both())
    assert ran == ["blog", "shop"]
    assert result.failures == {"blog": "blog: the switch to two was made, but the after_switch hook 'x' ended with 1"}


def test_a_damaged_file_costs_its_own_application_alone(host, both, outcome):
    blog, shop = both()
    Path(blog.root, "rejected.json").write_text("[")
    result = outcome(blog, shop)
    assert list(result.failures) == ["blog"]
    assert f"{blog.root}/rejected.json" in result.failures["blog"]
    serves(host, "two", "r2")
    serves(host, "one", name="blog")


@pytest.mark.parametrize(
    "broken",
    [
        # No run of ours reads a larger file than this.
        lambda blog: os.truncate(blog.layout.file("one", "ini"), 2**27),
        lambda blog: os.truncate(blog.layout.unit_template, 2**27),
        lambda blog: (os.rename(blog.config_dir, f"{blog.config_dir}.aside"), Path(blog.config_dir).touch()),
    ],
    ids=["ini", "unit template", "directory"],
)
def test_a_file_of_the_live_instance_that_cannot_be_read_costs_its_own_application_alone(host, both, outcome, back, broken):
    blog, shop = both()
    broken(blog)
    result = outcome(blog, shop)
    assert list(result.failures) == ["blog"]
    assert blog.config_dir in result.failures["blog"] or blog.layout.unit_template in result.failures["blog"]
    serves(host, "two", "r2")
    with pytest.raises(DeployError, match="^blog: "):
        back(blog.app, shop.app)
    serves(host, "one", "r1")


def test_a_hook_that_cannot_be_started_keeps_no_other_from_being_switched(host, both, outcome, monkeypatch):
    """Root writes the environment of a hook to a file, which a full file system refuses."""

    def hooks(_kind, app, *_args):
        if app["name"] == "blog":
            raise OSError("no space")

    monkeypatch.setattr(deploy, "run_hooks", hooks)
    blog, shop = both()
    failures = Failures()
    deploy.migrate([blog, shop], "me@here", failures)
    assert failures == {"blog": "blog: no space\nNothing was switched."}
    result = outcome(*both())
    assert result.failures == {"blog": "blog: the switch to two was made, but no space"}
    serves(host, "two", "r2")


def test_an_error_that_nobody_has_foreseen_keeps_no_other_from_being_switched(both, outcome, host, monkeypatch):
    """As a text that is no number where one was always."""
    real = prune.prune

    def broken(instance):
        return int("9" * 5000) if instance.name == "blog" else real(instance)

    monkeypatch.setattr(prune, "prune", broken)
    result = outcome(*both())
    assert list(result.failures) == ["blog"]
    assert result.failures["blog"].startswith("blog: ValueError: Exceeds the limit")
    assert result.failures["blog"].endswith(". What is live answers; the next run goes on from here.")
    serves(host, "two", "r2")
