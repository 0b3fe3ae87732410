# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One change at a time: of a host's applications, or of a tree of configuration files.

The kernel releases the lock when its holder ends, however it ends, so there is no stale lock to recognise. The commands of a run that
was killed may outlive it: they inherit a second lock, for which the next run waits too.
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
# What the commands of this process inherit while it holds the lock.
_inherited: list[int] = []


class LockedError(Exception):
    """Somebody else holds the lock; the message says who and since when."""


@contextlib.contextmanager
def held(
    who: str, timeout: int, path: str = PATH, what: str = "the applications of this host", for_commands: bool = True
) -> t.Iterator[None]:
    """Hold the lock.

    :param who: whom the next one is told about
    :param timeout: seconds to wait for it
    :param path: the file that is locked; it is made if it is missing
    :param what: what is changed under the lock, for the message
    :param for_commands: whether commands of this process inherit the second lock
    :raises LockedError: when it is still held then
    """
    give_up = time.monotonic() + timeout
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open(descriptor, "r+b", buffering=0))
        if not _take_until(give_up, descriptor):
            raise LockedError(f"another run changes {what}: {_holder(file)}. Waited {timeout} s for it")
        if for_commands:
            commands = stack.enter_context(_of_commands(path))
            if not _take_until(give_up, commands):
                raise LockedError(f"a command of a run that was killed is still at work: {_holder(file)}. Waited {timeout} s for it")
            # Nobody else asks for it now: the first lock is held.
            fcntl.flock(commands, fcntl.LOCK_SH)
        _name_holder(file, who)
        yield


def inherited() -> tuple[int, ...]:
    """Return the descriptors that a command has to inherit, so that no other run begins before it has ended."""
    return tuple(_inherited)


@contextlib.contextmanager
def _of_commands(path: str) -> t.Iterator[int]:
    # For reading only, since commands of the application's user have it: all that they can do is to give it up.
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


def _name_holder(file: t.BinaryIO, who: str) -> None:
    # The lock holds without the name, too: a full disk must not stop a run that writes nothing else.
    with contextlib.suppress(OSError):
        file.truncate(0)
        file.write(json.dumps({"who": who, "since": now(), "pid": os.getpid()}).encode())


def _holder(file: t.BinaryIO) -> str:
    file.seek(0)
    try:
        holder = json.load(file)
        return f"{holder['who']} since {holder['since']} (process {holder['pid']})"
    except (ValueError, KeyError):
        return "it did not say who it is"
