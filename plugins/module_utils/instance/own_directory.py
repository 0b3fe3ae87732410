# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The directory in which instances make their sockets. An application may have filled it, and its next release must start all the same."""

from __future__ import annotations

import os
import shlex
import stat

from ..app.layout import Layout
from ..app.orders import PlacedApp
from ..app.unit_names import all_units
from ..host.files import names_in
from ..host.unix_socket import is_socket
from ..release.store import discard
from .instance import known_ids

# More than an instance with a pool needs: each of its four sockets has two names, and each worker has a lock.
_NAMES = 64
_BYTES = 64 * 1024


def make_room(app: PlacedApp) -> None:
    """Remove what is neither the socket of an instance nor the lock of a worker, if an application has filled the directory.

    :raises OSError: if there is no room even then, since a process holds or makes files
    """
    layout = Layout(app)
    if _has_room(layout.own_dir):
        return
    sockets = {os.path.basename(path) for known in known_ids(app) for path in layout.own_sockets(known)}
    locks = {f"{unit.partition('@')[0]}.lock" for unit in layout.worker_units()}
    locks |= {f"{layout.worker_of(timer)}.lock" for timer in layout.timer_units()}
    for name in names_in(layout.own_dir):
        path = f"{layout.own_dir}/{name}"
        if not (name in sockets and is_socket(path)) and not (name in locks and _is_empty_file(path)):
            discard(path)
    if not _has_room(layout.own_dir):
        raise OSError(
            f"{layout.own_dir} has no room for the sockets of another instance, and what the application has put there keeps coming back."
            f" Stop it with `systemctl stop {shlex.join(all_units(layout.name))}`, and run again"
        )


def _has_room(directory: str) -> bool:
    """Return whether another instance finds room; a directory that is not there is made later."""
    try:
        found = os.statvfs(directory)
    except FileNotFoundError:
        return True
    # A file system without a limit of inodes has none by this count.
    return found.f_bavail * found.f_frsize >= _BYTES and (found.f_files == 0 or found.f_ffree >= _NAMES)


def _is_empty_file(path: str) -> bool:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == 0
