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

import os
import pwd
import re
import shutil
import typing as t

from ..app.layout import FILES, SOCKET_SUFFIX, AppRoot, Layout, Release
from ..app.links import name_behind, points_to
from ..app.orders import InstanceOrder, PlacedApp
from ..host.files import digest_of, exchange, partials, plain_umask, read_text, unlink
from ..host.json_file import damaged, read_object
from ..host.processes import writes_to
from ..host.systemd import is_enabled, wants_link
from ..release.store import discard
from . import marker
from .instance_files import InstanceFiles
from .socket_rights import is_as_set
from .unit_state import Properties, UnitState, coming_back, pauses

# Lines of the unit, which the templates write (systemd.exec(5)).
_BOUND = re.compile(r"^ReadWritePaths=(.+)$", re.MULTILINE)


class Instance(InstanceFiles):
    """An instance of an application."""

    def __init__(self, app: InstanceOrder) -> None:
        super().__init__(app)
        # Whether the instance was running when this run began.
        self.ran_before = False
        # The units that may run with what was in files which this run, or a killed one, has mended.
        self.outdated: set[str] = set()
        # The same for the units of another instance that is live.
        self._outdated_beside: set[str] = set()

    @property
    def live_id(self) -> str:
        return live_id(self.app)

    def has_lost(self, unit: str, properties: Properties) -> bool:
        """Return whether an active unit goes on without its socket, or with a directory that has made room for another one.

        :param properties: those of the unit
        """
        socket, process = self.sockets.get(unit), int(properties.get("MainPID") or 0)
        if UnitState.of(properties) is not UnitState.ACTIVE:
            return False
        if socket and not self._is_own_socket(socket, "ini" if unit == self.unit else "stream"):
            return True
        return bool(process) and not all(writes_to(process, path) for path in _bound(self.app["unit"]))

    def _is_own_socket(self, path: str, kind: str) -> bool:
        """Return whether the socket of a unit is there, with its owner and its permissions.

        Its group is that of the directory in which it was made.

        :param kind: the key in ``FILES`` of the ini with its settings
        """
        try:
            user, group = pwd.getpwnam(self.app["user"]).pw_uid, os.lstat(self.layout.own_dir).st_gid
        except (KeyError, FileNotFoundError):
            return False
        return is_as_set(path, self.app["files"][kind], user, group)

    def must_restart(self, unit: str, properties: Properties) -> bool:
        """Return whether a unit that runs has to be stopped before it is started, since it would go on with what is wrong."""
        outdated = unit in self.outdated and UnitState.of(properties).goes_on
        return outdated or self.has_lost(unit, properties)

    @plain_umask()
    def publish(self, lenient: bool = False) -> None:
        """Put the files of static routes where nginx may read them, each under the path of its URL.

        :param lenient: whether a directory may be missing, as in a release from before the route, and links that lead out be left out
        :raises UnpublishableError: for a directory that the release does not have, or files that may not be published
        """
        if self.live_id == self.id and self._is_published():
            return  # nothing live is edited
        # The run after a killed one removes a directory whose name begins with a dot.
        aside, public = (self.layout.public_files(name) for name in (f".{self.id}", self.id))
        shutil.rmtree(aside, ignore_errors=True)
        os.makedirs(aside, mode=0o755)
        try:
            self._publish_into(f".{self.id}", lenient)
            if not (os.path.isdir(public) and exchange(aside, public)):
                shutil.rmtree(public, ignore_errors=True)
                os.rename(aside, public)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def begin(self) -> None:
        """Write the marker ``unfinished``: if this run is killed, the next one repeats its steps, even if the instance is live already.

        :raises OSError: if the release is gone
        """
        units, live = marker.units_of(self.layout), self.live_id
        # The marker may be that of a candidate which has taken over the units of the live instance.
        self.outdated = units & {*self.wanted_units, *self.workers, *self.timers}
        if live not in ("", self.id):
            beside = [*self.layout.worker_units(live), *self.layout.timer_units(live)]
            self._outdated_beside = units & {*installed_units(self.app, live), *beside}
        if problem := self.release.problem():
            raise OSError(problem)
        if self._is_followed:
            self.outdated |= self.begun_with_other_texts()
        # A run that finds the marker restarts these units, although their files are right by then.
        marker.write(self.layout, self.id, self.outdated | self._outdated_beside)

    def finish(self, failed: bool = False) -> None:
        """Remove the marker ``unfinished``, unless units of the live instance still go on with what was in files that have been mended.

        :param failed: whether the run has failed for this instance, and may have left units as they were
        """
        if self._is_followed:
            live, units = self.id, self.outdated if failed else set()
        else:
            live, units = self.live_id, self._outdated_beside
        if units:
            marker.write(self.layout, live, units)
        else:
            unlink(self.layout.unfinished)

    @property
    def _is_followed(self) -> bool:
        """Return whether nginx follows its link to this instance; one whose ini was removed is not known as live any more."""
        return points_to(self.layout.socket, self.layout.instance_socket(self.id))

    def is_settled(self, states: t.Mapping[str, Properties]) -> bool:
        """Return whether the instance is live and healthy in every respect, so that nothing has to be done.

        :param states: the properties of its units, by unit
        """
        layout, stream_socket = self.layout, stream_target(self.app, self.id)
        return (
            all(UnitState.of(states[unit]) is UnitState.ACTIVE for unit in [*self.wanted_units, *self.timers])
            and not self._workers_to_start(states)
            and not any(self.has_lost(unit, states[unit]) for unit in [*self.wanted_units, *self.workers])
            and all(is_enabled(unit) for unit in [self.unit, *self.workers, *self.timers])
            and layout.worker_units(self.id) == sorted(self.workers)
            and layout.timer_units(self.id) == sorted(self.timers)
            and self.live_id == self.id
            and (stream_socket is None or points_to(layout.stream_socket, stream_socket))
            and points_to(layout.live, layout.file(self.id, "ini"))
            and (not self.release.id or points_to(layout.current, layout.release(self.release.id)))
            and points_to(layout.public_current, layout.public_files(self.id))
            and self._is_published()
            and not self.stale_files()
            and not os.path.exists(layout.unfinished)
        )

    def _workers_to_start(self, states: t.Mapping[str, Properties]) -> set[str]:
        """Return the workers that are down; systemd itself starts one again that has ended by itself, as after a number of jobs."""
        down = {unit for unit in self.workers if UnitState.of(states[unit]) is not UnitState.ACTIVE and not pauses(states[unit])}
        return down - coming_back({unit: states[unit] for unit in down})


def _bound(unit: str) -> list[str]:
    """Return the directories that a unit binds so that it may write to them, which an application has for itself."""
    return [path.lstrip("-+") for paths in _BOUND.findall(unit) for path in paths.split()]


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
    """The record of an instance: its release, and by path the checksums of its files and the texts of its unit templates."""

    release: Release
    files: dict[str, str]
    unit_templates: dict[str, str]


def instance_record(app: PlacedApp, instance_id: str) -> InstanceRecord | None:
    """Return the record of an instance, ``None`` if there is none.

    :raises OSError: if it is damaged
    """
    path = Layout(app).file(instance_id, "record")
    record = read_object(path)
    if record is None:
        return None
    # A record of an earlier version has no texts of templates.
    files, templates = record.get("files"), record.get("unit_templates", {})
    try:
        if not all(isinstance(texts, dict) and all(isinstance(text, str) for text in texts.values()) for texts in (files, templates)):
            raise ValueError("is no record")
        return InstanceRecord(Release.from_dict(record.get("release")), files, templates)
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
