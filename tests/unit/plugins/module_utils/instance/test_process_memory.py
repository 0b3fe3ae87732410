# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The memory of processes, of which an application tells the numbers."""

from __future__ import annotations

import os
import subprocess

from ansible_collections.flaskops.stack.plugins.module_utils.instance.process_memory import resident_bytes
from ansible_collections.flaskops.stack.tests.unit.hostile import STRANGER, needs_root


def test_memory_is_what_the_kernel_tells():
    own = resident_bytes(os.getpid(), os.getuid())
    assert own % os.sysconf("SC_PAGE_SIZE") == 0
    assert 1 << 20 < own < 1 << 36


def test_a_worker_that_is_not_started_or_has_ended_takes_none():
    assert resident_bytes(0, os.getuid()) == 0
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert resident_bytes(ended.pid, os.getuid()) == 0


def test_a_process_of_another_user_is_not_looked_into(monkeypatch):
    opened: list[str] = []
    own = os.open
    monkeypatch.setattr(os, "open", lambda path, *args, **more: opened.append(path) or own(path, *args, **more))
    assert resident_bytes(os.getpid(), os.getuid() + 1) == 0
    assert "statm" not in opened
    assert resident_bytes(os.getpid(), os.getuid()) > 0
    assert "statm" in opened, "the file that the first call must not open"


@needs_root
def test_a_process_of_the_application_is_counted():
    process = subprocess.Popen(["sleep", "60"], user=STRANGER)
    try:
        assert resident_bytes(process.pid, STRANGER) > 0
        assert resident_bytes(process.pid, os.getuid()) == 0
    finally:
        process.kill()
        process.wait()
