# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The paths of the files and the units of an application on a host, and the records of its releases.

No other file of the host's side spells a path of an application, and none but unit_names.py a unit.
"""

from __future__ import annotations

import os
import re
import typing as t

from ..host.files import names_in, partials
from ..host.mount_unit import mount_unit_of
from ..host.systemd import UNIT_DIR, wants_link
from .orders import PlacedApp

# A project is installed into this directory of its release, so that a change of code alone needs no new virtualenv.
PROJECT_DIRECTORY = ".project"
# Keys of directories that are made for an application, and where these lie.
_OWN_DIRECTORIES = {"state_dirs": "/var/lib", "log_dirs": "/var/log"}
SYSUSERS_DIR = "/etc/sysusers.d"
TIMER_STAMPS = "/var/lib/systemd/timers"
TMPFILES_DIR = "/etc/tmpfiles.d"
# The end of a worker's name in its units: its number.
_NUMBERED = re.compile(r"\.\d+$")


def own_directories(app: t.Mapping[str, t.Any]) -> list[tuple[str, str]]:
    """Return the directories in /var that are made for an application, each after its key of the description."""
    return [(key, f"{base}/{place}") for key, base in _OWN_DIRECTORIES.items() for place in app[key]]


def key_of_own(path: str) -> str:
    """Return the key of the description that one of these directories comes from."""
    return next(key for key, base in _OWN_DIRECTORIES.items() if path.startswith(f"{base}/"))


def directories_above(path: str) -> list[str]:
    """Return the directories that one of these directories is in, below /var/lib or /var/log, the outermost first."""
    base = _OWN_DIRECTORIES[key_of_own(path)]
    parts = os.path.dirname(path).removeprefix(base).split("/")[1:]
    return [f"{base}/{'/'.join(parts[:count])}" for count in range(1, len(parts) + 1)]


def _texts(values: t.Any, fields: t.Sequence[str]) -> list[str]:
    """Return the texts of a dict in the order of fields, empty where there is none.

    :raises ValueError: if it is no dict, or one of them is no text
    """
    found = [values.get(field, "") for field in fields] if isinstance(values, dict) else [None]
    if not all(isinstance(text, str) for text in found):
        raise ValueError("is no record")
    return found


class Release(t.NamedTuple):
    """A release as an instance runs it, on the wire and in the records of instances a dict with these keys.

    Code that something else put on the host has no ``id``; the revision is then the version that the user has written. ``imports`` are
    the directories of the release that Python imports from, relative to it and separated by colons.
    """

    id: str
    path: str
    virtualenv_path: str
    callable: str
    revision: str
    imports: str = ""

    def problem(self) -> str:
        """Return why the release cannot be used, empty if it can: another run may have pruned it since this run has built it."""
        if not self.id or (os.path.isdir(self.path) and os.path.isdir(self.virtualenv_path)):
            return ""
        return f"the release {self.id} is not on the host any more: another run has pruned it meanwhile. Run again to have it built anew"

    @classmethod
    def from_dict(cls, values: t.Any) -> Release:
        return cls(*_texts(values, cls._fields))


class ReleaseRecord(t.NamedTuple):
    """The record that is written beside a release when it is built, a dict with these keys."""

    id: str
    virtualenv_id: str
    callable: str
    revision: str
    imports: str = ""

    @classmethod
    def from_dict(cls, values: t.Any) -> ReleaseRecord:
        return cls(*_texts(values, cls._fields))

    def release(self, root: str) -> Release:
        """Return the release that is recorded, with its places below ``root``."""
        places = AppRoot(root)
        virtualenv = places.virtualenv(self.virtualenv_id)
        return Release(self.id, places.release(self.id), virtualenv, self.callable, self.revision, self.imports)


class InstanceFile(t.NamedTuple):
    """A file of an instance: its suffix in the configuration directory, and who may read it."""

    suffix: str
    mode: int
    by_group: bool


# Secrets are for systemd alone, which hands them to the process; the record has checksums of them.
FILES = {
    "ini": InstanceFile(".ini", 0o640, True),
    "stream": InstanceFile(".stream.ini", 0o640, True),
    # The program of a stream pool that opens WebSockets. Its ini names it by its own name.
    "websocket": InstanceFile(".stream.py", 0o640, True),
    "env": InstanceFile(".env", 0o640, True),
    "secrets": InstanceFile(".secrets", 0o600, False),
    "record": InstanceFile(".json", 0o600, False),
}
SOCKET_SUFFIX = ".sock"
_STREAM_SOCKET_SUFFIX = ".stream.sock"
_STATS_SUFFIX, _STREAM_STATS_SUFFIX = ".stats", ".stream.stats"


class AppRoot:
    """Paths below the root of an application: releases, virtualenvs, the files that nginx serves, and what is written down.

    :param root: the directory, such as ``/srv/flask/shop``
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.releases, self.virtualenvs = f"{root}/releases", f"{root}/venvs"
        # Files that build hooks keep for the next build, such as downloads.
        self.build_cache = f"{root}/build_cache"
        self.shared, self.public = f"{root}/shared", f"{root}/public"
        # Links to the live release and to the one that was built last.
        self.current, self.next = f"{root}/current", f"{root}/next"
        # Links to the public files of the live instance and of the one before.
        self.public_current, self.public_previous = f"{self.public}/current", f"{self.public}/previous"
        self.history, self.rejected = f"{root}/history.jsonl", f"{root}/rejected.json"

    def release(self, release_id: str) -> str:
        return f"{self.releases}/{release_id}"

    def unfinished_release(self, release_id: str) -> str:
        return f"{self.releases}/.{release_id}"

    def unfinished_copy(self, release_id: str) -> str:
        return f"{self.releases}/.{release_id}.copy"

    def release_record(self, release_id: str) -> str:
        return f"{self.releases}/{release_id}.json"

    def virtualenv(self, virtualenv_id: str) -> str:
        return f"{self.virtualenvs}/{virtualenv_id}"

    def unfinished_virtualenv(self, virtualenv_id: str) -> str:
        return f"{self.virtualenvs}/.{virtualenv_id}"

    def virtualenv_apart(self, virtualenv_id: str) -> str:
        """Return the place at which a virtualenv is built anew while an instance runs with what is left of it."""
        return f"{self.virtualenvs}/.{virtualenv_id}.apart"

    def constraints(self, virtualenv_id: str) -> str:
        """Return the file that is written when a virtualenv is complete: the versions in it, as constraints for another host."""
        return f"{self.virtualenvs}/{virtualenv_id}.lock"

    def virtualenv_record(self, virtualenv_id: str) -> str:
        """Return the file that says from what a complete virtualenv was made. Root alone reads it."""
        return f"{self.virtualenvs}/{virtualenv_id}.json"

    def made_here(self) -> list[str]:
        """Return the paths in the root that a deployment makes, but for the shared files. Users may keep files of their own beside them."""
        own = [self.releases, self.virtualenvs, self.build_cache, self.public, self.current, self.next, self.history, self.rejected]
        return [*own, *partials(self.root)]

    def public_files(self, instance_id: str) -> str:
        return f"{self.public}/{instance_id}"

    def error_page(self, instance_id: str, name: str) -> str:
        """Return the path of a page that nginx sends in place of its own, without the ending of the file."""
        return f"{self.public_files(instance_id)}/.flaskops/{self.name}/{name}"


