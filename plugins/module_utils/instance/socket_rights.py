# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The permissions of the socket of an instance."""

from __future__ import annotations

import os
import re
import stat

# Settings of uWSGI that decide who may use its socket. The last line counts.
_MODE = re.compile(r"^chmod-socket\s*=\s*([0-7]{3,4})\s*$", re.MULTILINE)
_OWNER = re.compile(r"^chown-socket\b", re.MULTILINE)


def is_as_set(path: str, settings: str, user: int, group: int | None) -> bool:
    """Return whether a socket has a name, with the mode that uWSGI gives it by its settings, and with its owner and group.

    :param settings: the text of the ini. A description may set another mode, or have uWSGI give the socket away.
    :param group: ``None`` where the group does not matter
    """
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    if not stat.S_ISSOCK(found.st_mode):
        return False
    modes = _MODE.findall(settings)
    if modes and stat.S_IMODE(found.st_mode) != int(modes[-1], 8):
        return False
    return bool(_OWNER.search(settings)) or (found.st_uid == user and group in (None, found.st_gid))
