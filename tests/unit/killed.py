# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kill what a test does at any line of the collection's code for hosts."""

from __future__ import annotations

import itertools
import os
import sys
import typing as t
from pathlib import Path


def at_lines(act: t.Callable[[], None], come: t.Callable[[int], None]) -> None:
    """Do something, and call a function with the number of each line of the collection before it runs."""
    numbers = itertools.count(1)

    def trace(frame, event, _arg):
        if "/module_utils/" not in frame.f_code.co_filename:
            return None
        if event == "line":
            come(next(numbers))
        return trace

    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(None)


def killed_at(number: int, act: t.Callable[[], None]) -> None:
    """Do something in a process that is gone at a line of the collection, without a word to anybody."""
    child = os.fork()
    if child == 0:
        at_lines(act, lambda line: os._exit(9) if line == number else None)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def lines_that_change(directory: Path, act: t.Callable[[], None]) -> list[int]:
    """Return the first line and those that come upon another state of a directory: killed at any line between them, a run leaves the same."""
    found: list[int] = []
    states = [""]

    def look(line: int) -> None:
        state = repr([(str(path), _content(path)) for path in sorted(directory.rglob("*"))])
        if state != states[-1]:
            states.append(state)
            found.append(line)

    at_lines(act, look)
    return found


def _content(path: Path) -> str:
    return os.readlink(path) if path.is_symlink() else path.read_text() if path.is_file() else ""
