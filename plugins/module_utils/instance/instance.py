# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Instances of applications on a host: their names, their files, and which of them is live.

An instance is named by its content and never edited. Two symlinks say which instance is live: ``<config_dir>/live`` survives a boot,
``<run_dir>/uwsgi.sock`` is what nginx follows at each connect; renaming the latter is the switch. A third, ``<root>/public/current``,
tells nginx the name of the live instance, which is part of the key of cached answers.

An instance may have workers beside its uWSGI, each a unit with a file of its own; ``workers.py`` starts and stops them.

An instance may have a pool for streams: a second unit under the same id, with an ini and a socket of its own. Both units are started,
gated, stopped and removed together. The symlink ``<run_dir>/stream.sock`` leads nginx to the pool of the live instance.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import typing as t

from ..app.layout import FILES, SOCKET_SUFFIX, AppRoot, Layout, Release
from ..app.links import name_behind, points_to
from ..app.orders import InstanceOrder, PlacedApp
from ..host.files import digest_of, partials, plain_umask, read_text, unlink, write_atomically
from ..host.json_file import damaged, read_object
from ..host.systemd import is_enabled, wants_link
from ..release.store import discard
from . import static_files
from .static_files import MissingDirectoryError, OutwardLinkError
from .unit_state import Properties, UnitState, pauses


class Instance:
    """An instance of an application."""

    def __init__(self, app: InstanceOrder) -> None:
        self.app, self.name, self.id = app, app["name"], app["id"]
        self.config_dir, self.run_dir, self.root = app["config_dir"], app["run_dir"], app["root"]
        self.layout = Layout(app)
        self.release = Release.from_dict(app["release"])
        self.unit = self.layout.unit(self.id)
        # The sockets of its units, by unit: the instance's own, then that of its stream pool.
        self.sockets = {self.unit: self.layout.instance_socket(self.id)}
        if "stream" in app["files"]:
            self.sockets[self.layout.stream_unit(self.id)] = self.layout.instance_stream_socket(self.id)
        self.wanted_units = list(self.sockets)
        # The texts of the units of its workers.
        self.workers = {self.layout.worker_unit(self.id, worker): text for worker, text in app.get("workers", {}).items()}
        # The texts of its timers, and of the units that these start.
        self.timers: dict[str, str] = {}
        self.jobs: dict[str, str] = {}
        for name, texts in app.get("timers", {}).items():
            timer = self.layout.timer_unit(self.id, name)
            self.timers[timer], self.jobs[self.layout.job_of(timer)] = texts["timer"], texts["service"]
        # Whether the instance was running when this run began.
        self.ran_before = False

    @property
    def live_id(self) -> str:
        return live_id(self.app)

    @property
    def unit_templates(self) -> dict[str, str]:
        """Return the texts of the unit templates by path. All instances of the application share these files."""
        own = {self.layout.unit_template: self.app["unit"]}
        return {**own, self.layout.stream_unit_template: self.app["stream_unit"]} if len(self.wanted_units) > 1 else own

    def _files(self) -> dict[str, tuple[str, int, bool]]:
        """Return the content of each file, its mode, and whether the application's group may read it, by path."""
        contents = {**self.app["files"], "record": self._record()}
        return {
            self.layout.file(self.id, kind): (contents[kind], file.mode, file.by_group) for kind, file in FILES.items() if kind in contents
        }

    def _unit_files(self) -> dict[str, str]:
        texts = [self.app["drop_in"], self.app.get("stream_drop_in", "")]
        beside = {**self.workers, **self.timers, **self.jobs}
        workers = {self.layout.unit_file(unit): text for unit, text in beside.items()}
        return {
            **workers,
            **self.unit_templates,
            **{self.layout.drop_in(unit): text for unit, text in zip(self.wanted_units, texts, strict=False)},
        }

    def _record(self) -> str:
        """Return the text of the record that later runs read: the release, and checksums that reveal a change by hand."""
        texts = {self.layout.file(self.id, kind): text for kind, text in self.app["files"].items()}
        sums = {path: digest_of(text) for path, text in {**texts, **self._unit_files()}.items()}
        return json.dumps({"release": self.release._asdict(), "files": sums}, sort_keys=True) + "\n"

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
        """Put the files of static routes where nginx may read them, each under the path of its URL.

        :param lenient: whether a directory may be missing, as in a release from before the route, and links that lead out be left out
        :raises UnpublishableError: for a directory that the release does not have, or files that may not be published
        """
        public = self.layout.public_files(self.id)
        if self.live_id == self.id and os.path.isdir(public):
            return  # nothing live is edited
        shutil.rmtree(public, ignore_errors=True)
        os.makedirs(public, mode=0o755)
        links: dict[str, str] = {}
        for route in self.app["static"]:
            path = route["path"].strip("/")
            place = f"{public}/{path}"
            try:
                found = static_files.publish(self.release.path, route["directory"], route["path"], place)
                links |= {os.path.join(path, link): leads for link, leads in found.items()}
                static_files.require_page(place, route)
            except (MissingDirectoryError, OutwardLinkError):
                if not lenient:
                    raise
        static_files.publish_links(public, links)
        for name, page in self.app.get("error_pages", {}).items():
            try:
                static_files.publish_page(self.release.path, page, name, self.layout.error_page(self.id, name))
            except MissingDirectoryError:
                if not lenient:
                    raise

    def begin(self) -> None:
        """Write the marker ``unfinished``: if this run is killed, the next one repeats its steps, even if the instance is live already.

        :raises OSError: if the release is gone
        """
        if problem := self.release.problem():
            raise OSError(problem)
        write_atomically(self.layout.unfinished, f"{self.id}\n", 0o600)

    def finish(self) -> None:
        """Remove the marker ``unfinished``."""
        unlink(self.layout.unfinished)

    def is_settled(self, states: t.Mapping[str, Properties]) -> bool:
        """Return whether the instance is live and healthy in every respect, so that nothing has to be done.

        :param states: the properties of its units, by unit
        """
        layout, stream_socket = self.layout, stream_target(self.app, self.id)
        return (
            all(UnitState.of(states[unit]) is UnitState.ACTIVE for unit in [*self.wanted_units, *self.timers])
            # A worker that ends by itself, as after a number of jobs, is started again by systemd.
            and all(UnitState.of(states[unit]) is UnitState.ACTIVE or pauses(states[unit]) for unit in self.workers)
            and all(is_enabled(unit) for unit in [self.unit, *self.workers, *self.timers])
            and layout.worker_units(self.id) == sorted(self.workers)
            and layout.timer_units(self.id) == sorted(self.timers)
            and self.live_id == self.id
            and (stream_socket is None or points_to(layout.stream_socket, stream_socket))
            and points_to(layout.live, layout.file(self.id, "ini"))
            and (not self.release.id or points_to(layout.current, layout.release(self.release.id)))
            and points_to(layout.public_current, layout.public_files(self.id))
            and not self.stale_files()
            and not os.path.exists(layout.unfinished)
        )


