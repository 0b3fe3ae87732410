# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Room for the sockets of another instance in a directory that its application may have filled."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.instance import own_directory
from ansible_collections.flaskops.stack.tests.unit.runs import serves

FREE = SimpleNamespace(f_bavail=1024, f_frsize=4096, f_files=1024, f_ffree=900)
WITHOUT_LIMIT = SimpleNamespace(f_bavail=1024, f_frsize=4096, f_files=0, f_ffree=0)
NO_NAMES = SimpleNamespace(f_bavail=1024, f_frsize=4096, f_files=1024, f_ffree=3)
NO_BYTES = SimpleNamespace(f_bavail=2, f_frsize=4096, f_files=1024, f_ffree=900)


@pytest.fixture
def own(host, run, monkeypatch) -> Path:
    """The directory of an application that is live, with what an attack has put there."""
    run(host.candidate("one"))
    own = Path(host.app()["run_dir"], "own")
    own.mkdir(exist_ok=True)
    for name in ("one.sock", "one.stats", "stranger.sock"):
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(own / name))
    for name in ("flask-shop.queue.1.lock", "nightly.lock", "flask-shop.other.lock", "one.stream.sock"):
        (own / name).touch()
    (own / "full").mkdir()
    (own / "full/data").write_bytes(bytes(100))
    (own / "one.stream.stats").symlink_to("/etc/passwd")
    for name in ("flask-shop.queue.1@one.service", "flask-shop.nightly@one.timer"):
        host.unit_dir.joinpath(name).touch()
    return own


def answers(monkeypatch, *found):
    """Have the file system tell one after the other."""
    left = list(found)
    monkeypatch.setattr(os, "statvfs", lambda _path: left.pop(0) if len(left) > 1 else left[0])


@pytest.mark.parametrize("found", [FREE, WITHOUT_LIMIT])
def test_nothing_is_removed_while_there_is_room(host, own, monkeypatch, found):
    before = sorted(os.listdir(own))
    answers(monkeypatch, found)
    own_directory.make_room(host.app())
    assert sorted(os.listdir(own)) == before


@pytest.mark.parametrize("found", [NO_NAMES, NO_BYTES])
def test_what_is_not_of_an_instance_makes_room(host, own, monkeypatch, found):
    answers(monkeypatch, found, FREE)
    own_directory.make_room(host.app())
    assert sorted(os.listdir(own)) == ["flask-shop.queue.1.lock", "nightly.lock", "one.sock", "one.stats"]
    assert os.path.exists("/etc/passwd")


def test_a_lock_with_contents_is_none(host, own, monkeypatch):
    (own / "nightly.lock").write_bytes(b"x")
    answers(monkeypatch, NO_BYTES, FREE)
    own_directory.make_room(host.app())
    assert "nightly.lock" not in os.listdir(own)


def test_a_candidate_that_finds_no_room_is_refused_and_what_is_live_answers(host, own, outcome, monkeypatch):
    answers(monkeypatch, NO_NAMES)
    result = outcome(host.candidate("two", "r2"), host.candidate("one", name="blog", **{}))
    assert result.failures["shop"].startswith(f"shop: {own} has no room for the sockets of another instance")
    assert "Stop it with `systemctl stop 'flask-shop@*' 'flask-shop.*'`, and run again" in result.failures["shop"]
    serves(host, "one")
    assert not host.is_running("flask-shop@two.service")


def test_a_directory_that_is_not_there_has_room(host):
    own_directory.make_room(host.app())
