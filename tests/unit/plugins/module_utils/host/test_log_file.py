# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ends of logs: whole lines, of a file and of nothing else."""

from __future__ import annotations

import bz2
import gzip
import lzma
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


def put(path: Path, content: bytes, written: float) -> None:
    path.write_bytes(content)
    os.utime(path, (written, written))


@pytest.fixture
def rotated(tmp_path) -> Path:
    """A log of four days: logrotate compresses a file on the second day, and gives it the time of its last line."""
    (tmp_path / "log").write_text("day 4\n")
    (tmp_path / "log.1").write_text("day 3\n")
    for number in (2, 3):
        (tmp_path / f"log.{number}.gz").write_bytes(gzip.compress(f"day {4 - number}\n".encode()))
    for age, name in enumerate(("log", "log.1", "log.2.gz", "log.3.gz")):
        os.utime(tmp_path / name, (400 - 100 * age,) * 2)
    for name in ("logs.1", "logs-20261128", "other.log.2.gz"):
        (tmp_path / name).write_text("another one\n")
    return tmp_path / "log"


def test_a_log_goes_on_in_files_that_were_set_aside(rotated):
    assert last_lines(str(rotated), 1000) == (["day 1", "day 2", "day 3", "day 4"], True)
    assert last_lines(str(rotated), 1000, since=150) == (["day 2", "day 3", "day 4"], True)
    # While logrotate compresses a file, the compressed one is not complete.
    put(rotated.with_name("log.2"), b"day 2\n", 200)
    rotated.with_name("log.2.gz").write_bytes(b"\x1f\x8b")
    assert last_lines(str(rotated), 1000) == (["day 1", "day 2", "day 3", "day 4"], True)


@pytest.mark.parametrize(("most", "lines"), [(23, 3), (18, 3), (17, 2), (12, 2), (7, 1), (6, 1)])
def test_the_size_of_all_files_together_is_limited(rotated, most, lines):
    assert last_lines(str(rotated), most) == ([f"day {number}" for number in range(5 - lines, 5)], False)


def test_the_end_of_a_compressed_file_is_read(rotated, monkeypatch):
    monkeypatch.setattr(log_file, "_BLOCK", 5)
    put(rotated.with_name("log.2.gz"), gzip.compress("".join(f"line {number}\n" for number in range(100)).encode()), 200)
    assert last_lines(str(rotated), 12 + 8 * 3 + 1) == (["line 97", "line 98", "line 99", "day 3", "day 4"], False)


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"day 2\n")[:-9], gzip.compress(bytes(2**22))], ids=["none", "cut", "bomb"])
def test_a_compressed_file_that_cannot_be_read_ends_the_log_there(rotated, monkeypatch, content):
    monkeypatch.setattr(log_file, "_MOST_UNPACKED", 2**21)
    put(rotated.with_name("log.2.gz"), content, 200)
    assert last_lines(str(rotated), 2**23) == (["day 3", "day 4"], False)


@pytest.mark.parametrize(
    "names",
    [
        # As logrotate names them with `dateext`: by day, by hour, and by a `dateformat` of somebody's own.
        ("log-20261130", "log-20261129.gz", "log-20261128.gz"),
        ("log-2026120101", "log-2026120100.gz", "log-2026113023.gz"),
        ("log-20261130-1796000000", "log-20261129-1795900000.gz", "log-20261128-1795800000.gz"),
        ("log.20261130", "log.20261129.gz", "log.20261128.gz"),
        ("log-2026-11-30", "log-2026-11-29.gz", "log-2026-11-28.gz"),
        ("log-01122026", "log-30112026.gz", "log-29112026.gz"),
        # The option was set, or taken back, between two rotations.
        ("log-20261130", "log.1", "log.2.gz"),
        ("log.1", "log-20261129", "log-20261128.gz"),
        ("log.1", "log.2.bz2", "log.3.xz"),
        ("log-20261130.xz", "log-20261129.bz2", "log-20261128.gz"),
    ],
    ids=" ".join,
)
def test_a_log_goes_on_in_files_with_dates(tmp_path, names):
    packed = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
    for age, name in enumerate(["log", *names]):
        content = f"day {4 - age}\n".encode()
        put(tmp_path / name, packed.get(Path(name).suffix, bytes)(content), 400 - 100 * age)
    days = ["day 1", "day 2", "day 3", "day 4"]
    assert last_lines(str(tmp_path / "log"), 1000) == (days, True)
    assert last_lines(str(tmp_path / "log"), 1000, since=250) == (days[2:], True)


@pytest.mark.parametrize("names", [("log.1", "log.2", "log.10"), ("log-20261130", "log-20261129", "log-20261101")], ids=" ".join)
def test_files_of_one_time_are_in_the_order_of_their_names(tmp_path, names):
    for age, name in enumerate(["log", *names]):
        put(tmp_path / name, f"day {4 - age}\n".encode(), 400)
    assert last_lines(str(tmp_path / "log"), 1000) == (["day 1", "day 2", "day 3", "day 4"], True)


@pytest.mark.parametrize("name", ["log.2.zst", "log-20261129.zst", "log.2.lz4", "log-20261129.Z", "log-20261129.xz", "log-20261129.bz2"])
def test_a_compressed_file_of_another_form_ends_the_log_there(rotated, name):
    rotated.with_name("log.2.gz").unlink()
    put(rotated.with_name(name), b"\x28\xb5\x2f\xfd day 2", 200)
    assert last_lines(str(rotated), 1000) == (["day 3", "day 4"], False)
    assert last_lines(str(rotated), 1000, since=250) == (["day 3", "day 4"], True)


@pytest.mark.parametrize("name", ["log.old", "log-old", "log_before", "log.gz", "log.2.bak", "log-20261129.bak"])
def test_a_log_may_go_on_in_a_file_that_somebody_has_named(rotated, name):
    put(rotated.with_name(name), b"day 2\n", 200)
    assert last_lines(str(rotated), 1000) == (["day 1", "day 2", "day 3", "day 4"], False)
    assert last_lines(str(rotated), 1000, since=250) == (["day 3", "day 4"], True)
    rotated.with_name(name).unlink()
    rotated.with_name(name).mkdir()
    assert last_lines(str(rotated), 1000).is_whole


def test_a_python_that_was_built_without_a_module_reads_the_other_files(rotated, monkeypatch):
    put(rotated.with_name("log.4.xz"), lzma.compress(b"day 0\n"), 50)
    assert last_lines(str(rotated), 1000).lines[0] == "day 0"
    monkeypatch.setitem(log_file._READERS, ".xz", "_no_lzma")
    assert last_lines(str(rotated), 1000) == (["day 1", "day 2", "day 3", "day 4"], False)


def test_an_error_of_the_disk_is_no_damaged_file(rotated, monkeypatch):
    class Broken:
        @staticmethod
        def open(_file, _mode):
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(log_file.importlib, "import_module", lambda _name: Broken)
    with pytest.raises(OSError, match="Input/output error"):
        last_lines(str(rotated), 1000)
