# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where everything of an application lies on a host, and what its systemd units are called."""

from __future__ import annotations

import typing as t

from ..host.systemd import UNIT_DIR

App = t.Mapping[str, t.Any]


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
    def from_dict(cls, values: t.Mapping[str, str]) -> Release:
        return cls(*(values.get(field, "") for field in cls._fields))


class ReleaseRecord(t.NamedTuple):
    """What is written beside a release when it is built, a dict with these keys."""

    id: str
    virtualenv_id: str
    callable: str
    revision: str

    @classmethod
    def from_dict(cls, values: t.Mapping[str, str]) -> ReleaseRecord:
        return cls(*(values.get(field, "") for field in cls._fields))

    def release(self, root: str) -> Release:
        """Return the release that is recorded, with its places below ``root``."""
        return Release(self.id, f"{root}/releases/{self.id}", f"{root}/venvs/{self.virtualenv_id}", self.callable, self.revision)


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


def unit_name(name: str, instance: str) -> str:
    return f"flask-{name}@{instance}.service"


def stream_unit_name(name: str, instance: str) -> str:
    # Names of applications have no dot, so that it is nobody else's.
    return f"flask-{name}.stream@{instance}.service"


def stream_link(app: App) -> str:
    return f"{app['run_dir']}/stream.sock"


def drain_timer(name: str, instance: str) -> str:
    return f"flask-{name}-drain-{instance}"


def template_path(name: str) -> str:
    return f"{UNIT_DIR}/flask-{name}@.service"


def stream_template_path(name: str) -> str:
    return f"{UNIT_DIR}/flask-{name}.stream@.service"


def drop_in_path(unit: str) -> str:
    return f"{UNIT_DIR}/{unit}.d/instance.conf"


def unfinished(app: App) -> str:
    """Return the path of the file that is there while a run changes what is live."""
    return f"{app['config_dir']}/unfinished"
