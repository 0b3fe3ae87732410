# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The file system in memory on which an application has its directory of sockets, so that it cannot fill /run for the others of a host."""

from __future__ import annotations

import os
import typing as t

from ..host import systemd
from ..host.managed import HEADER
from .layout import Layout

# A socket takes no space. Each name of a file counts as an inode: an instance with a pool has eight at most.
_OPTIONS = "mode=0751,size=4M,nr_inodes=1024,nosuid,nodev,noexec"


def text(layout: Layout) -> str:
    """Return the mount unit. It does nothing on a directory that has something in it, as the sockets of instances from before the unit."""
    return (
        f"{HEADER}[Unit]\n"
        f"Description=Directory of sockets of the Flask application {layout.name}\n"
        f"ConditionDirectoryNotEmpty=!{layout.run_dir}\n\n"
        "[Mount]\n"
        "What=tmpfs\n"
        f"Where={layout.run_dir}\n"
        "Type=tmpfs\n"
        f"Options={_OPTIONS}\n"
        "# Whoever looks into the directory keeps no application from being removed.\n"
        "LazyUnmount=true\n"
    )


def start(layouts: t.Iterable[Layout]) -> None:
    """Mount the directories of sockets that are empty or not there yet; one that has something in it is left until the next boot.

    :raises SystemdError: if one cannot be mounted
    """
    wanted = [layout.mount_unit for layout in layouts if not os.path.lexists(layout.own_dir)]
    if wanted:
        systemd.daemon_reload()
        systemd.start_now(wanted)


def end(layout: Layout) -> None:
    """Unmount the directory of sockets of an application whose units have ended."""
    systemd.stop([layout.mount_unit])