def has_pool(app: PlacedApp, instance_id: str) -> bool:
    """Return whether an instance has a pool for streams."""
    return os.path.exists(Layout(app).file(instance_id, "stream"))


def installed_units(app: PlacedApp, instance_id: str) -> list[str]:
    """Return the units that an instance on the host has, by its configuration files."""
    layout = Layout(app)
    return [layout.unit(instance_id), *([layout.stream_unit(instance_id)] if has_pool(app, instance_id) else [])]


def stream_target(app: PlacedApp, instance_id: str) -> str | None:
    """Return the socket that the link for streams must lead to while an instance is live, ``None`` if the link is not needed.

    After a rollback to an instance without a pool the link is still there, and nginx uses it: the instance's own socket serves streams.
    """
    layout = Layout(app)
    if has_pool(app, instance_id):
        return layout.instance_stream_socket(instance_id)
    return layout.instance_socket(instance_id) if os.path.lexists(layout.stream_socket) else None


def live_id(app: PlacedApp) -> str:
    """Return the id of the instance that requests go to, empty if there is none.

    Only a link to the socket of one of its instances counts, so that a link that somebody has changed by hand names no release to go back to.
    """
    layout = Layout(app)
    found = _id_behind(layout.socket, SOCKET_SUFFIX)
    return found if found in known_ids(app) and points_to(layout.socket, layout.instance_socket(found)) else ""


