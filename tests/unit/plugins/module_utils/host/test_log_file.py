# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ends of logs: whole lines, of a file and of nothing else."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import log_file
from ansible_collections.flaskops.stack.plugins.module_utils.host.log_file import last_lines

NOTHING = ([], True)


def test_the_last_lines_are_whole(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"one\ntwo \xff\nthree\n")
    assert last_lines(str(log), 100) == (["one", "two \ufffd", "three"], True)
    assert last_lines(str(log), 9) == (["three"], False)


def test_what_is_no_log_has_no_lines(tmp_path):
    (tmp_path / "real").write_text("x\n")
    os.mkfifo(tmp_path / "pipe")
    assert last_lines(str(tmp_path / "pipe"), 100) == last_lines(str(tmp_path / "missing"), 100) == NOTHING


@pytest.fixture
def rotated(tmp_path) -> Path:
    """A log of four days: logrotate compresses a file on the second day, and gives it the time of its last line."""
    (tmp_path / "log").write_text("day 4\n")
    (tmp_path / "log.1").write_text("day 3\n")
    for number in (2, 3):
        (tmp_path / f"log.{number}.gz").write_bytes(gzip.compress(f"day {4 - number}\n".encode()))
    for age, name in enumerate(("log", "log.1", "log.2.gz", "log.3.gz")):
        os.utime(tmp_path / name, (400 - 100 * age,) * 2)
    for name in ("log.gz", "log.2.bak", "log.02", "logs.1", "other.log.2.gz"):
        (tmp_path / name).write_text("another one\n")
    return tmp_path / "log"


def test_a_log_goes_on_in_files_that_were_set_aside(rotated):
    assert last_lines(str(rotated), 1000) == (["day 1", "day 2", "day 3", "day 4"], True)
    assert last_lines(str(rotated), 1000, since=150) == (["day 2", "day 3", "day 4"], True)
    # While logrotate compresses a file, the compressed one is not complete.
    rotated.with_name("log.2").write_text("day 2\n")
    rotated.with_name("log.2.gz").write_bytes(b"\x1f\x8b")
    assert last_lines(str(rotated), 1000) == (["day 1", "day 2", "day 3", "day 4"], True)


@pytest.mark.parametrize(("most", "lines"), [(23, 3), (18, 3), (17, 2), (12, 2), (7, 1), (6, 1)])
def test_the_size_of_all_files_together_is_limited(rotated, most, lines):
    assert last_lines(str(rotated), most) == ([f"day {number}" for number in range(5 - lines, 5)], False)


def test_the_end_of_a_compressed_file_is_read(rotated, monkeypatch):
    monkeypatch.setattr(log_file, "_BLOCK", 5)
    rotated.with_name("log.2.gz").write_bytes(gzip.compress("".join(f"line {number}\n" for number in range(100)).encode()))
    assert last_lines(str(rotated), 12 + 8 * 3 + 1) == (["line 97", "line 98", "line 99", "day 3", "day 4"], False)


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"day 2\n")[:-9], gzip.compress(bytes(2**22))], ids=["none", "cut", "bomb"])
def test_a_compressed_file_that_cannot_be_read_ends_the_log_there(rotated, monkeypatch, content):
    monkeypatch.setattr(log_file, "_MOST_UNPACKED", 2**21)
    rotated.with_name("log.2.gz").write_bytes(content)
    assert last_lines(str(rotated), 2**23) == (["day 3", "day 4"], False)
