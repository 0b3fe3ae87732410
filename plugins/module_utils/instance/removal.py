# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Remove an application from a host. Applications share no files and units, so others are not affected."""

from __future__ import annotations

import glob
import os

from ..app import run_mount, user
from ..app.layout import Layout
from ..app.orders import AbsentApp
from ..host import systemd, trees
from ..host.files import mounts_at_or_below, names_in, unlink
from . import operator_command, workers
from .instance import DeployError, installed_units, known_ids, remove_instance


def pending(app: AbsentApp) -> list[str]:
    """Return the paths of an application that are still on the host and have to be removed."""
    layout = Layout(app)
    units = [layout.unit_template, layout.stream_unit_template, layout.mount_file]
    places = [layout.sysusers, layout.tmpfiles, *units, layout.config_dir, layout.run_dir]
    places += [
        *map(layout.unit_file, [*layout.worker_units(), *layout.timer_units(), *layout.job_units()]),
        *layout.made_here(),
        *([layout.shared, *_own_dirs(app)] if app["purge"] else []),
    ]
    left = [place for place in places if os.path.lexists(place)]
    in_root = {f"{layout.root}/{name}" for name in names_in(layout.root)}
    # The root itself goes when nothing else is in it.
    empty = os.path.isdir(layout.root) and in_root <= set(left) and not os.path.ismount(layout.root)
    return [*left, *([layout.root] if app["purge"] and empty else [])]


def _own_dirs(app: AbsentApp) -> list[str]:
    """Return the directories in /var that were made for an application; one of somebody else was never taken for its own."""
    owners = {path: os.lstat(path).st_uid for path in app["own_dirs"] if os.path.lexists(path)}
    return [path for path, owner in owners.items() if user.is_of(app["user"], app["name"], owner) or user.is_retired(owner)]


def check(app: AbsentApp) -> None:
    """Require that nothing is mounted in what has to be removed.

    :raises DeployError: with the mount point; nothing has changed then
    """
    layout = Layout(app)
    ours = layout.run_dir if os.path.lexists(layout.mount_file) else ""
    mounted = [mount for place in pending(app) for mount in mounts_at_or_below(place) if mount != ours]
    if mounted:
        raise DeployError(
            f"{app['name']}: {mounted[0]} is mounted in what would be removed, with the files of that file system; unmount it and run again."
        )


def remove(app: AbsentApp) -> list[str]:
    """Stop an application and remove its pending paths; return the removed paths.

    :raises OSError: if something cannot be removed, such as a user whose processes cannot be ended
    """
    gone, ids, layout = pending(app), known_ids(app), Layout(app)
    systemd.stop([*(unit for name in ids for unit in layout.drain_units(name)), layout.trial_timer])
    units = [*(unit for name in ids for unit in installed_units(app, name)), *layout.worker_units(), *layout.job_units()]
    workers.end(layout)
    systemd.stop([*units, *operator_command.running_units(app["name"])])
    systemd.reset_failed(units)
    for name in ids:
        remove_instance(app, name)
    for link in [*glob.glob(layout.wants_link("*")), *map(systemd.wants_link, [*layout.worker_units(), *layout.timer_units()])]:
        unlink(link)
    # The user goes first: no process of it is left to make files where others are removed.
    if app["purge"]:
        user.remove(app["user"], app["name"])
    if layout.mount_file in gone:
        run_mount.end(layout)
    for place in gone:
        trees.remove(place)
    systemd.daemon_reload()
    return gone
