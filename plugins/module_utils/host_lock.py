# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One change of a host's applications at a time.

The kernel releases the lock when its holder ends, however it ends, so there is no stale lock to recognise.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
import typing as t

from .history import now

PATH = "/run/lock/flaskops.lock"
_POLL_SECONDS = 0.2


class LockedError(Exception):
    """Somebody else holds the lock; the message says who and since when."""


@contextlib.contextmanager
def held(who: str, timeout: int, path: str = PATH) -> t.Iterator[None]:
    """Hold the lock.

    :param who: whom the next one is told about
    :param timeout: seconds to wait for it
    :raises LockedError: when it is still held then
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with open(descriptor, "r+", encoding="utf-8") as file:
        give_up = time.monotonic() + timeout
        while not _take(descriptor):
            if time.monotonic() >= give_up:
                raise LockedError(f"another run changes the applications of this host: {_holder(file)}. Waited {timeout} s for it")
            time.sleep(_POLL_SECONDS)
        file.seek(0)
        file.truncate()
        json.dump({"who": who, "since": now(), "pid": os.getpid()}, file)
        file.flush()
        yield


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
