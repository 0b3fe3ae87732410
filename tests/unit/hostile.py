# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Helpers of tests that play a hostile user of an application."""

from __future__ import annotations

import contextlib
import os
import signal
import typing as t

import pytest

# A user without files of his own; he has no account on the machine that runs the tests.
STRANGER = 54321
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")

Result = t.TypeVar("Result")


def in_time(work: t.Callable[[], Result], seconds: float = 60) -> Result:
    """Return what a call does; fail where it waits for somebody."""

    def too_long(*_signal: object) -> None:
        pytest.fail(f"no answer after {seconds} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return work()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def meanwhile(monkeypatch: pytest.MonkeyPatch, user: int, act: t.Callable[[], t.Any]) -> None:
    """Have a process of a user do something before and after every call with which root works in a tree."""
    busy: list[bool] = []

    def step() -> None:
        if busy or os.geteuid() != 0:
            return
        busy.append(True)
        os.seteuid(user)
        try:
            with contextlib.suppress(OSError):
                act()
        finally:
            os.seteuid(0)
            busy.clear()

    def watched(call: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        def called(*args: t.Any, **more: t.Any) -> t.Any:
            step()
            try:
                return call(*args, **more)
            finally:
                step()

        return called

    for name in ("chown", "chmod", "fchown", "fchmod", "open", "scandir", "stat", "fstat", "lstat", "utime"):
        monkeypatch.setattr(os, name, watched(getattr(os, name)))
