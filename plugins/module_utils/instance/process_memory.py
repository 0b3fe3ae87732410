# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The memory of a process whose number an application has told."""

from __future__ import annotations

import os

_PAGE = os.sysconf("SC_PAGE_SIZE")
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def resident_bytes(pid: int, user: int) -> int:
    """Return the bytes of memory that a process of a user takes, 0 if it has ended or is another user's.

    uWSGI tells this figure only if it measures the memory after every request (``memory-report``).
    """
    try:
        directory = os.open(f"/proc/{pid:d}", _DIRECTORY)
    except OSError:
        return 0
    try:
        # The descriptor is of this one process, also when its number goes to another one.
        if os.fstat(directory).st_uid != user:
            return 0
        file = os.open("statm", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        try:
            return int(os.read(file, 200).split()[1]) * _PAGE
        finally:
            os.close(file)
    except (OSError, IndexError, ValueError):
        return 0
    finally:
        os.close(directory)
