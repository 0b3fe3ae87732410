# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the end of a log, which may have any size."""

from __future__ import annotations

import os
import stat


def last_lines(path: str, most: int) -> list[str]:
    """Return the lines at the end of a log, none where there is no such file. A link, a named pipe or a device is no log.

    :param most: the number of bytes that are read; a line that begins before them is left out
    :raises OSError: if the file cannot be read
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return []
        begin = max(0, status.st_size - most)
        file.seek(begin)
        lines = file.read(most).decode(errors="replace").splitlines()
    return lines[1:] if begin else lines