class Layout(AppRoot):
    """Every path and every unit of an application.

    Names of applications have no dot, so no application can be called like the stream pool of another one.
    """

    def __init__(self, app: PlacedApp) -> None:
        super().__init__(app["root"])
        self.name, self.config_dir, self.run_dir = app["name"], app["config_dir"], app["run_dir"]
        # Where instances make their sockets. The names of the sockets that nginx and root use are in the directory above, which is root's.
        self.own_dir = f"{self.run_dir}/own"
        # Links to the ini of the live instance and of the one before.
        self.live, self.previous = f"{self.config_dir}/live", f"{self.config_dir}/previous"
        # A file that is there while a run changes what is live.
        self.unfinished = f"{self.config_dir}/unfinished"
        # A file that is there while nobody has confirmed a switch, and the timer that undoes the switch.
        self.trial, self.trial_timer = f"{self.config_dir}/trial.json", f"flask-{self.name}.trial.timer"
        # Links to the sockets of the live instance.
        self.socket = f"{self.run_dir}/uwsgi{SOCKET_SUFFIX}"
        self.stream_socket = f"{self.run_dir}/stream{SOCKET_SUFFIX}"
        self.sysusers, self.tmpfiles = f"{SYSUSERS_DIR}/flask-{self.name}.conf", f"{TMPFILES_DIR}/flask-{self.name}.conf"
        self.unit_template = f"{UNIT_DIR}/flask-{self.name}@.service"
        self.stream_unit_template = f"{UNIT_DIR}/flask-{self.name}.stream@.service"
        # The file system of the directory of sockets.
        self.mount_unit = mount_unit_of(self.run_dir)
        self.mount_file = f"{UNIT_DIR}/{self.mount_unit}"

    def file(self, instance_id: str, kind: str) -> str:
        """Return the path of a file of an instance.

        :param kind: a key of ``FILES``
        """
        return f"{self.config_dir}/{instance_id}{FILES[kind].suffix}"

    def instance_socket(self, instance_id: str) -> str:
        return f"{self.run_dir}/{instance_id}{SOCKET_SUFFIX}"

    def instance_stream_socket(self, instance_id: str) -> str:
        return f"{self.run_dir}/{instance_id}{_STREAM_SOCKET_SUFFIX}"

    def own_sockets(self, instance_id: str) -> list[str]:
        """Return the names under which an instance and its stream pool have made their sockets; it could put something else there."""
        suffixes = (SOCKET_SUFFIX, _STREAM_SOCKET_SUFFIX, _STATS_SUFFIX, _STREAM_STATS_SUFFIX)
        return [f"{self.own_dir}/{instance_id}{suffix}" for suffix in suffixes]

    def stats_socket(self, instance_id: str) -> str:
        return f"{self.own_dir}/{instance_id}{_STATS_SUFFIX}"

    def stream_stats_socket(self, instance_id: str) -> str:
        return f"{self.own_dir}/{instance_id}{_STREAM_STATS_SUFFIX}"

    def unit(self, instance_id: str) -> str:
        return f"flask-{self.name}@{instance_id}.service"

    def stream_unit(self, instance_id: str) -> str:
        return f"flask-{self.name}.stream@{instance_id}.service"

    def worker_unit(self, instance_id: str, worker: str) -> str:
        """Return the unit of a worker of an instance.

        :param worker: its name and its number, such as ``queue.1``
        """
        return f"flask-{self.name}.{worker}@{instance_id}.service"

    def worker_units(self, instance_id: str = "") -> list[str]:
        """Return the units of workers that are on the host, of one instance or of all."""
        return [unit for unit in self._units(instance_id, ".service") if _NUMBERED.search(self.worker_of(unit))]

    def timer_unit(self, instance_id: str, timer: str) -> str:
        return f"flask-{self.name}.{timer}@{instance_id}.timer"

    def timer_units(self, instance_id: str = "") -> list[str]:
        """Return the timers that are on the host, of one instance or of all."""
        return self._units(instance_id, ".timer")

    def _units(self, instance_id: str, ending: str) -> list[str]:
        """Return the units beside uWSGI that are on the host, in order, of one instance or of all."""
        # A host with fifty applications is asked a hundred times, and glob compiles an expression for each pattern.
        units = [unit for unit in names_in(UNIT_DIR) if unit.startswith(f"flask-{self.name}.") and unit.endswith(ending)]
        instances = [unit.removesuffix(ending).partition("@")[2] for unit in units]
        return [unit for unit, found in zip(units, instances, strict=True) if found and instance_id in ("", found)]

    def job_units(self, instance_id: str = "") -> list[str]:
        """Return the units that timers start, of one instance or of all."""
        return [self.job_of(timer) for timer in self.timer_units(instance_id)]

    def job_of(self, timer: str) -> str:
        return timer.removesuffix(".timer") + ".service"

    def stamp(self, timer: str) -> str:
        """Return the file in which systemd keeps when a timer has elapsed (systemd.timer(5), ``Persistent=``)."""
        return f"{TIMER_STAMPS}/stamp-{timer}"

    def worker_of(self, unit: str) -> str:
        """Return the name and the number of the worker of a unit, such as ``queue.1``, or the name of a timer."""
        return unit.removeprefix(f"flask-{self.name}.").partition("@")[0]

    def unit_file(self, unit: str) -> str:
        return f"{UNIT_DIR}/{unit}"

    def drain(self, instance_id: str) -> str:
        """Return the name, without suffix, of the transient units that stop an instance when its drain time is over."""
        return f"flask-{self.name}-drain-{instance_id}"

    def drain_timer(self, instance_id: str) -> str:
        return f"{self.drain(instance_id)}.timer"

    def drain_units(self, instance_id: str) -> list[str]:
        """Return the transient units that stop an instance: the timer and its service, and the one that stops its workers."""
        return [self.drain_timer(instance_id), f"{self.drain(instance_id)}.service", self.hand_over(instance_id)]

    def hand_over(self, instance_id: str) -> str:
        """Return the transient unit that stops the workers of an instance when those of another one have started."""
        return f"flask-{self.name}-handover-{instance_id}.service"

    def drop_in_directory(self, unit: str) -> str:
        return f"{UNIT_DIR}/{unit}.d"

    def drop_in(self, unit: str) -> str:
        return f"{self.drop_in_directory(unit)}/instance.conf"

    def wants_link(self, instance_id: str) -> str:
        """Return the link by which systemd starts an instance at boot."""
        return wants_link(self.unit(instance_id))