def previous_id(app: PlacedApp) -> str:
    """Return the id of the instance that was live before, empty if there is none."""
    return _id_behind(Layout(app).previous, FILES["ini"].suffix)


def _id_behind(link: str, suffix: str) -> str:
    name = name_behind(link)
    return name.removesuffix(suffix) if name.endswith(suffix) else ""


def known_ids(app: PlacedApp) -> list[str]:
    """Return the ids of all instances of an application that have a configuration."""
    suffix = FILES["ini"].suffix
    try:
        found = [name.removesuffix(suffix) for name in os.listdir(app["config_dir"]) if name.endswith(suffix)]
    except FileNotFoundError:
        return []
    # A file that is being written begins with a dot; the ini of a stream pool has a dot inside its name.
    return sorted(name for name in found if "." not in name)


class InstanceRecord(t.NamedTuple):
    """The record of an instance: its release, and the checksums of its files by path."""

    release: Release
    files: dict[str, str]


def instance_record(app: PlacedApp, instance_id: str) -> InstanceRecord | None:
    """Return the record of an instance, ``None`` if there is none.

    :raises OSError: if it is damaged
    """
    path = Layout(app).file(instance_id, "record")
    record = read_object(path)
    if record is None:
        return None
    files = record.get("files")
    try:
        if not isinstance(files, dict) or not all(isinstance(checksum, str) for checksum in files.values()):
            raise ValueError("is no record")
        return InstanceRecord(Release.from_dict(record.get("release")), files)
    except ValueError as error:
        raise damaged(path, str(error)) from None


def release_id_of(app: PlacedApp, instance_id: str) -> str:
    """Return the id of an instance's release, empty for prebuilt code and for an instance without a record."""
    record = instance_record(app, instance_id)
    return record.release.id if record else ""


def changed_by_hand(app: PlacedApp, instance_id: str) -> list[str]:
    """Return the files of an instance whose content differs from the recorded checksum."""
    record = instance_record(app, instance_id)
    sums = record.files if record else {}
    return sorted(path for path, checksum in sums.items() if digest_of(read_text(path) or "") != checksum)


def remove_instance(app: PlacedApp, instance_id: str) -> None:
    """Remove the files of an instance that does not run. The ini goes last, since later runs find instances by it."""
    layout = Layout(app)
    for socket in (layout.instance_socket, layout.instance_stream_socket):
        unlink(socket(instance_id))
    # uWSGI removes these itself, unless it was killed. The application may have put anything in their place.
    for name in layout.own_sockets(instance_id):
        if os.path.lexists(name):
            discard(name)
    for unit in (layout.unit(instance_id), layout.stream_unit(instance_id)):
        shutil.rmtree(layout.drop_in_directory(unit), ignore_errors=True)
    unlink(layout.wants_link(instance_id))
    for unit in layout.worker_units(instance_id):
        remove_unit(layout, unit)
    for timer in layout.timer_units(instance_id):
        remove_timer(layout, timer)
    shutil.rmtree(layout.public_files(instance_id), ignore_errors=True)
    for kind in ("secrets", "env", "record", "websocket", "stream", "ini"):
        unlink(layout.file(instance_id, kind))


def remove_timer(layout: Layout, timer: str) -> None:
    """Remove a timer that does not run, the unit that it starts, and what systemd remembers of it."""
    remove_unit(layout, timer)
    unlink(layout.unit_file(layout.job_of(timer)))
    unlink(layout.stamp(timer))


def remove_unit(layout: Layout, unit: str) -> None:
    """Remove the file of a unit that does not run, and its link for the boot."""
    unlink(wants_link(unit))
    unlink(layout.unit_file(unit))


def sweep(app: PlacedApp) -> None:
    """Remove partial files, and the public files of instances without an ini: killed runs leave both."""
    public, known = AppRoot(app["root"]).public, known_ids(app)
    for place in (app["config_dir"], app["run_dir"], public):
        for path in partials(place):
            unlink(path)
    for entry in os.scandir(public):
        if entry.is_dir(follow_symlinks=False) and entry.name not in known:
            shutil.rmtree(entry.path)


class DeployError(Exception):
    """A run that failed; the message says for each application what is wrong and what to do."""
