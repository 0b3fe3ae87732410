# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the host has of applications, read without changing anything."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import typing as t

from . import systemd
from .atomic import read_link
from .instance import known_ids, live_id, unit_name
from .release_build import release_record
from .uwsgi_client import read_stats

App = t.Mapping[str, t.Any]


def describe(app: App) -> dict[str, t.Any]:
    """Return releases, instances, socket and workers of an application."""
    live = live_id(app)
    ids = known_ids(app)
    states = systemd.show([unit_name(app["name"], name) for name in ids])
    return {
        "live": live,
        "release": _release(app),
        "socket": _socket(f"{app['run_dir']}/uwsgi.sock"),
        "instances": {name: _instance(app, name, state) for name, state in zip(ids, states.values(), strict=True)},
    }


def _release(app: App) -> dict[str, t.Any]:
    release = os.path.basename(read_link(f"{app['root']}/current") or "")
    record = release_record(app["root"], release) if release else {}
    return {"id": release, "revision": record.get("revision", ""), "virtualenv": record.get("virtualenv", "")}


def _socket(path: str) -> dict[str, str] | None:
    """Return owner, group and mode of what a link to a socket leads to; ``None`` where there is no socket."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    if not stat.S_ISSOCK(status.st_mode):
        return None
    return {
        "path": os.path.realpath(path),
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
        "owner": pwd.getpwuid(status.st_uid).pw_name,
        "group": grp.getgrgid(status.st_gid).gr_name,
    }


def _instance(app: App, name: str, state: t.Mapping[str, str]) -> dict[str, t.Any]:
    stats = read_stats(f"{app['run_dir']}/{name}.stats") if state["ActiveState"] == "active" else None
    workers = (stats or {}).get("workers", [])
    return {
        "unit": state.get("Id", unit_name(app["name"], name)),
        "active": state["ActiveState"],
        "enabled": state["UnitFileState"] == "enabled",
        "uwsgi": (stats or {}).get("version", ""),
        "listen_queue": (stats or {}).get("listen_queue", 0),
        "requests": sum(worker["requests"] for worker in workers),
        "exceptions": sum(worker["exceptions"] for worker in workers),
        "workers": [{key: worker[key] for key in ("id", "pid", "status", "requests", "rss", "avg_rt")} for worker in workers],
    }
