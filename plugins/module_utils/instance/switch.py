# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From a gated candidate to the live instance, and what becomes of the others.

Everything before the rename of ``uwsgi.sock`` leaves the live instance untouched; everything after it is made up for by the next run.
Streams go to the new instance a moment earlier.
"""

from __future__ import annotations

import typing as t

from ..app.layout import Layout, PlacedApp
from ..app.links import point
from ..host import systemd
from ..host.files import link_atomically, read_link, read_text, unlink, write_atomically
from ..host.systemd import is_enabled
from ..release.store import prune_virtualenvs, remove_release
from .instance import Instance, installed_units, known_ids, previous_id, release_id_of, remove_instance, stream_target
from .unit_state import UnitState


def start(instances: t.Sequence[Instance]) -> None:
    """Start candidates, each beside the live instance or, with ``strategy: restart``, in its place."""
    units = [unit for instance in instances for unit in instance.wanted_units]
    states = systemd.show(units)
    for instance in instances:
        instance.ran_before = UnitState.of(states[instance.unit]) is UnitState.ACTIVE
        # The candidate may be an instance that is still draining: cancel its stop timer.
        systemd.stop([instance.layout.drain_timer(instance.id)])
    systemd.reset_failed(units)
    systemd.stop([unit for instance in _restarted(instances) for unit in installed_units(instance.app, instance.live_id)])
    systemd.start(units)


def discard(instances: t.Sequence[Instance], unit_templates: t.Mapping[str, t.Mapping[str, str | None]], remove: bool) -> None:
    """Stop refused candidates; what is live stays, or comes back where it had to make room.

    :param unit_templates: texts of the unit templates of each application before, by path, ``None`` where there was none
    :param remove: whether the files of the candidates go too
    """
    # The instance that is live already is left alone, whatever state it is in.
    for instance in (instance for instance in instances if instance.live_id != instance.id):
        if instance.live_id:
            # A run that was killed in its switch may have led the streams to the candidate.
            _link_stream_socket(instance.app, instance.live_id)
        if instance.ran_before:
            # An earlier instance that was to be reactivated, and may still hold requests.
            _stop_in_time(instance, instance.id)
            continue
        systemd.stop(instance.wanted_units)
        systemd.reset_failed(instance.wanted_units)
        if remove:
            remove_candidate(instance, unit_templates[instance.name])
    systemd.daemon_reload()
    systemd.start([unit for instance in _restarted(instances) for unit in installed_units(instance.app, instance.live_id)])


def _restarted(instances: t.Sequence[Instance]) -> list[Instance]:
    return [instance for instance in instances if instance.app["strategy"] == "restart" and instance.live_id not in ("", instance.id)]


def remove_candidate(instance: Instance, unit_templates: t.Mapping[str, str | None]) -> None:
    """Remove the files of a candidate that does not run, and its release."""
    remove_instance(instance.app, instance.id)
    for path, before in unit_templates.items():
        if before is None:
            unlink(path)
        elif read_text(path) != before:
            write_atomically(path, before, 0o644)
    discard_release(instance)


def discard_release(instance: Instance) -> None:
    """Remove the release of a candidate, unless an instance of it is there that was good."""
    app, layout, release = instance.app, instance.layout, instance.release.id
    if release and release not in {release_id_of(app, other) for other in known_ids(app)}:
        current = read_link(layout.current)
        if current:
            link_atomically(current, layout.next)
        else:
            unlink(layout.next)
        remove_release(layout.root, release)
        prune_virtualenvs(layout.root)


def switch(instance: Instance) -> None:
    """Make a gated candidate the live instance."""
    old, layout = instance.live_id, instance.layout
    systemd.enable(instance.unit)
    if old and old != instance.id:
        point(layout.previous, layout.file(old, "ini"))
        point(layout.public_previous, layout.public_files(old))
    if instance.release.id:
        point(layout.current, layout.release(instance.release.id))
    point(layout.live, layout.file(instance.id, "ini"))
    # First the key of cached answers, then where they come from: in between nginx stores nothing, as the two do not fit.
    point(layout.public_current, layout.public_files(instance.id))
    _link_stream_socket(instance.app, instance.id)
    # Last, so that a run that is killed has left nothing to be done that the next one would not see.
    point(layout.socket, layout.instance_socket(instance.id))
    if old and old != instance.id:
        systemd.disable(layout.unit(old))


def _link_stream_socket(app: PlacedApp, instance_id: str) -> None:
    target = stream_target(app, instance_id)
    if target:
        point(Layout(app).stream_socket, target)


def drain(instance: Instance) -> None:
    """Have the instance that was live before stopped when its time is up, without waiting for it.

    It keeps running until then, so that it can be reactivated at once; the stop itself may take ``stop_timeout`` of that time. The
    candidate of a run that was killed before its switch has nobody to wait for.
    """
    for other in leftover_instances([instance])[instance.name]:
        unit = instance.layout.unit(other)
        if is_enabled(unit):
            systemd.disable(unit)
        if other == previous_id(instance.app):
            _stop_in_time(instance, other)
        else:
            systemd.stop(installed_units(instance.app, other))


def leftover_instances(instances: t.Sequence[Instance]) -> dict[str, list[str]]:
    """Return by application the other instances that run, or would after a boot, and that nothing is going to stop."""
    others = {instance.name: [name for name in known_ids(instance.app) if name != instance.id] for instance in instances}
    units = {(instance.name, other): installed_units(instance.app, other) for instance in instances for other in others[instance.name]}
    timers = [instance.layout.drain_timer(other) for instance in instances for other in others[instance.name]]
    states = systemd.show([*(unit for own in units.values() for unit in own), *timers])

    def is_leftover(instance: Instance, other: str) -> bool:
        # An instance that stops already, since its drain timer has expired, is none.
        goes_on = any(UnitState.of(states[unit]).goes_on for unit in units[instance.name, other])
        drains = UnitState.of(states[instance.layout.drain_timer(other)]) is UnitState.ACTIVE
        return (goes_on and not drains) or is_enabled(instance.layout.unit(other))

    return {instance.name: [other for other in others[instance.name] if is_leftover(instance, other)] for instance in instances}


def _stop_in_time(instance: Instance, other: str) -> None:
    seconds = max(0, instance.app["drain_timeout"] - instance.app["stop_timeout"])
    systemd.stop_later(installed_units(instance.app, other), seconds, instance.layout.drain(other))
