# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Times as systemd understands them (systemd.time(7)), whose versions do not all know the same ones."""

from __future__ import annotations

import re

from .command import CommandError, Runner, run


class NoTimeError(Exception):
    """A text is no time that systemd understands."""


def never_comes(expression: str, runner: Runner = run) -> bool:
    """Return whether a time has passed for good or is none of the calendar, such as February 30.

    :raises NoTimeError: if systemd does not understand it
    """
    printed = _analyzed("calendar", expression, runner)
    return bool(re.search(r"^ *Next elapse: never$", printed, re.MULTILINE))


def seconds_of(text: str, runner: Runner = run) -> float:
    """Return a time in seconds since the epoch, such as that of ``1 hour ago`` or ``2026-11-28 09:30``.

    :raises NoTimeError: if it is none
    """
    printed = _analyzed("timestamp", text, runner)
    found = re.search(r"UNIX seconds: @([0-9.]+)", printed)
    if not found:
        raise NoTimeError(printed)
    return float(found[1])


def _analyzed(kind: str, text: str, runner: Runner) -> str:
    """Return what systemd-analyze(1) prints of a time."""
    try:
        return runner(["systemd-analyze", kind, "--", text], (0,)).output
    except CommandError as error:
        # pylint 4 takes the cause for no exception.
        raise NoTimeError(str(error)) from error  # pylint: disable=bad-exception-cause
