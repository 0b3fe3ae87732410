# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The description of an application that the controller sends to a host, and the paths of its files and units on the host.

No other file of the host's side spells a path or a unit of an application.
"""

from __future__ import annotations

import typing as t

from ..host.systemd import UNIT_DIR, wants_link

SYSUSERS_DIR = "/etc/sysusers.d"
TMPFILES_DIR = "/etc/tmpfiles.d"


class PlacedApp(t.TypedDict):
    """The name of an application and its three directories: all that is needed to find what a host has of it."""

    name: str
    root: str
    config_dir: str
    run_dir: str


class AccountApp(PlacedApp):
    """An application whose user and directories are to exist."""

    user: str
    web_group: str


class AbsentApp(AccountApp):
    """An application that is to be removed; ``purge`` says whether its shared files and its user go too."""

    purge: bool


class HealthCheck(t.TypedDict):
    """The request that a candidate must answer, and how long and how often."""

    path: str
    host: str
    prefix: str
    headers: dict[str, str]
    status: list[int]
    body: str
    timeout: float
    interval: float
    successes: int


class StaticRoute(t.TypedDict):
    """A URL below which nginx serves a directory of the release."""

    path: str
    directory: str


class CommandLimits(t.TypedDict):
    """Limits of each command of a deployment: seconds, and memory as systemd writes it."""

    timeout: int
    memory_max: str


class CommandApp(t.TypedDict):
    """An application of which a deployment runs commands.

    ``environment`` has the secrets too. ``command_sandbox`` are properties of the units in which the commands run.
    """

    name: str
    user: str
    root: str
    hooks: dict[str, list[str]]
    environment: dict[str, str]
    command_sandbox: list[str]
    command_limits: CommandLimits


class HostApp(PlacedApp, CommandApp):
    """An application as a host runs it; ``writable`` are the further paths it may write to."""

    health: HealthCheck
    drain_timeout: int
    stop_timeout: int
    keep_releases: int
    strategy: str
    static: list[StaticRoute]
    writable: list[str]


class _InstanceOrder(HostApp):
    id: str
    release: dict[str, str]
    files: dict[str, str]
    unit: str
    drop_in: str


class InstanceOrder(_InstanceOrder, total=False):
    """An instance that is wanted: the dict of a :class:`Release`, texts by the keys of ``FILES``, and the texts of its units.

    The last two are there only where it has a pool for streams, as is ``files["stream"]``.
    """

    stream_unit: str
    stream_drop_in: str


class InspectOrder(t.TypedDict):
    """An application whose releases and interpreter are asked for."""

    root: str
    python: str


class PlannedRelease(t.TypedDict):
    """A release as the controller has named it. ``requirements`` and ``package`` are files of the source."""

    id: str
    virtualenv_id: str
    requirements: str | None
    package: str | None
    callable: str
    revision: str


class ReleaseOrder(CommandApp):
    """A release that is to be built; ``constraints`` are those of another host that has resolved its requirements."""

    python: str
    uwsgi: str
    gevent: list[str]
    constraints: str | None
    release: PlannedRelease


class Release(t.NamedTuple):
    """A release as an instance runs it, on the wire and in the records of instances a dict with these keys.

    Code that something else put on the host has no ``id``; the revision is then the version that the user has written.
    """

    id: str
    path: str
    virtualenv_path: str
    callable: str
    revision: str

    @classmethod
    def from_dict(cls, values: t.Mapping[str, t.Any]) -> Release:
        return cls(*(values.get(field, "") for field in cls._fields))


class ReleaseRecord(t.NamedTuple):
    """The record that is written beside a release when it is built, a dict with these keys."""

    id: str
    virtualenv_id: str
    callable: str
    revision: str

    @classmethod
    def from_dict(cls, values: t.Mapping[str, t.Any]) -> ReleaseRecord:
        return cls(*(values.get(field, "") for field in cls._fields))

    def release(self, root: str) -> Release:
        """Return the release that is recorded, with its places below ``root``."""
        places = AppRoot(root)
        return Release(self.id, places.release(self.id), places.virtualenv(self.virtualenv_id), self.callable, self.revision)


class InstanceFile(t.NamedTuple):
    """A file of an instance: its suffix in the configuration directory, and who may read it."""

    suffix: str
    mode: int
    by_group: bool


# Secrets are for systemd alone, which hands them to the process; the record has checksums of them.
FILES = {
    "ini": InstanceFile(".ini", 0o640, True),
    "stream": InstanceFile(".stream.ini", 0o640, True),
    "env": InstanceFile(".env", 0o640, True),
    "secrets": InstanceFile(".secrets", 0o600, False),
    "record": InstanceFile(".json", 0o600, False),
}
SOCKET_SUFFIX = ".sock"
_STREAM_SOCKET_SUFFIX = ".stream.sock"


def command_units(name: str, kind: str) -> str:
    """Return how the names of the transient units begin that run commands of an application.

    :param kind: ``build``, ``migrate`` or ``after_switch``
    """
    # With a dot, which no name of an application has, so that none of its units can be called like those of another application.
    return f"flask-{name}.{kind.replace('_', '-')}"


class AppRoot:
    """Paths below the root of an application: releases, virtualenvs, the files that nginx serves, and what is written down.

    :param root: the directory, such as ``/srv/flask/shop``
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.releases, self.virtualenvs = f"{root}/releases", f"{root}/venvs"
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

    def constraints(self, virtualenv_id: str) -> str:
        """Return the file that is written when a virtualenv is complete: the versions in it, as constraints for another host."""
        return f"{self.virtualenvs}/{virtualenv_id}.lock"

    def public_files(self, instance_id: str) -> str:
        return f"{self.public}/{instance_id}"


