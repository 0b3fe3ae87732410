# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Remove the instances, releases and virtualenvs that nobody would go back to."""

from __future__ import annotations

import os
import typing as t

from ..app import history
from ..app.layout import Layout
from ..app.links import name_behind
from ..app.orders import PlacedApp
from ..host import systemd
from ..host.files import unlink
from ..release import store
from ..release.store import by_age, prune_virtualenvs, remove_release
from .instance import Instance, has_pool, installed_units, known_ids, previous_id, release_id_of, remove_instance, sweep
from .last_runs import failed_jobs, newest_first
from .operator_command import instances_in_use
from .trial import former_id
from .unit_state import UnitState


class Inventory(t.NamedTuple):
    """The instances and releases of an application on a host, which decide what may be removed."""

    # Ids of all instances and of all releases, the newest first.
    instances: list[str]
    releases: list[str]
    # The release of each instance, empty for prebuilt code.
    release_of: dict[str, str]
    # Instances that must stay: the live one, the one before, the one before a trial, those that run, and those beside which a command of
    # an operator runs.
    protected: set[str]
    # Instances that have been live, and so have answered their health request.
    were_live: set[str]
    # The releases that the links `current` and `next` point to.
    linked: set[str]


class Keepers(t.NamedTuple):
    """The instances and releases that stay."""

    instances: set[str]
    releases: set[str]


def keepers(found: Inventory, keep_releases: int) -> Keepers:
    """Return what stays of an application.

    Protected instances stay with their releases, and so do the releases that the links point to. Older releases that have been live fill up
    the number of ``keep_releases``, the newest first, each with the newest of its instances that has been live. The candidate of a killed
    run has never been live, so nobody can go back to it.
    """
    needed = (found.linked | {found.release_of[known] for known in found.protected}) & set(found.releases)
    proven = {found.release_of[known] for known in found.were_live}
    spare = [release for release in found.releases if release in proven - needed]
    releases = needed | set(spare[: max(0, keep_releases - len(needed))])
    instances = set(found.protected)
    with_an_instance = {found.release_of[known] for known in found.protected}
    for known in found.instances:
        release = found.release_of[known]
        if known in found.were_live and release in releases and release not in with_an_instance:
            instances.add(known)
            with_an_instance.add(release)
    return Keepers(instances, releases)


def prune(instance: Instance) -> list[str]:
    """Remove the instances, releases and virtualenvs of an application that do not stay; return the removed paths.

    :param instance: the live instance
    """
    app, layout = instance.app, instance.layout
    states = _unit_states(app)
    found = _inventory(instance, states)
    keep = keepers(found, app["keep_releases"])
    removed: list[str] = []
    for known in found.instances:
        if known not in keep.instances:
            _remove_ended(app, known, states)
            removed.append(layout.file(known, "ini"))
    _forget_failures(instance, keep.instances, states)
    removed += _remove_unused_stream_template(app)
    # Prebuilt code: what lies in the directory of releases is not ours to remove.
    if instance.release.id:
        removed += _remove_releases(layout, set(found.releases) - keep.releases)
    sweep(app)
    return sorted(removed)


def _unit_states(app: PlacedApp) -> dict[str, UnitState]:
    """Return the states of the units and drain timers of all instances."""
    ids, layout = known_ids(app), Layout(app)
    units = [unit for known in ids for unit in _all_units(app, known)]
    shown = systemd.show([*units, *(layout.drain_timer(known) for known in ids)])
    return {unit: UnitState.of(properties) for unit, properties in shown.items()}


def _all_units(app: PlacedApp, instance_id: str) -> list[str]:
    layout = Layout(app)
    return [*installed_units(app, instance_id), *layout.worker_units(instance_id), *layout.job_units(instance_id)]


def _inventory(instance: Instance, states: t.Mapping[str, UnitState]) -> Inventory:
    app, layout, ids = instance.app, instance.layout, known_ids(instance.app)
    running = {known for known in ids if any(states[unit].is_running for unit in _all_units(app, known))}
    return Inventory(
        instances=newest_first(app),
        releases=by_age(layout.releases),
        release_of={known: release_id_of(app, known) for known in ids},
        protected={instance.id, previous_id(app), former_id(app), *running, *instances_in_use(app["name"])} & set(ids),
        were_live=_were_live(app, ids),
        linked={name_behind(layout.current), name_behind(layout.next)},
    )


def _were_live(app: PlacedApp, ids: t.Collection[str]) -> set[str]:
    """Return the instances that were live by the history. If even the previous instance is missing there, it is incomplete: return all."""
    lines = history.read(app["root"], history.KEPT_LINES)
    known = {entry.get("instance") for entry in lines if entry.get("result") == "live"}
    return {name for name in ids if name in known} if previous_id(app) in {*known, ""} else set(ids)


def _remove_ended(app: PlacedApp, instance_id: str, states: t.Mapping[str, UnitState]) -> None:
    """Remove an instance that does not run, its drain timer, and its failure from systemd's list."""
    units, timer = _all_units(app, instance_id), Layout(app).drain_timer(instance_id)
    remove_instance(app, instance_id)
    # The instance has ended before its drain time was over; cancel the timer.
    systemd.stop([timer] if states[timer] is UnitState.ACTIVE else [])
    # Otherwise systemd would list the unit as failed for ever.
    systemd.reset_failed([unit for unit in units if states[unit] is UnitState.FAILED])


def _forget_failures(instance: Instance, kept: t.Collection[str], states: t.Mapping[str, UnitState]) -> None:
    """Remove failures of instances that are not live from systemd's list, such as that of a worker that was killed after its stop time.

    The failures of commands stay that are the last runs of the live instance's timers.
    """
    told = failed_jobs(instance.app, instance.id).values()
    units = [unit for known in kept if known != instance.id for unit in _all_units(instance.app, known)]
    systemd.reset_failed([unit for unit in units if states[unit] is UnitState.FAILED and unit not in told])


def _remove_unused_stream_template(app: PlacedApp) -> list[str]:
    """Remove the unit template of stream pools when no instance has a pool any more."""
    template = Layout(app).stream_unit_template
    if not os.path.exists(template) or any(has_pool(app, known) for known in known_ids(app)):
        return []
    unlink(template)
    return [template]


def _remove_releases(layout: Layout, releases: t.Collection[str]) -> list[str]:
    """Remove releases, then the virtualenvs that no release needs any more, then what killed builds have left."""
    for release in releases:
        remove_release(layout.root, release)
    removed = [*map(layout.release, releases), *prune_virtualenvs(layout.root)]
    store.sweep(layout.root)
    return removed
