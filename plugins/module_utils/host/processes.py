# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Processes of a host: which directories they see, and the end of all those of a user before the user is removed."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import stat
import time
import typing as t

_SECONDS = 10
_PAUSE_SECONDS = 0.05


class ProcessError(OSError):
    """Processes of a user go on although they were killed; the message names them."""


def end_all_of(user: int) -> None:
    """Kill the processes of a user until none is left: one may start another one meanwhile.

    :raises ProcessError: if some go on for ten seconds, as while the kernel waits for a disk
    """
    give_up = time.monotonic() + _SECONDS
    while left := processes_of(user):
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        if time.monotonic() >= give_up:
            raise ProcessError(f"processes of user {user} cannot be ended: {', '.join(map(str, left))}")
        time.sleep(_PAUSE_SECONDS)


def processes_of(user: int, proc: str = "/proc") -> list[int]:
    """Return the processes whose real, effective or saved user it is; a program with set-user-ID has several (proc_pid_status(5))."""
    return [int(name) for name in os.listdir(proc) if name.isdigit() and user in users_of(f"{proc}/{name}/status")]


def writes_to(process: int, directory: str, proc: str = "/proc") -> bool:
    """Return whether a process with mounts of its own has the directory that is at a path now, and may write where everybody else may.

    Such a process goes on with a directory that was removed, also when another one is at its path. It has a directory that was made since it
    began as a part of what it may only read. Every other difference is what somebody has set for the process, and no restart would mend it.
    A process that has ended, or that nobody may look into, tells nothing.
    """
    seen = f"{proc}/{process}/root{directory}"
    try:
        ours = os.lstat(directory)
        with _files_as_owner_of(f"{proc}/{process}"):
            its = os.lstat(seen)
            # Look at the mounts of real directories only: statvfs(2) would follow a link.
            if not (stat.S_ISDIR(ours.st_mode) and stat.S_ISDIR(its.st_mode)):
                return True
            may_only_read = [bool(os.statvfs(path).f_flag & os.ST_RDONLY) for path in (directory, seen)]
        is_removed = its.st_nlink == 0 and (ours.st_dev, ours.st_ino) != (its.st_dev, its.st_ino)
        return not is_removed and not (may_only_read == [False, True] and ours.st_ctime > _began(process, proc))
    except (OSError, ValueError, IndexError):
        return True


def begun_since(process: int, moment: float, proc: str = "/proc") -> bool:
    """Return whether a process has begun after a time; one that has ended has not.

    :param moment: seconds since the epoch
    """
    try:
        return _began(process, proc) > moment
    except (OSError, ValueError, IndexError):
        return False


def _began(process: int, proc: str) -> float:
    """Return when a process has begun, in seconds since the epoch (proc_pid_stat(5), ``starttime``).

    :raises OSError: if it has ended
    """
    with open(f"{proc}/{process}/stat", encoding="ascii", errors="replace") as file:
        ticks = int(file.read().rpartition(")")[2].split()[19])
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def _files_as_owner_of(path: str) -> t.Iterator[None]:
    """Have this thread alone look at files as the owner of a path does (setfsuid(2)).

    In a container, root may lack the right to look into processes of others. Each user may look into the own ones (ptrace(2), "access mode").
    """
    owner, libc = os.stat(path), ctypes.CDLL(None)
    group, user = libc.setfsgid(owner.st_gid), libc.setfsuid(owner.st_uid)
    try:
        yield
    finally:
        libc.setfsuid(user)
        libc.setfsgid(group)


def users_of(status: str) -> list[int]:
    """Return the real, effective, saved and file system user of a process, none for one that has ended.

    :param status: the path of the file with them
    """
    try:
        with open(status, encoding="utf-8", errors="replace") as lines:
            fields = dict(line.split(":", 1) for line in lines if ":" in line)
    except (FileNotFoundError, ProcessLookupError):
        return []
    # A process that has ended and waits for its parent to ask does nothing more.
    return [] if fields["State"].split()[0] == "Z" else [int(number) for number in fields["Uid"].split()]