class Layout(AppRoot):
    """Every path and every unit of an application.

    Names of applications have no dot, so no application can be called like the stream pool of another one.
    """

    def __init__(self, app: PlacedApp) -> None:
        super().__init__(app["root"])
        self.name, self.config_dir, self.run_dir = app["name"], app["config_dir"], app["run_dir"]
        # Links to the ini of the live instance and of the one before.
        self.live, self.previous = f"{self.config_dir}/live", f"{self.config_dir}/previous"
        # A file that is there while a run changes what is live.
        self.unfinished = f"{self.config_dir}/unfinished"
        # Links to the sockets of the live instance.
        self.socket = f"{self.run_dir}/uwsgi{SOCKET_SUFFIX}"
        self.stream_socket = f"{self.run_dir}/stream{SOCKET_SUFFIX}"
        self.sysusers, self.tmpfiles = f"{SYSUSERS_DIR}/flask-{self.name}.conf", f"{TMPFILES_DIR}/flask-{self.name}.conf"
        self.unit_template = f"{UNIT_DIR}/flask-{self.name}@.service"
        self.stream_unit_template = f"{UNIT_DIR}/flask-{self.name}.stream@.service"

    def file(self, instance_id: str, kind: str) -> str:
        """Return the path of a file of an instance.

        :param kind: a key of ``FILES``
        """
        return f"{self.config_dir}/{instance_id}{FILES[kind].suffix}"

    def instance_socket(self, instance_id: str) -> str:
        return f"{self.run_dir}/{instance_id}{SOCKET_SUFFIX}"

    def instance_stream_socket(self, instance_id: str) -> str:
        return f"{self.run_dir}/{instance_id}{_STREAM_SOCKET_SUFFIX}"

    def stats_socket(self, instance_id: str) -> str:
        return f"{self.run_dir}/{instance_id}.stats"

    def stream_stats_socket(self, instance_id: str) -> str:
        return f"{self.run_dir}/{instance_id}.stream.stats"

    def unit(self, instance_id: str) -> str:
        return f"flask-{self.name}@{instance_id}.service"

    def stream_unit(self, instance_id: str) -> str:
        return f"flask-{self.name}.stream@{instance_id}.service"

    def drain(self, instance_id: str) -> str:
        """Return the name, without suffix, of the transient units that stop an instance when its drain time is over."""
        return f"flask-{self.name}-drain-{instance_id}"

    def drain_timer(self, instance_id: str) -> str:
        return f"{self.drain(instance_id)}.timer"

    def drop_in_directory(self, unit: str) -> str:
        return f"{UNIT_DIR}/{unit}.d"

    def drop_in(self, unit: str) -> str:
        return f"{self.drop_in_directory(unit)}/instance.conf"

    def wants_link(self, instance_id: str) -> str:
        """Return the link by which systemd starts an instance at boot."""
        return wants_link(self.unit(instance_id))
