# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ends of logs: whole lines, of a file and of nothing else."""

from __future__ import annotations

import os

from ansible_collections.flaskops.stack.plugins.module_utils.host.log_file import last_lines


def test_the_last_lines_are_whole(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"one\ntwo \xff\nthree\n")
    assert last_lines(str(log), 100) == ["one", "two \ufffd", "three"]
    assert last_lines(str(log), 9) == ["three"]


def test_what_is_no_log_has_no_lines(tmp_path):
    (tmp_path / "real").write_text("x\n")
    os.mkfifo(tmp_path / "pipe")
    assert last_lines(str(tmp_path / "pipe"), 100) == last_lines(str(tmp_path / "missing"), 100) == []
