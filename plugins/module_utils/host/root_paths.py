# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether root alone decides what a path leads to."""

from __future__ import annotations

import errno
import functools
import grp
import os
import pwd
import stat

# As many links on one path as the kernel follows (path_resolution(7)).
_MOST_LINKS = 40


def is_roots(status: os.stat_result) -> bool:
    """Return whether only root can change a file, or what has which name in a directory.

    A directory with the sticky bit may be writable for all: there nobody removes or renames what is root's. The user of this process
    counts as root, so that tests need not be root's. A group without users changes nothing: Debian gives /usr/local to its group staff
    (Debian Policy Manual, section 9.1.2).
    """
    if status.st_uid not in (0, os.geteuid()):
        return False
    if stat.S_ISLNK(status.st_mode) or (stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX):
        return True
    if status.st_mode & stat.S_IWGRP and _has_users(status.st_gid):
        return False
    return not status.st_mode & stat.S_IWOTH


@functools.cache
def _has_users(group: int) -> bool:
    """Return whether a process of some user of the host has the rights of a group. A number without a name may be anybody's."""
    try:
        members = grp.getgrgid(group).gr_mem
    except KeyError:
        return True
    return bool(members) or any(entry.pw_gid == group for entry in pwd.getpwall())


def changeable(path: str) -> str:
    """Return the first thing on the way to an absolute path that others than root may change, empty if there is none.

    Links and what they lead to are on the way too. All that comes before the one that is returned is root's, so the answer stays true.

    :raises OSError: if the path leads nowhere
    """
    at, links = "/", 0
    todo = _parts(path)
    while todo:
        name = todo.pop()
        if name == "..":
            at = os.path.dirname(at)
            continue
        at = os.path.join(at, name)
        status = os.lstat(at)
        if not is_roots(status):
            return at
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if links > _MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            target = os.readlink(at)
            at = "/" if target.startswith("/") else os.path.dirname(at)
            todo += _parts(target)
    return ""


def _parts(path: str) -> list[str]:
    """Return the components of a path, the first one last."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]
