# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Remove the instances, releases and virtualenvs that nothing refers to any more."""

from __future__ import annotations

import os
import typing as t

from ..app import history
from ..app.layout import drain_timer, stream_template_path
from ..host import systemd
from ..host.files import read_link, unlink
from ..release import store
from ..release.store import by_age, prune_virtualenvs, remove_release
from .instance import Instance, has_pool, installed_units, known_ids, previous_id, release_id_of, remove_instance, sweep
from .switch import App


def prune(instance: Instance) -> list[str]:
    """Remove instances, releases and virtualenvs that nothing refers to any more; return what went.

    The live, the previous and running instances stay with their releases, and the newest releases up to ``keep_releases`` with the
    newest instance of each, so that there is something to go back to. What a killed run never switched to is nothing to go back to.
    """
    app, root = instance.app, instance.root
    ids = known_ids(app)
    units = {name: installed_units(app, name) for name in ids}
    timers = {name: f"{drain_timer(instance.name, name)}.timer" for name in ids}
    found = systemd.show([*(unit for own in units.values() for unit in own), *timers.values()])
    states = {unit: state["ActiveState"] for unit, state in found.items()}
    running = {name for name in ids if any(states[unit] not in ("inactive", "failed") for unit in units[name])}
    protected = {instance.id, previous_id(app), *running}
    release_of = {name: release_id_of(app, name) for name in ids}

    releases = by_age(f"{root}/releases")
    linked = {os.path.basename(read_link(f"{root}/{link}") or "") for link in ("current", "next")}
    needed = (linked | {release_of[name] for name in ids if name in protected}) & set(releases)
    good = _were_live(app, ids)
    proven = {release_of[name] for name in good}
    spare = [release for release in releases if release in proven - needed][: max(0, app["keep_releases"] - len(needed))]
    keep = needed | set(spare)

    removed: list[str] = []
    seen: set[str] = {release_of[name] for name in ids if name in protected}
    for name in sorted(ids, key=lambda name: -os.stat(f"{instance.config_dir}/{name}.ini").st_mtime_ns):
        if name in protected:
            continue
        if name in good and release_of[name] in keep and release_of[name] not in seen:
            seen.add(release_of[name])
            continue
        remove_instance(app, name)
        # Of one that has ended before its time.
        systemd.stop([timers[name]] if states[timers[name]] == "active" else [])
        # Or systemd would show it as failed for ever.
        systemd.reset_failed([unit for unit in units[name] if states[unit] == "failed"])
        removed.append(f"{instance.config_dir}/{name}.ini")
    template = stream_template_path(instance.name)
    if os.path.exists(template) and not any(has_pool(app, name) for name in known_ids(app)):
        unlink(template)
        removed.append(template)
    if instance.release.id:
        for release in set(releases) - keep:
            remove_release(root, release)
            removed.append(f"{root}/releases/{release}")
        removed += prune_virtualenvs(root)
        store.sweep(root)
    sweep(app)
    return sorted(removed)


def _were_live(app: App, ids: t.Collection[str]) -> set[str]:
    """Return the instances that were live, by the history; all of them where it does not know the previous one, which was."""
    lines = history.read(app["root"], history.KEPT_LINES)
    known = {entry.get("instance") for entry in lines if entry.get("result") == "live"}
    return {name for name in ids if name in known} if previous_id(app) in {*known, ""} else set(ids)
