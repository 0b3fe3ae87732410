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
