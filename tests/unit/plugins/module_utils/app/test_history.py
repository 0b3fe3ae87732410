# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The record of an application on a host, and what was rolled back."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app import history
from ansible_collections.flaskops.stack.plugins.module_utils.host import files, shown


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


NO_ATTEMPTS = ["[1]", "7", "null", "[" * 50_000, '{"who": 1}', '{"result": []}', f'{{"number": "{"x" * 200_000}"}}', "\x00", "\udcff"]


@pytest.mark.parametrize("line", NO_ATTEMPTS, ids=lambda line: line[:9])
def test_a_line_that_is_no_attempt_is_left_out(root, line):
    history.record(root, {"number": 1})
    with open(f"{root}/history.jsonl", "a", errors="surrogateescape") as file:
        file.write(f"{line}\n")
    history.record(root, {"number": 2})
    assert [entry["number"] for entry in history.read(root, 9)] == [2, 1]


def test_every_entry_has_the_texts_that_are_asked_for(root):
    history.record(root, {"number": 1})
    entry = history.read(root, 1)[0]
    assert {entry[name] for name in ("action", "instance", "release", "revision", "who", "result", "reason")} == {""}


def test_a_history_beyond_all_measure_is_begun_anew(root, monkeypatch):
    monkeypatch.setattr(files, "_MOST_BYTES", 1000)
    Path(root, "history.jsonl").write_text("x" * 2000)
    assert history.read(root, 9) == []
    history.record(root, {"number": 1})
    assert [entry["number"] for entry in history.read(root, 9)] == [1]


def test_the_history_has_no_secrets_and_no_control_characters(root):
    shown.learn(["hunter22"])
    history.record(root, {"reason": "the hook said hunter22\x1b[2J", "who": "me", "revision": "hunter22"})
    text = Path(root, "history.jsonl").read_text()
    assert "hunter22" not in text
    assert history.read(root, 1)[0]["reason"] == "the hook said ***\\x1b[2J"


def test_a_long_reason_is_cut(root):
    history.record(root, {"reason": "x" * 1_000_000})
    assert len(Path(root, "history.jsonl").read_text()) < 10_000


@pytest.mark.parametrize("text", ["no json", "[1]", '{"r1": 1}', '{"r1": {"who": "me"}}', "[" * 50_000], ids=lambda text: text[:9])
def test_damaged_rejections_are_not_taken_for_none(root, text):
    Path(root, "rejected.json").write_text(text)
    with pytest.raises(OSError, match=r"remove it and deploy again.*rejected\.json"):
        history.rejected(root)


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
