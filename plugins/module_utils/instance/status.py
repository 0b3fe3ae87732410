# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The state of applications on the host, read without changing anything."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import typing as t

from ..app import history
from ..app.layout import AppRoot, Layout
from ..app.links import name_behind
from ..app.orders import PlacedApp
from ..host import systemd
from ..host.systemd import is_enabled
from ..release.store import release_record
from .instance import changed_by_hand, installed_units, known_ids, live_id, previous_id, release_id_of
from .unit_state import Properties, UnitState
from .uwsgi_client import read_stats

_HISTORY_SHOWN = 10
_PAGE = os.sysconf("SC_PAGE_SIZE")


def describe(app: PlacedApp) -> dict[str, t.Any]:
    """Return releases, instances, socket and workers of an application."""
    live, ids, layout = live_id(app), known_ids(app), Layout(app)
    states = systemd.show([unit for name in ids for unit in installed_units(app, name)])
    return {
        "live": live,
        "previous": previous_id(app),
        "release": _release(app),
        "socket": _socket(layout.socket),
        "stream_socket": _socket(layout.stream_socket),
        "instances": {name: _instance(app, name, states) for name in ids},
        "changed_by_hand": changed_by_hand(app, live) if live else [],
        "rejected": history.rejected(layout.root),
        "history": history.read(layout.root, _HISTORY_SHOWN),
    }


def _release(app: PlacedApp) -> dict[str, t.Any]:
    places = AppRoot(app["root"])
    release = name_behind(places.current)
    record = release_record(places.root, release) if release else None
    path = places.release(release)
    # A release is never changed, so the age of its directory is when it was built.
    built = int(os.stat(path).st_mtime) if release and os.path.isdir(path) else 0
    known = {"revision": record.revision if record else "", "virtualenv_id": record.virtualenv_id if record else ""}
    return {"id": release, **known, "built": built}


def _socket(path: str) -> dict[str, str] | None:
    """Return path, mode, owner and group of the socket behind a link, ``None`` if there is no socket."""
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


def _instance(app: PlacedApp, instance_id: str, states: t.Mapping[str, Properties]) -> dict[str, t.Any]:
    layout = Layout(app)
    own, *pool = installed_units(app, instance_id)
    return {
        "release": release_id_of(app, instance_id),
        "enabled": is_enabled(own),
        **_uwsgi(own, states[own], layout.stats_socket(instance_id)),
        "stream": _uwsgi(pool[0], states[pool[0]], layout.stream_stats_socket(instance_id)) if pool else None,
    }


def _uwsgi(unit: str, properties: Properties, stats_socket: str) -> dict[str, t.Any]:
    """Return the state and the statistics of a uWSGI: ``slots`` requests at most are answered at once, ``busy`` of them at the moment."""
    stats = (read_stats(stats_socket) if UnitState.of(properties) is UnitState.ACTIVE else None) or {}
    # Read from /proc: for this figure in its statistics, uWSGI would have to measure its memory after every request (memory-report).
    workers = [{**worker, "rss": _resident(worker["pid"])} for worker in stats.get("workers", [])]
    cores = [core for worker in workers for core in worker.get("cores", [])]
    return {
        "unit": properties.get("Id", unit),
        "active": properties["ActiveState"],
        "uwsgi": stats.get("version", ""),
        "listen_queue": stats.get("listen_queue", 0),
        "slots": len(cores),
        "busy": sum(core["in_request"] for core in cores),
        "memory": sum(worker["rss"] for worker in workers),
        "requests": sum(worker["requests"] for worker in workers),
        "exceptions": sum(worker["exceptions"] for worker in workers),
        "workers": [{key: worker[key] for key in ("id", "pid", "status", "requests", "rss", "avg_rt")} for worker in workers],
    }


def _resident(pid: t.Any) -> int:
    """Return the bytes of memory that a process takes, 0 where it has ended.

    :param pid: what an application says that it is, so that anything but a number would be a path of its choice
    """
    try:
        with open(f"/proc/{int(pid)}/statm") as pages:
            return int(pages.read().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError, TypeError, OverflowError):
        return 0
