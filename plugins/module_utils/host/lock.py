# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A lock, so that only one run at a time changes the applications of a host.

The kernel releases the lock when the process that holds it ends, however it ends, so a lock is never stale. The commands of a run that
was killed may outlive it: they inherit a second lock, and the next run waits for that one too.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
import typing as t

from .clock import now

PATH = "/run/lock/flaskops.lock"
_POLL_SECONDS = 0.2
# Descriptors that the commands of this process inherit while it holds the lock.
_inherited: list[int] = []


class LockedError(Exception):
    """Another run holds the lock; the message says who started it and when."""


@contextlib.contextmanager
def held(who: str, timeout: int, path: str = PATH) -> t.Iterator[None]:
    """Hold the lock.

    :param who: who started this run; another run that finds the lock held names this person
    :param timeout: seconds to wait for it
    :raises LockedError: when another run still holds it after that time
    """
    give_up = time.monotonic() + timeout
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with open(descriptor, "r+", encoding="utf-8") as file:
        if not _take_until(give_up, descriptor):
            raise LockedError(f"another run changes the applications of this host: {_holder(file)}. Waited {timeout} s for it")
        with _of_commands(path) as commands:
            if not _take_until(give_up, commands):
                raise LockedError(f"a command of a run that was killed is still at work: {_holder(file)}. Waited {timeout} s for it")
            # No other run asks for the second lock now, since the first one is held. Shared, so that commands can hold it too.
            fcntl.flock(commands, fcntl.LOCK_SH)
            file.seek(0)
            file.truncate()
            json.dump({"who": who, "since": now(), "pid": os.getpid()}, file)
            file.flush()
            yield


def inherited() -> tuple[int, ...]:
    """Return the descriptors that a command must inherit, so that no other run begins before the command has ended."""
    return tuple(_inherited)


@contextlib.contextmanager
def _of_commands(path: str) -> t.Iterator[int]:
    # Opened read-only: child processes of the application's user inherit the descriptor and must not be able to write to the file.
    descriptor = os.open(f"{path}.commands", os.O_RDONLY | os.O_CREAT, 0o600)
    _inherited.append(descriptor)
    try:
        yield descriptor
    finally:
        _inherited.remove(descriptor)
        os.close(descriptor)


def _take_until(give_up: float, descriptor: int) -> bool:
    while not _take(descriptor):
        if time.monotonic() >= give_up:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: t.TextIO) -> str:
    file.seek(0)
    try:
        holder = json.load(file)
        return f"{holder['who']} since {holder['since']} (process {holder['pid']})"
    except (ValueError, KeyError):
        return "it did not say who it is"
