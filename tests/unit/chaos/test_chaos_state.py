# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The harness leaves out paths that differ between two hosts for a good reason, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.tests.chaos import state


@pytest.fixture
def previous(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The directory of sockets of an application whose previous instance is `old`."""
    config = tmp_path / "etc/shop"
    config.mkdir(parents=True)
    (config / "previous").symlink_to("old.ini")
    monkeypatch.setattr(state, "CONFIG", str(config.parent))
    monkeypatch.setattr(state, "RUN", "/run/flask")
    return "/run/flask/shop"


def test_sockets_of_the_previous_instance_are_left_out(previous):
    assert state.is_of_previous(f"{previous}/old.sock")
    assert state.is_of_previous(f"{previous}/old.stream.sock")


@pytest.mark.parametrize("path", ["/live.sock", "/own", "/own/old.sock", "/older.sock", ""])
def test_everything_else_is_compared(previous, path):
    assert not state.is_of_previous(previous + path)


def test_an_application_without_a_previous_instance(previous):
    assert not state.is_of_previous("/run/flask/new/.sock")


def test_a_certificate_that_is_live_has_a_word_and_any_other_one_stands_out(tmp_path, monkeypatch, previous):
    certificates = tmp_path / "tls/shop"
    for name in ("0a1b", "2c3d"):
        (certificates / name).mkdir(parents=True)
    (certificates / "live").symlink_to("0a1b")
    monkeypatch.setattr(state, "CERTIFICATES", str(certificates.parent))
    assert state.told() == {"old": "shop-PREVIOUS", "0a1b": "shop-CERTIFICATE"}


def test_an_application_without_a_certificate_has_no_word_for_one(tmp_path, monkeypatch, previous):
    monkeypatch.setattr(state, "CERTIFICATES", str(tmp_path / "none"))
    assert state.told() == {"old": "shop-PREVIOUS"}


def test_what_a_killed_service_has_left_for_the_ca_to_read_is_compared():
    assert state.CHALLENGES in state.PLACES_IN_MEMORY
    assert not state.PASSED_OVER.match(f"{state.CHALLENGES}/token")


@pytest.mark.parametrize("path", state.LOCKS)
def test_the_file_of_a_lock_that_nobody_holds_may_be_there_or_not(path):
    assert state.PASSED_OVER.match(path)
    assert not state.PASSED_OVER.match(f"{path}.partial")
