# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Instances of applications on a host: their names, their files, and which of them is live.

An instance is named by its content and never edited. Two symlinks tell which one is live: ``<config_dir>/live`` survives a boot,
``<run_dir>/uwsgi.sock`` is what nginx follows at each connect; renaming the latter is the switch. A third, ``<root>/public/current``,
tells nginx the name of the live instance: it is part of the key of cached answers.

An instance may have a pool for streams: a second unit with an ini and a socket of its own, under the same name. It is started, asked,
switched to by ``<run_dir>/stream.sock``, stopped and removed with the first; systemd starts it with the first, too.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import shutil
import typing as t

from .. import static_files
from ..app.layout import FILES, App, drop_in_path, stream_link, stream_template_path, stream_unit_name, template_path, unfinished, unit_name
from ..host.files import partials, plain_umask, read_link, read_text, unlink, write_atomically
from ..host.systemd import is_enabled, wants_link
from ..static_files import MissingDirectoryError


class Instance:
    """An instance of an application.

    :param app: ``name``, ``user``, ``root``, ``config_dir``, ``run_dir``, ``health``, ``drain_timeout``, ``stop_timeout``,
        ``keep_releases``, ``strategy``, ``hooks``, ``environment``; and of the instance ``id``, ``release``, ``files``, ``unit``,
        ``drop_in`` and, where it has a pool for streams, ``files.stream``, ``stream_unit`` and ``stream_drop_in``
    """

    def __init__(self, app: App) -> None:
        self.app, self.name, self.id = app, app["name"], app["id"]
        self.config_dir, self.run_dir, self.root = app["config_dir"], app["run_dir"], app["root"]
        self.release: t.Mapping[str, str] = app["release"]
        self.unit = unit_name(self.name, self.id)
        # What answers, by unit; the first one is the instance's own.
        self.sockets = {self.unit: f"{self.run_dir}/{self.id}.sock"}
        if "stream" in app["files"]:
            self.sockets[stream_unit_name(self.name, self.id)] = f"{self.run_dir}/{self.id}.stream.sock"
        self.units = list(self.sockets)
        # Whether it ran when this run began.
        self.ran_before = False

    @property
    def live_id(self) -> str:
        return live_id(self.app)

    def unit_of(self, other: str) -> str:
        return unit_name(self.name, other)

    def units_of(self, other: str) -> list[str]:
        return units_of(self.app, other)

    @property
    def templates(self) -> dict[str, str]:
        """Return the texts of its unit templates by path; other instances share them."""
        own = {template_path(self.name): self.app["unit"]}
        return {**own, stream_template_path(self.name): self.app["stream_unit"]} if len(self.units) > 1 else own

    def _files(self) -> dict[str, tuple[str, int, bool]]:
        """Return content, mode and whether the group reads it, by path."""
        contents = {**self.app["files"], "record": self._record()}
        return {
            f"{self.config_dir}/{self.id}{file.suffix}": (contents[kind], file.mode, file.by_group)
            for kind, file in FILES.items()
            if kind in contents
        }

    def _unit_files(self) -> dict[str, str]:
        texts = [self.app["drop_in"], self.app.get("stream_drop_in", "")]
        return {**self.templates, **{drop_in_path(unit): text for unit, text in zip(self.units, texts, strict=False)}}

    def _record(self) -> str:
        """Return what later runs need to know of the instance, with checksums that show a change by hand."""
        texts = {f"{self.config_dir}/{self.id}{FILES[kind].suffix}": text for kind, text in self.app["files"].items()}
        sums = {path: _checksum(text) for path, text in {**texts, **self._unit_files()}.items()}
        return json.dumps({"release": dict(self.release), "files": sums}, sort_keys=True) + "\n"

    def stale_files(self) -> list[str]:
        """Return the paths of files that are missing or were changed by hand."""
        texts = {path: text for path, (text, _mode, _group) in self._files().items()}
        return [path for path, text in {**texts, **self._unit_files()}.items() if read_text(path) != text]

    def write(self) -> None:
        group = pwd.getpwnam(self.app["user"]).pw_gid
        for path, (text, mode, by_group) in self._files().items():
            write_atomically(path, text, mode, group if by_group else 0)
        for path, text in self._unit_files().items():
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            write_atomically(path, text, 0o644)

    @plain_umask()
    def publish(self, lenient: bool = False) -> None:
        """Put the files that nginx serves itself where it may read them, under their URLs.

        :param lenient: whether a directory may be missing, as in a release from before the route
        :raises UnpublishableError: for a directory that the release does not have, or files that may not be published
        """
        public = f"{self.root}/public/{self.id}"
        if self.live_id == self.id and os.path.isdir(public):
            return  # nothing live is edited
        shutil.rmtree(public, ignore_errors=True)
        os.makedirs(public, mode=0o755)
        for route in self.app["static"]:
            place = f"{public}/{route['path'].strip('/')}"
            try:
                static_files.publish(self.release["path"], route["directory"], route["path"], place)
            except MissingDirectoryError:
                if not lenient:
                    raise

    def begin(self) -> None:
        """Say that a run is at work: should it be killed, the next one does the rest, also where everything is live already."""
        write_atomically(unfinished(self.app), f"{self.id}\n", 0o600)

    def finish(self) -> None:
        """Say that there is nothing left to do."""
        unlink(unfinished(self.app))

    def is_settled(self, states: t.Mapping[str, t.Mapping[str, str]]) -> bool:
        """Return whether nothing has to be done.

        :param states: properties of its units by name
        """
        return (
            all(states[unit]["ActiveState"] == "active" for unit in self.units)
            and is_enabled(self.unit)
            and self.live_id == self.id
            and read_link(stream_link(self.app)) == stream_target(self.app, self.id)
            and read_link(f"{self.config_dir}/live") == f"{self.id}.ini"
            and (not self.release["id"] or read_link(f"{self.root}/current") == f"releases/{self.release['id']}")
            and read_link(f"{self.root}/public/current") == self.id
            and not self.stale_files()
            and not os.path.exists(unfinished(self.app))
        )


