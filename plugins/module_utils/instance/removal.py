# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take an application away from a host; other applications have nothing in common with it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import typing as t

from ..app.account import SYSUSERS_DIR, TMPFILES_DIR
from ..app.layout import drain_timer, stream_template_path, template_path
from ..host import systemd
from ..host.files import unlink
from ..host.systemd import UNIT_DIR
from .instance import installed_units, known_ids, remove_instance

App = t.Mapping[str, t.Any]


def pending(app: App) -> list[str]:
    """Return what of an application is still there and has to go."""
    root = app["root"]
    places = [f"{SYSUSERS_DIR}/flask-{app['name']}.conf", f"{TMPFILES_DIR}/flask-{app['name']}.conf"]
    places += [template_path(app["name"]), stream_template_path(app["name"]), app["config_dir"], app["run_dir"]]
    if app["purge"]:
        places.append(root)
    else:
        places += [f"{root}/{name}" for name in _names(root) if name != "shared"]
    return [place for place in places if os.path.lexists(place)]


def remove(app: App) -> list[str]:
    """Stop an application and remove what is pending; return what went."""
    gone = pending(app)
    ids = known_ids(app)
    systemd.stop([f"{drain_timer(app['name'], name)}.timer" for name in ids])
    units = [unit for name in ids for unit in installed_units(app, name)]
    systemd.stop(units)
    systemd.reset_failed(units)
    for name in ids:
        remove_instance(app, name)
    wants = f"{UNIT_DIR}/multi-user.target.wants"
    for name in _names(wants):
        if name.startswith(f"flask-{app['name']}@"):
            unlink(f"{wants}/{name}")
    for place in gone:
        if os.path.isdir(place) and not os.path.islink(place):
            shutil.rmtree(place)
        else:
            unlink(place)
    systemd.daemon_reload()
    if app["purge"] and _has_user(app["user"]):
        subprocess.run(["userdel", app["user"]], check=False, capture_output=True)
    return gone


def _names(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except FileNotFoundError:
        return []


def _has_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
