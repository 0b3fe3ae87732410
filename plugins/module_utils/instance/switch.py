# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Start candidates, switch to them or discard them, and have the old instances drain.

Requests go to the old instance until ``uwsgi.sock`` is renamed; streams go to the new one a moment earlier. If a run dies before the
rename, the live instance is as it was; if it dies afterwards, the next run does the remaining steps.
"""

from __future__ import annotations

import typing as t

from ..app.layout import Layout
from ..app.links import point
from ..app.orders import PlacedApp
from ..host import systemd
from ..host.files import link_atomically, read_link, read_text, unlink, write_atomically
from ..host.systemd import is_enabled
from ..release.store import prune_virtualenvs, remove_release
from . import workers
from .failures import Failures
from .instance import Instance, installed_units, known_ids, previous_id, release_id_of, remove_instance, stream_target
from .unit_state import Properties, UnitState


def start(instances: t.Sequence[Instance]) -> Failures:
    """Start candidates, each beside the live instance. With ``strategy: restart`` the live instance is stopped first.

    A candidate that runs already, as the live instance does, is stopped first if it would go on with what is wrong.

    :return: messages of applications whose instance does not stop
    """
    units = [unit for instance in instances for unit in instance.wanted_units]
    states = systemd.show(units)
    for instance in instances:
        instance.ran_before = UnitState.of(states[instance.unit]) is UnitState.ACTIVE
        # The candidate may be an instance that is still draining. On a busy host its timer may have elapsed and have stopped nothing yet.
        systemd.stop(instance.layout.drain_units(instance.id))
    systemd.reset_failed(units)
    failures = Failures()
    _stop_wrong(instances, states, failures)
    instances = [instance for instance in instances if instance.name not in failures]
    restarted = _restarted(instances)
    systemd.start([unit for instance in instances if instance not in restarted for unit in instance.wanted_units])
    for instance in restarted:
        with failures.of(instance.name):
            systemd.stop(installed_units(instance.app, instance.live_id))
            systemd.start(instance.wanted_units)
    return failures


def _stop_wrong(instances: t.Sequence[Instance], states: t.Mapping[str, Properties], failures: Failures) -> None:
    """Stop the units of candidates that run and would go on with what is wrong: a start does nothing to a unit that runs."""
    wrong = {instance: [unit for unit in instance.wanted_units if instance.must_restart(unit, states[unit])] for instance in instances}
    try:
        systemd.stop([unit for units in wrong.values() for unit in units])
    except systemd.SystemdError:
        # A unit that does not stop keeps no other application from its start.
        for instance, units in wrong.items():
            with failures.of(instance.name):
                systemd.stop(units)
    for instance in (instance for instance in instances if instance.name not in failures):
        # None of them runs with what is wrong any more, whatever becomes of this run.
        instance.outdated -= set(instance.wanted_units)


def give_back(instance: Instance, unit_templates: t.Mapping[str, str | None]) -> None:
    """Have what is live go on where a refused candidate keeps it down, before anything else that takes time.

    :param unit_templates: the texts that the unit templates had before, by path; the live instance starts with them
    """
    if instance.live_id == instance.id:
        return
    # Whatever is wrong with a template, as on a full disk, the live instance and its workers go on.
    try:
        for restarted in _restarted([instance]):
            systemd.stop([] if instance.ran_before else instance.wanted_units)
            try:
                restore_templates(unit_templates)
                systemd.daemon_reload()
            finally:
                systemd.start(installed_units(restarted.app, restarted.live_id))
    finally:
        workers.give_back(instance)


def discard(instances: t.Sequence[Instance], unit_templates: t.Mapping[str, t.Mapping[str, str | None]], remove: bool) -> None:
    """Stop refused candidates and restore the unit templates. The live instance stays; with ``strategy: restart`` it is started again.

    :param unit_templates: by application, the texts that the unit templates had before, by path; ``None`` if there was no template
    :param remove: whether to remove the files of the candidates, too
    """
    try:
        # A candidate that is live already is left alone, whatever state it is in.
        for instance in (instance for instance in instances if instance.live_id != instance.id):
            _end(instance, remove)
            restore_templates(unit_templates[instance.name])
    finally:
        systemd.daemon_reload()
        systemd.start([unit for instance in _restarted(instances) for unit in installed_units(instance.app, instance.live_id)])
        for instance in instances:
            workers.resume(instance.app, instance.live_id)


def _end(instance: Instance, remove: bool) -> None:
    """Stop a candidate that is not live, and remove its files if that is wanted and nothing of it runs any more."""
    if instance.live_id:
        # A run that was killed during its switch may have pointed the stream link to the candidate.
        _link_stream_socket(instance.app, instance.live_id)
    still_busy = workers.withdraw(instance)
    if instance.ran_before:
        # The candidate was still draining when this run reactivated it, and may hold requests: let it drain again.
        _stop_in_time(instance, instance.id)
        return
    systemd.stop(instance.wanted_units)
    systemd.reset_failed(instance.wanted_units)
    # The next deployment removes a candidate that is still busy, since it has never been live.
    if remove and not still_busy:
        remove_candidate(instance)


def _restarted(instances: t.Sequence[Instance]) -> list[Instance]:
    return [instance for instance in instances if instance.app["strategy"] == "restart" and instance.live_id not in ("", instance.id)]


def remove_candidate(instance: Instance) -> None:
    """Remove the files of a candidate that does not run, and its release."""
    remove_instance(instance.app, instance.id)
    discard_release(instance)


def restore_templates(unit_templates: t.Mapping[str, str | None]) -> None:
    """Give the unit templates, which all instances of an application share, the texts that they had before a candidate was written.

    :param unit_templates: the texts by path; ``None`` if there was no template
    """
    for path, before in unit_templates.items():
        if before is None:
            unlink(path)
        elif read_text(path) != before:
            write_atomically(path, before, 0o644)


def discard_release(instance: Instance) -> None:
    """Remove the release of a candidate, unless another instance on the host has the same release."""
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
    workers.enable(instance)
    if old and old != instance.id:
        point(layout.previous, layout.file(old, "ini"))
        point(layout.public_previous, layout.public_files(old))
    if instance.release.id:
        point(layout.current, layout.release(instance.release.id))
    point(layout.live, layout.file(instance.id, "ini"))
    # Change the cache key (public/current) before the socket. In between, key and answering instance differ, and
    # `$flaskops_other_instance` keeps nginx from storing.
    point(layout.public_current, layout.public_files(instance.id))
    _link_stream_socket(instance.app, instance.id)
    # This rename comes last: if the run dies earlier, the next one still sees the old live id and repeats all steps.
    point(layout.socket, layout.instance_socket(instance.id))
    if old and old != instance.id:
        systemd.disable(layout.unit(old))


def _link_stream_socket(app: PlacedApp, instance_id: str) -> None:
    target = stream_target(app, instance_id)
    if target:
        point(Layout(app).stream_socket, target)


def drain(instance: Instance) -> None:
    """Have systemd stop the previous instance when its drain time is over, without waiting for it.

    The instance runs on until then, so that a rollback can reactivate it at once. Stopping may take ``stop_timeout`` of the drain time.
    Any other instance that is left over, as from a killed run, has no requests and is stopped at once.
    """
    layout = instance.layout
    workers.start_timers(instance)
    # Workers that wait for those of an instance which was live before wait for those of this one now.
    systemd.stop([layout.hand_over(other) for other in known_ids(instance.app) if other != instance.id])
    for other in leftover_instances([instance])[instance.name]:
        workers.hand_over(instance, other)
        unit = layout.unit(other)
        if is_enabled(unit):
            systemd.disable(unit)
        if other == previous_id(instance.app):
            _stop_in_time(instance, other)
        else:
            systemd.stop(installed_units(instance.app, other))


def leftover_instances(instances: t.Sequence[Instance]) -> dict[str, list[str]]:
    """Return by application the other instances that run without a drain timer, have workers that take jobs, or would start at boot."""
    others = {instance.name: [name for name in known_ids(instance.app) if name != instance.id] for instance in instances}
    units = {(instance.name, other): installed_units(instance.app, other) for instance in instances for other in others[instance.name]}
    beside = {
        other: [*instance.layout.worker_units(other), *instance.layout.timer_units(other)]
        for instance in instances
        for other in others[instance.name]
    }
    drains = [
        (instance.layout.drain_timer(other), instance.layout.hand_over(other)) for instance in instances for other in others[instance.name]
    ]
    states = systemd.show([*(unit for own in [*units.values(), *beside.values(), *drains] for unit in own)])

    def is_leftover(instance: Instance, other: str) -> bool:
        # An instance that is stopping, since its drain timer has expired, is not left over.
        goes_on = any(UnitState.of(states[unit]).goes_on for unit in units[instance.name, other])
        drains = UnitState.of(states[instance.layout.drain_timer(other)]) is UnitState.ACTIVE
        handed_over = UnitState.of(states[instance.layout.hand_over(other)]) is UnitState.ACTIVE
        waiting = instance.layout.worker_units(other) if handed_over else []
        with_workers = any(is_enabled(unit) or (UnitState.of(states[unit]).goes_on and unit not in waiting) for unit in beside[other])
        return (goes_on and not drains) or is_enabled(instance.layout.unit(other)) or with_workers

    return {instance.name: [other for other in others[instance.name] if is_leftover(instance, other)] for instance in instances}


def _stop_in_time(instance: Instance, other: str) -> None:
    timer = instance.layout.drain_timer(other)
    if UnitState.of(systemd.show([timer])[timer]) is UnitState.ACTIVE:
        return  # an earlier run has begun its drain time, and only its workers were left over
    seconds = max(0, instance.app["drain_timeout"] - instance.app["stop_timeout"])
    systemd.stop_later(installed_units(instance.app, other), seconds, instance.layout.drain(other))