def has_pool(app: App, name: str) -> bool:
    """Return whether an instance has a pool for streams."""
    return os.path.exists(f"{app['config_dir']}/{name}{FILES['stream'].suffix}")


def units_of(app: App, name: str) -> list[str]:
    """Return the units of an instance that has a configuration."""
    return [unit_name(app["name"], name), *([stream_unit_name(app["name"], name)] if has_pool(app, name) else [])]


def stream_target(app: App, name: str) -> str | None:
    """Return what the link for streams leads to while an instance is live, ``None`` where there is no link.

    Where the live instance has no pool and nginx may still ask for one, as after a rollback, the instance itself has the streams.
    """
    if has_pool(app, name):
        return f"{name}.stream.sock"
    return f"{name}.sock" if os.path.lexists(stream_link(app)) else None


def live_id(app: App) -> str:
    """Return the id of the instance that requests go to, empty if there is none."""
    return _id_of_link(f"{app['run_dir']}/uwsgi.sock", ".sock")


def previous_id(app: App) -> str:
    """Return the id of the instance that was live before, empty if there is none."""
    return _id_of_link(f"{app['config_dir']}/previous", ".ini")


def _id_of_link(path: str, suffix: str) -> str:
    name = os.path.basename(read_link(path) or "")
    return name[: -len(suffix)] if name.endswith(suffix) else ""


def known_ids(app: App) -> list[str]:
    """Return the ids of all instances of an application that have a configuration."""
    try:
        found = [name[: -len(".ini")] for name in os.listdir(app["config_dir"]) if name.endswith(".ini")]
    except FileNotFoundError:
        return []
    # One that is being written begins with a dot; the ini of a pool has one inside.
    return sorted(name for name in found if "." not in name)


def instance_record(app: App, name: str) -> dict[str, t.Any]:
    """Return what was recorded of an instance; its ``release`` is a dict with ``id``."""
    text = read_text(f"{app['config_dir']}/{name}.json")
    return json.loads(text) if text else {"release": {"id": ""}, "files": {}}


def changed_by_hand(app: App, name: str) -> list[str]:
    """Return the files of an instance that are not as they were written."""
    sums = instance_record(app, name)["files"]
    return sorted(path for path, checksum in sums.items() if _checksum(read_text(path) or "") != checksum)


def remove_instance(app: App, name: str) -> None:
    """Remove the files of an instance that does not run, last the one that tells later runs of it."""
    # uWSGI takes them away itself, unless it had to be killed.
    for suffix in ("sock", "stats", "stream.sock", "stream.stats"):
        unlink(f"{app['run_dir']}/{name}.{suffix}")
    for unit in (unit_name(app["name"], name), stream_unit_name(app["name"], name)):
        shutil.rmtree(os.path.dirname(drop_in_path(unit)), ignore_errors=True)
    unlink(wants_link(unit_name(app["name"], name)))
    shutil.rmtree(f"{app['root']}/public/{name}", ignore_errors=True)
    for kind in ("secrets", "env", "record", "stream", "ini"):
        unlink(f"{app['config_dir']}/{name}{FILES[kind].suffix}")


def sweep(app: App) -> None:
    """Remove what runs that were killed left of an instance before it had a configuration, which is what later runs know it by."""
    public, known = f"{app['root']}/public", known_ids(app)
    for place in (app["config_dir"], app["run_dir"], public):
        for path in partials(place):
            unlink(path)
    for entry in os.scandir(public):
        if entry.is_dir(follow_symlinks=False) and entry.name not in known:
            shutil.rmtree(entry.path)


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


class DeployError(Exception):
    """A run that failed; the message has a line or more for each application, with what to do."""
