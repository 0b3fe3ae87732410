# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Remove an application from a host. Applications share no files and units, so others are not affected."""

from __future__ import annotations

import glob
import os
import pwd
import shutil

from ..app.layout import AbsentApp, Layout
from ..host import systemd
from ..host.command import ANY_STATUS, run
from ..host.files import unlink
from .instance import installed_units, known_ids, remove_instance


def pending(app: AbsentApp) -> list[str]:
    """Return the paths of an application that are still on the host and have to be removed."""
    layout = Layout(app)
    places = [layout.sysusers, layout.tmpfiles, layout.unit_template, layout.stream_unit_template, layout.config_dir, layout.run_dir]
    if app["purge"]:
        places.append(layout.root)
    else:
        places += [path for path in _paths_in(layout.root) if path != layout.shared]
    return [place for place in places if os.path.lexists(place)]


def remove(app: AbsentApp) -> list[str]:
    """Stop an application and remove its pending paths; return the removed paths."""
    gone, ids, layout = pending(app), known_ids(app), Layout(app)
    systemd.stop([layout.drain_timer(name) for name in ids])
    units = [unit for name in ids for unit in installed_units(app, name)]
    systemd.stop(units)
    systemd.reset_failed(units)
    for name in ids:
        remove_instance(app, name)
    for link in glob.glob(layout.wants_link("*")):
        unlink(link)
    for place in gone:
        if os.path.isdir(place) and not os.path.islink(place):
            shutil.rmtree(place)
        else:
            unlink(place)
    systemd.daemon_reload()
    if app["purge"] and _has_user(app["user"]):
        run(["userdel", app["user"]], accepted=ANY_STATUS)
    return gone


def _paths_in(directory: str) -> list[str]:
    try:
        return [f"{directory}/{name}" for name in sorted(os.listdir(directory))]
    except FileNotFoundError:
        return []


def _has_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
