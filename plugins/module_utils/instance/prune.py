# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Remove the instances, releases and virtualenvs that nothing refers to any more."""

from __future__ import annotations

import os
import typing as t

from ..app import history
from ..app.layout import PlacedApp
from ..app.links import name_behind
from ..host import systemd
from ..host.files import unlink
from ..release import store
from ..release.store import by_age, prune_virtualenvs, remove_release
from .instance import Instance, has_pool, installed_units, known_ids, previous_id, release_id_of, remove_instance, sweep
from .unit_state import UnitState


def prune(instance: Instance) -> list[str]:
    """Remove instances, releases and virtualenvs that nothing refers to any more; return what went.

    The live, the previous and running instances stay with their releases, and the newest releases up to ``keep_releases`` with the
    newest instance of each, so that there is something to go back to. What a killed run never switched to is nothing to go back to.
    """
    app, root, layout = instance.app, instance.root, instance.layout
    ids = known_ids(app)
    units = {name: installed_units(app, name) for name in ids}
    timers = {name: layout.drain_timer(name) for name in ids}
    found = systemd.show([*(unit for own in units.values() for unit in own), *timers.values()])
    states = {unit: UnitState.of(properties) for unit, properties in found.items()}
    running = {name for name in ids if any(states[unit].is_running for unit in units[name])}
    protected = {instance.id, previous_id(app), *running}
    release_of = {name: release_id_of(app, name) for name in ids}

    releases = by_age(layout.releases)
    linked = {name_behind(layout.current), name_behind(layout.next)}
    needed = (linked | {release_of[name] for name in ids if name in protected}) & set(releases)
    good = _were_live(app, ids)
    proven = {release_of[name] for name in good}
    spare = [release for release in releases if release in proven - needed][: max(0, app["keep_releases"] - len(needed))]
    keep = needed | set(spare)

    removed: list[str] = []
    seen: set[str] = {release_of[name] for name in ids if name in protected}
    for name in sorted(ids, key=lambda name: -os.stat(layout.file(name, "ini")).st_mtime_ns):
        if name in protected:
            continue
        if name in good and release_of[name] in keep and release_of[name] not in seen:
            seen.add(release_of[name])
            continue
        remove_instance(app, name)
        # Of one that has ended before its time.
        systemd.stop([timers[name]] if states[timers[name]] is UnitState.ACTIVE else [])
        # Or systemd would show it as failed for ever.
        systemd.reset_failed([unit for unit in units[name] if states[unit] is UnitState.FAILED])
        removed.append(layout.file(name, "ini"))
    template = layout.stream_unit_template
    if os.path.exists(template) and not any(has_pool(app, name) for name in known_ids(app)):
        unlink(template)
        removed.append(template)
    if instance.release.id:
        for release in set(releases) - keep:
            remove_release(root, release)
            removed.append(layout.release(release))
        removed += prune_virtualenvs(root)
        store.sweep(root)
    sweep(app)
    return sorted(removed)


def _were_live(app: PlacedApp, ids: t.Collection[str]) -> set[str]:
    """Return the instances that were live, by the history; all of them where it does not know the previous one, which was."""
    lines = history.read(app["root"], history.KEPT_LINES)
    known = {entry.get("instance") for entry in lines if entry.get("result") == "live"}
    return {name for name in ids if name in known} if previous_id(app) in {*known, ""} else set(ids)
