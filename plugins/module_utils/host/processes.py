# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""End all processes of a user, before the user is removed."""

from __future__ import annotations

import contextlib
import os
import signal
import time

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
