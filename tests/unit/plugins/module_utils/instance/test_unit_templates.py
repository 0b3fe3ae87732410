# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The unit templates, which all instances of an application share, always have the texts of the live instance."""

from __future__ import annotations

import errno
import json

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import systemd
from ansible_collections.flaskops.stack.plugins.module_utils.instance import instance as instances
from ansible_collections.flaskops.stack.plugins.module_utils.instance import switch
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import DeployError
from ansible_collections.flaskops.stack.tests.unit.pools import pool, unit
from ansible_collections.flaskops.stack.tests.unit.runs import serves


@pytest.fixture
def one(host):
    return lambda: host.candidate("one", "r1", unit="unit 1", pool=True)


@pytest.fixture
def two(host):
    return lambda: host.candidate("two", "r2", unit="unit 2", pool=True)


@pytest.fixture
def left(host, run, one, two):
    """A host with an instance that was left and has ended, and a live one with other unit templates."""
    run(one())
    run(two())
    host.elapse()
    assert templates(host) == ["unit 2", "streams unit 2"]


def templates(host) -> list[str]:
    return [(host.unit_dir / f"flask-shop{pool}@.service").read_text() for pool in ("", ".stream")]


def forget_templates(host, id_: str) -> None:
    """Make the record of an instance one of an earlier version."""
    path = host.place / f"config_dir/shop/{id_}.json"
    record = json.loads(path.read_text())
    del record["unit_templates"]
    path.write_text(json.dumps(record))


@pytest.mark.usefixtures("left")
def test_a_run_with_the_description_of_a_rollback_stops_nothing(host, run, back, one, begun):
    back(host.app())
    assert templates(host) == ["unit 1", "streams unit 1"]
    begun.update([unit("one"), pool("one")])
    host.events.clear()
    assert not run(one()).changed
    serves(host, "one")
    assert templates(host) == ["unit 1", "streams unit 1"]
    assert not [event for event in host.events if event in (f"stop {unit('one')}", f"stop {pool('one')}")]


@pytest.mark.usefixtures("left")
def test_without_recorded_templates_a_rollback_takes_those_of_the_host(host, back):
    forget_templates(host, "one")
    back(host.app())
    serves(host, "one")
    assert templates(host) == ["unit 2", "streams unit 2"]


@pytest.mark.parametrize("damage", [[], None, "unit 1", {"flask-shop@.service": 1}])
@pytest.mark.usefixtures("left")
def test_a_record_with_damaged_templates_is_an_error(host, back, damage):
    path = host.place / "config_dir/shop/one.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "unit_templates": damage}))
    with pytest.raises(OSError, match="is no record; restore it"):
        instances.instance_record(host.app(), "one")
    with pytest.raises(DeployError, match="is no record; restore it"):
        back(host.app())
    serves(host, "two")


@pytest.mark.parametrize("draining", [False, True])
def test_a_refused_rollback_leaves_the_templates_of_the_live_instance(host, run, back, one, two, draining):
    run(one())
    run(two())
    if not draining:
        host.elapse()
    host.behave(unit("one"), 500)
    with pytest.raises(DeployError, match="answered 500"):
        back(host.app())
    serves(host, "two")
    assert templates(host) == ["unit 2", "streams unit 2"]
    assert not run(two()).changed


@pytest.mark.usefixtures("left")
def test_a_rollback_that_cannot_write_leaves_the_templates_of_the_live_instance(host, run, back, two):
    # The template is written before the drop-in.
    drop_in = host.unit_dir / f"{pool('one')}.d/instance.conf"
    text = drop_in.read_text()
    drop_in.unlink()
    (drop_in / "data").mkdir(parents=True)
    with pytest.raises(DeployError, match=r"instance\.conf"):
        back(host.app())
    assert templates(host) == ["unit 2", "streams unit 2"]
    (drop_in / "data").rmdir()
    drop_in.rmdir()
    drop_in.write_text(text)
    assert not run(two()).changed
    back(host.app())
    serves(host, "one")


def test_a_refused_candidate_that_was_draining_leaves_the_templates_of_the_live_instance(host, run, one, two):
    run(one())
    run(two())
    host.behave(unit("one"), 500)
    with pytest.raises(DeployError, match="answered 500"):
        run(one())
    assert host.is_running(unit("one")), "it may hold requests"
    assert host.timers() == {"flask-shop-drain-one.timer"}
    assert templates(host) == ["unit 2", "streams unit 2"]
    assert not run(two()).changed


def test_an_instance_that_had_to_make_room_starts_again_with_its_own_templates(host, run, monkeypatch):
    run(host.candidate("one", "r1", strategy="restart", unit="unit 1", pool=True))
    found, loaded, real = [], {}, (systemd.start, systemd.daemon_reload)

    def daemon_reload():
        real[1]()
        loaded["texts"] = templates(host)

    def start(units):
        found.extend((each, loaded["texts"]) for each in units if not host.is_running(each))
        real[0](units)

    monkeypatch.setattr(systemd, "daemon_reload", daemon_reload)
    monkeypatch.setattr(systemd, "start", start)
    host.behave(unit("two"), ActiveState="failed")
    with pytest.raises(DeployError, match="is started again"):
        run(host.candidate("two", "r2", strategy="restart", unit="unit 2", pool=True))
    texts = {"one": ["unit 1", "streams unit 1"], "two": ["unit 2", "streams unit 2"]}
    assert found == [(each(name), texts[name]) for name in ("two", "one") for each in (unit, pool)]


@pytest.mark.parametrize("strategy", ["restart", "switch"])
def test_the_live_instance_and_its_workers_go_on_if_the_templates_cannot_be_restored(host, run, outcome, monkeypatch, strategy):
    """The disk is full, and the worker of the candidate, beside which no other may run, has died."""
    beat, texts = "flask-shop.beat.1@{}.service", {"beat.1": "TimeoutStopSec=7\nOverlap=false\n"}
    run(host.candidate("one", "r1", strategy=strategy, unit="unit 1", workers=texts))

    def full(path, *_arguments):
        raise OSError(errno.ENOSPC, "No space left on device", path)

    monkeypatch.setattr(switch, "write_atomically", full)
    host.behave(beat.format("two"), ActiveState="failed", SubState="failed")
    found = outcome(host.candidate("two", "r2", strategy=strategy, unit="unit 2", workers=texts))
    assert "No space left" in found.failures["shop"]
    assert host.is_running(unit("one"))
    assert host.is_running(beat.format("one"))
    assert not host.is_running(beat.format("two"))
    assert not [name for name in host.tree() if "two" in name and "flask-shop@" not in name and ".service" not in name]
