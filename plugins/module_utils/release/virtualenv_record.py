# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The record of a complete virtualenv, which root writes beside it: the next one takes over packages only from one with an equal record."""

from __future__ import annotations

import hashlib
import json
import os
import typing as t

from ..app.layout import AppRoot
from ..app.orders import ReleaseOrder
from ..host.files import read_text, write_atomically
from ..host.installers import environment
from ..host.json_file import NoObjectError, parse_object

# Root alone: the settings of pip may have a password, and this is a digest of them.
_MODE = 0o600


class VirtualenvRecord(t.NamedTuple):
    """The interpreter, a digest of pip's settings, and the packages that were pinned; see :class:`PinnedPackages`."""

    basis: str
    python: str
    settings: str
    packages: dict[str, str]

    @property
    def origin(self) -> tuple[str, str, str]:
        """Return everything that decides which file pip takes for a version of a package."""
        return self.basis, self.python, self.settings


def wanted_record(app: ReleaseOrder) -> VirtualenvRecord:
    """Return the record of the virtualenv that is to be built.

    :raises CommandError: if somebody else than root may write to the host's configuration of pip
    """
    pinned = app["release"]["pinned"]
    packages = {**pinned["beside"], **pinned["required"]}
    return VirtualenvRecord(pinned["basis"], os.path.realpath(app["python"]), _settings(app), packages)


def write_record(app: ReleaseOrder, record: VirtualenvRecord) -> None:
    path = AppRoot(app["root"]).virtualenv_record(app["release"]["virtualenv_id"])
    write_atomically(path, json.dumps(record._asdict(), sort_keys=True) + "\n", _MODE)


def read_record(root: str, virtualenv_id: str) -> VirtualenvRecord | None:
    """Return the record of a virtualenv, ``None`` where there is none or a damaged one: then nothing is taken over from it."""
    try:
        found = parse_object(read_text(AppRoot(root).virtualenv_record(virtualenv_id)) or "")
        record = VirtualenvRecord(**found)
    except (OSError, NoObjectError, TypeError):
        return None
    texts = [*record.origin, *(record.packages.values() if isinstance(record.packages, dict) else [None])]
    return record if all(isinstance(text, str) for text in texts) else None


def _settings(app: ReleaseOrder) -> str:
    """Return a digest of what tells pip where packages come from and how they are built."""
    plain = {name: value for name, value in environment("").items() if name.startswith("PIP_")}
    configuration = read_text(plain["PIP_CONFIG_FILE"], follow=True) or ""
    told = json.dumps([plain, configuration, app["build_environment"]], sort_keys=True)
    return hashlib.sha256(told.encode(errors="surrogateescape")).hexdigest()
