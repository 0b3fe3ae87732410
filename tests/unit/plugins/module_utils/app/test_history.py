# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The record of an application on a host, and what was rolled back."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app import history


@pytest.fixture
def root(tmp_path) -> str:
    return str(tmp_path)


def test_a_new_application_has_no_history(root):
    assert history.read(root, 5) == []
    assert history.rejected(root) == {}


def test_the_newest_attempts_come_first(root):
    for number in range(5):
        history.record(root, {"number": number})
    assert [entry["number"] for entry in history.read(root, 3)] == [4, 3, 2]
    assert [entry["number"] for entry in history.read(root, 99)] == [4, 3, 2, 1, 0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", history.read(root, 1)[0]["time"])


def test_a_history_does_not_grow_for_ever(root, monkeypatch):
    monkeypatch.setattr(history, "KEPT_LINES", 3)
    for number in range(9):
        history.record(root, {"number": number})
    assert [entry["number"] for entry in history.read(root, 99)] == [8, 7, 6]


def test_a_line_that_was_cut_is_left_out(root):
    history.record(root, {"number": 1})
    with open(f"{root}/history.jsonl", "a") as file:
        file.write('{"number": 2, "ti')
    assert [entry["number"] for entry in history.read(root, 9)] == [1]
    history.record(root, {"number": 3})
    assert [entry["number"] for entry in history.read(root, 9)] == [3, 1]


def test_an_entry_is_one_line(root):
    history.record(root, {"reason": "one\ntwo"})
    assert len(Path(root, "history.jsonl").read_text().splitlines()) == 1
    assert history.read(root, 1)[0]["reason"] == "one\ntwo"


def test_a_full_disk_does_not_fail_a_deployment(root, monkeypatch):
    monkeypatch.setattr(history, "write_atomically", lambda *_args: (nothing for nothing in ()).throw(OSError("disk full")))
    history.record(root, {"number": 1})


def test_other_users_cannot_read_the_history(root):
    history.record(root, {})
    history.reject(root, "r1", "me")
    for name in ("history.jsonl", "rejected.json"):
        assert os.stat(f"{root}/{name}").st_mode & 0o007 == 0


def test_a_rejection_is_remembered_until_it_is_forgiven(root):
    history.reject(root, "r1", "me@here")
    history.reject(root, "r2", "me@here")
    assert set(history.rejected(root)) == {"r1", "r2"}
    assert history.rejected(root)["r1"]["who"] == "me@here"
    history.forgive(root, ["r1", "r9"])
    assert set(history.rejected(root)) == {"r2"}


def test_forgiving_nothing_writes_nothing(root):
    history.forgive(root, ["r1"])
    assert os.listdir(root) == []
