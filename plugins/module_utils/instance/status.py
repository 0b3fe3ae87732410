# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the host has of applications, read without changing anything."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import typing as t

from ..app import history
from ..app.layout import stream_link
from ..host import systemd
from ..host.files import read_link
from ..host.systemd import is_enabled
from ..release.store import release_record
from .instance import changed_by_hand, instance_record, known_ids, live_id, previous_id, units_of
from .uwsgi_client import read_stats

App = t.Mapping[str, t.Any]
_HISTORY_SHOWN = 10
_PAGE = os.sysconf("SC_PAGE_SIZE")


def describe(app: App) -> dict[str, t.Any]:
    """Return releases, instances, socket and workers of an application."""
    live = live_id(app)
    ids = known_ids(app)
    states = systemd.show([unit for name in ids for unit in units_of(app, name)])
    return {
        "live": live,
        "previous": previous_id(app),
        "release": _release(app),
        "socket": _socket(f"{app['run_dir']}/uwsgi.sock"),
        "stream_socket": _socket(stream_link(app)),
        "instances": {name: _instance(app, name, states) for name in ids},
        "changed_by_hand": changed_by_hand(app, live) if live else [],
        "rejected": history.rejected(app["root"]),
        "history": history.read(app["root"], _HISTORY_SHOWN),
    }


def _release(app: App) -> dict[str, t.Any]:
    release = os.path.basename(read_link(f"{app['root']}/current") or "")
    record = release_record(app["root"], release) if release else {}
    path = f"{app['root']}/releases/{release}"
    # A release is never changed, so the age of its directory is when it was built.
    built = int(os.stat(path).st_mtime) if release and os.path.isdir(path) else 0
    return {"id": release, "revision": record.get("revision", ""), "virtualenv": record.get("virtualenv", ""), "built": built}


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


def _instance(app: App, name: str, states: t.Mapping[str, t.Mapping[str, str]]) -> dict[str, t.Any]:
    own, *pool = units_of(app, name)
    return {
        "release": instance_record(app, name)["release"]["id"],
        "enabled": is_enabled(own),
        **_uwsgi(own, states[own], f"{app['run_dir']}/{name}.stats"),
        "stream": _uwsgi(pool[0], states[pool[0]], f"{app['run_dir']}/{name}.stream.stats") if pool else None,
    }


def _uwsgi(unit: str, state: t.Mapping[str, str], stats_socket: str) -> dict[str, t.Any]:
    """Return what a uWSGI does; ``slots`` is how many requests it can answer at the same time, ``busy`` how many it does."""
    stats = (read_stats(stats_socket) if state["ActiveState"] == "active" else None) or {}
    # uWSGI itself would look after every request what memory it takes.
    workers = [{**worker, "rss": _resident(worker["pid"])} for worker in stats.get("workers", [])]
    cores = [core for worker in workers for core in worker.get("cores", [])]
    return {
        "unit": state.get("Id", unit),
        "active": state["ActiveState"],
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
