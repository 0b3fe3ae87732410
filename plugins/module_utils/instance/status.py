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
from ..app.orders import AccountApp, PlacedApp
from ..host import systemd
from ..host.files import read_link
from ..host.systemd import is_enabled
from ..release.store import release_record
from .instance import changed_by_hand, installed_units, known_ids, live_id, previous_id, release_id_of
from .process_memory import resident_bytes
from .unit_state import Properties, UnitState
from .uwsgi_stats import NO_STATS, StatsError, read_stats
from .worker_status import problem_of, timer_problem, timers_of, workers_of

_HISTORY_SHOWN = 10
_SHOWN_OF_WORKER = ("id", "pid", "status", "requests", "rss", "avg_rt")


def describe_all(apps: t.Sequence[AccountApp]) -> dict[str, dict[str, t.Any]]:
    """Return what :func:`describe` tells of each application, by name.

    An application whose state cannot be read keeps no other one from being described; its ``problems`` have the reason.

    :raises SystemdError: if systemd does not answer
    """
    found: dict[str, dict[str, t.Any]] = {}
    for app in apps:
        try:
            found[app["name"]] = describe(app)
        except OSError as error:
            found[app["name"]] = {**_NOTHING, "problems": [f"its state cannot be read: {error}"]}
    return found


def describe(app: AccountApp) -> dict[str, t.Any]:
    """Return releases, instances, socket and workers of an application, and in ``problems`` what is not as it should be.

    :raises OSError: if a file of this collection is damaged or cannot be read
    """
    live, ids, layout = live_id(app), known_ids(app), Layout(app)
    states = systemd.show([unit for name in ids for unit in installed_units(app, name)])
    instances = {name: _instance(app, name, states) for name in ids}
    workers, timers = workers_of(app, live), timers_of(app, live)
    problems = [*map(problem_of, workers), *map(timer_problem, timers)]
    return {
        "live": live,
        "previous": previous_id(app),
        "release": _release(app),
        "socket": _socket(layout.socket),
        "stream_socket": _socket(layout.stream_socket),
        "instances": instances,
        "changed_by_hand": changed_by_hand(app, live) if live else [],
        "rejected": history.rejected(layout.root),
        "history": history.read(layout.root, _HISTORY_SHOWN),
        "workers": [worker._asdict() for worker in workers],
        "timers": [timer._asdict() for timer in timers],
        "problems": [*_astray(layout.socket, live), *_problems(instances), *filter(None, problems)],
    }


_NO_RELEASE = {"id": "", "revision": "", "virtualenv_id": "", "built": 0}
_NOTHING = {
    "live": "",
    "previous": "",
    "release": _NO_RELEASE,
    "socket": None,
    "stream_socket": None,
    "instances": {},
    "changed_by_hand": [],
    "rejected": {},
    "history": [],
    "workers": [],
    "timers": [],
}


def _astray(link: str, live: str) -> list[str]:
    """Return what is wrong with the link that nginx follows."""
    target = read_link(link)
    return [f"{link} leads to {target!r}, which is no socket of its instances; deploy it again"] if target is not None and not live else []


def _problems(instances: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[str]:
    units = [unit for instance in instances.values() for unit in (instance, instance["stream"]) if unit]
    return [f"{unit['unit']}: {unit['problem']}" for unit in units if unit["problem"]]


def _release(app: PlacedApp) -> dict[str, t.Any]:
    places = AppRoot(app["root"])
    release = name_behind(places.current)
    if not release:
        return _NO_RELEASE
    record = release_record(places.root, release)
    path = places.release(release)
    # A release is never changed, so the age of its directory is when it was built.
    built = int(os.stat(path).st_mtime) if os.path.isdir(path) else 0
    known = {"revision": record.revision if record else "", "virtualenv_id": record.virtualenv_id if record else ""}
    return {"id": release, **known, "built": built}


def _socket(path: str) -> dict[str, str] | None:
    """Return path, mode, owner and group of the socket behind a link, ``None`` if there is no socket, as behind a link to itself."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISSOCK(status.st_mode):
        return None
    return {
        "path": os.path.realpath(path),
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
        "owner": _name(lambda: pwd.getpwuid(status.st_uid).pw_name, status.st_uid),
        "group": _name(lambda: grp.getgrgid(status.st_gid).gr_name, status.st_gid),
    }


def _name(look_up: t.Callable[[], str], number: int) -> str:
    """Return the name of a user or a group, its number if it has none."""
    try:
        return look_up()
    except KeyError:
        return str(number)


def _instance(app: AccountApp, instance_id: str, states: t.Mapping[str, Properties]) -> dict[str, t.Any]:
    layout = Layout(app)
    own, *pool = installed_units(app, instance_id)
    return {
        "release": release_id_of(app, instance_id),
        "enabled": is_enabled(own),
        **_uwsgi(app, own, states[own], layout.stats_socket(instance_id)),
        "stream": _uwsgi(app, pool[0], states[pool[0]], layout.stream_stats_socket(instance_id)) if pool else None,
    }


def _uwsgi(app: AccountApp, unit: str, properties: Properties, stats_socket: str) -> dict[str, t.Any]:
    """Return the state and the statistics of a uWSGI: ``slots`` requests at most are answered at once, ``busy`` of them at the moment."""
    stats, problem = NO_STATS, ""
    if UnitState.of(properties) is UnitState.ACTIVE:
        try:
            stats = read_stats(stats_socket)
        except StatsError as error:
            problem = f"its statistics {error}"
    memory = [_memory(app, worker.pid) for worker in stats.workers]
    workers = [{**worker._asdict(), "rss": rss} for worker, rss in zip(stats.workers, memory, strict=True)]
    return {
        "unit": properties.get("Id", unit),
        "active": properties["ActiveState"],
        "problem": problem,
        "uwsgi": stats.version,
        "listen_queue": stats.listen_queue,
        "slots": sum(worker.slots for worker in stats.workers),
        "busy": sum(worker.busy for worker in stats.workers),
        "memory": sum(memory),
        "requests": sum(worker.requests for worker in stats.workers),
        "exceptions": sum(worker.exceptions for worker in stats.workers),
        "workers": [{key: worker[key] for key in _SHOWN_OF_WORKER} for worker in workers],
    }


def _memory(app: AccountApp, pid: int) -> int:
    try:
        return resident_bytes(pid, pwd.getpwnam(app["user"]).pw_uid)
    except KeyError:
        return 0
