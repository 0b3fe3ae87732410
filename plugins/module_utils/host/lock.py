# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One change at a time: of a host's applications, or of a tree of configuration files.

The kernel releases the lock when the process that holds it ends, however it ends, so a lock is never stale. The commands of a run that
was killed may outlive it: they inherit a second lock, and the next run waits for that one too.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
import typing as t

from .clock import now
from .json_file import NoObjectError, parse_object

# /run/lock is writable for everybody: whoever makes a file there first holds the lock, or has root write where a link leads.
PATH = "/run/flaskops/lock"
# The last part of each directory that only this collection uses, such as /run/flaskops and /var/lib/flaskops.
_OURS = "flaskops"
_POLL_SECONDS = 0.2
# Far more than a name, a time and a number.
_MOST_BYTES = 4096
# Descriptors that the commands of this process inherit while it holds the lock.
_inherited: list[int] = []


class LockedError(Exception):
    """Another run holds the lock; the message says who started it and when."""


@contextlib.contextmanager
def held(
    who: str, timeout: int, path: str = PATH, what: str = "the applications of this host", for_commands: bool = True
) -> t.Iterator[None]:
    """Hold the lock.

    :param who: who started this run; another run that finds the lock held names this person
    :param timeout: seconds to wait for it
    :param path: the file that is locked; it is made if it is missing
    :param what: what is changed under the lock, for the message
    :param for_commands: whether commands of this process inherit the second lock
    :raises LockedError: when it is still held then
    """
    give_up = time.monotonic() + timeout
    with contextlib.ExitStack() as stack:
        descriptor = stack.enter_context(_opened(path, os.O_RDWR))
        file = stack.enter_context(open(descriptor, "r+b", buffering=0, closefd=False))
        if not _take_until(give_up, descriptor):
            raise LockedError(f"another run changes {what}: {_holder(file)}. Waited {timeout} s for it")
        if for_commands:
            commands = stack.enter_context(_of_commands(path))
            if not _take_until(give_up, commands):
                raise LockedError(f"a command of a run that was killed is still at work: {_holder(file)}. Waited {timeout} s for it")
            # No other run asks for the second lock now, since the first one is held. Shared, so that commands can hold it too.
            fcntl.flock(commands, fcntl.LOCK_SH)
        _name_holder(file, who)
        yield


@contextlib.contextmanager
def _opened(path: str, how: int) -> t.Iterator[int]:
    """Open a file in a directory of root's, and make both if they do not exist.

    :raises OSError: if one of them is somebody else's, or a link
    """
    directory, name = os.path.split(path)
    with _directory(directory) as place:
        descriptor = os.open(name, how | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600, dir_fd=place)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def make_directory(directory: str) -> None:
    """Make a directory of root's if it does not exist, as after a boot, which empties ``/run``.

    :raises OSError: if it is somebody else's, or a link
    """
    with _directory(directory):
        pass


@contextlib.contextmanager
def _directory(directory: str) -> t.Iterator[int]:
    """Open a directory of root's, and make it if it does not exist.

    A directory of this collection is made root's alone. Any other one keeps its mode, since others may need it.

    :raises OSError: if it is somebody else's, or a link
    """
    with contextlib.suppress(FileExistsError):
        os.mkdir(directory, 0o700)
    place = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(place).st_uid != os.geteuid():
            raise OSError(errno.EPERM, "The directory of the lock belongs to somebody else; remove it", directory)
        if os.path.basename(directory) == _OURS:
            os.fchmod(place, 0o700)
        yield place
    finally:
        os.close(place)


def inherited() -> tuple[int, ...]:
    """Return the descriptors that a command must inherit, so that no other run begins before the command has ended."""
    return tuple(_inherited)


@contextlib.contextmanager
def _of_commands(path: str) -> t.Iterator[int]:
    # Opened read-only: child processes of an application's user inherit it, and all that they can do is to give it up.
    with _opened(f"{path}.commands", os.O_RDONLY) as descriptor:
        _inherited.append(descriptor)
        try:
            yield descriptor
        finally:
            _inherited.remove(descriptor)


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
        holder = parse_object(file.read(_MOST_BYTES))
        return f"{holder['who']} since {holder['since']} (process {holder['pid']})"
    except (NoObjectError, KeyError):
        return "it did not say who it is"
