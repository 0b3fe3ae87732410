# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The workers of instances: processes beside uWSGI, such as those of a queue or a scheduler.

The workers of a candidate start when it has passed the gate (settling.py has their first seconds). The old
workers take jobs until the switch; then systemd sends them their stop signal, and they have their ``stop_timeout`` to finish the job that
they hold. No run waits for that. A worker with ``overlap: false`` has ended before the one of another instance starts.
"""

from __future__ import annotations

import os
import re
import time
import typing as t

from ..app.layout import Layout
from ..app.orders import PlacedApp
from ..host import systemd
from ..host.files import read_text
from ..host.systemd import is_enabled
from .instance import Instance, known_ids, remove_timer, remove_unit
from .unit_state import UnitState

_POLL_SECONDS = 0.5
# Workers of a refused candidate get so many seconds before their files are left to the next deployment.
_WITHDRAW_SECONDS = 30.0
# Lines that the template worker.service.j2 writes.
_STOP_SECONDS = re.compile(r"^TimeoutStopSec=(\d+)$", re.MULTILINE)
_ALONE = re.compile(r"^Overlap=false$", re.MULTILINE)
# systemd may elapse a timer so many seconds after its time (AccuracySec=, and a busy host).
_ELAPSE_SECONDS = 2.0
# systemd needs this time to kill the processes that are left after TimeoutStopSec.
_KILL_SECONDS = 10


def alone(instance: Instance) -> list[str]:
    """Return the workers of an instance that never run beside those of another one, as ``overlap: false`` says."""
    return [unit for unit, text in instance.workers.items() if _ALONE.search(text)]


def start(instance: Instance, units: t.Sequence[str]) -> list[str]:
    """Start some workers of a candidate; those of another instance that may not run beside them have ended before.

    Workers of the candidate that run and would go on with what is wrong have ended before, too.

    :return: the names of the workers of the live instance that had to make room
    """
    layout = instance.layout
    names = {layout.worker_of(unit) for unit in set(units) & set(alone(instance))}
    making_room = _making_room(instance, names) if names else []
    states = systemd.show(units)
    ended = [*making_room, *(unit for unit in units if instance.must_restart(unit, states[unit]))]
    of_live = set(layout.worker_units(instance.live_id)) if instance.live_id else set()
    made_room = [layout.worker_of(unit) for unit in _running(making_room) if unit in of_live]
    _stop(layout, ended)
    instance.outdated -= set(units)
    # A worker that did not stop in time was killed, and its unit counts as failed until systemd forgets it.
    systemd.reset_failed([*ended, *units])
    systemd.start(units)
    return made_room


def _making_room(instance: Instance, names: t.Container[str]) -> list[str]:
    """Return the workers of other instances that end before workers with ``overlap: false`` start.

    A worker with ``overlap: false`` that the instance has not may do the same work under another name or number, so it ends, too.

    :param names: the names and numbers of those that start
    """
    layout = instance.layout
    others = [unit for known in known_ids(instance.app) if known != instance.id for unit in layout.worker_units(known)]
    kept = set(map(layout.worker_of, instance.workers))
    renamed = [unit for unit in others if layout.worker_of(unit) not in kept and _ALONE.search(read_text(layout.unit_file(unit)) or "")]
    return [unit for unit in others if layout.worker_of(unit) in names or unit in renamed]


def repair(instance: Instance) -> None:
    """Start the workers of the live instance that are down or go on with what is wrong; systemd counts on for the others."""
    states = systemd.show(list(instance.workers))
    wrong = [unit for unit in instance.workers if instance.must_restart(unit, states[unit])]
    start(instance, [unit for unit in instance.workers if unit in wrong or not UnitState.of(states[unit]).goes_on])


def remove_unwanted(instance: Instance) -> None:
    """Remove workers of the instance that this host has no more, since they are to run on another one."""
    layout = instance.layout
    unwanted = [unit for unit in layout.worker_units(instance.id) if unit not in instance.workers]
    _stop(layout, unwanted)
    for unit in unwanted:
        remove_unit(layout, unit)
    timers = [timer for timer in layout.timer_units(instance.id) if timer not in instance.timers]
    systemd.stop(timers)
    for timer in timers:
        remove_timer(layout, timer)


def enable(instance: Instance) -> None:
    """Have systemd start the workers and the timers of an instance at boot."""
    for unit in [*instance.workers, *instance.timers]:
        systemd.enable(unit)


def start_timers(instance: Instance) -> None:
    """Start the timers of a live instance; those of the old one are stopped afterwards, so that none of both misses its time."""
    systemd.stop([timer for timer in instance.timers if timer in instance.outdated])
    layout = instance.layout
    names = {layout.worker_of(timer) for timer in instance.timers}
    others = [timer for timer in layout.timer_units() if timer not in instance.timers and layout.worker_of(timer) in names]
    states = systemd.show([*instance.timers, *others])
    elapsing = {timer for timer, properties in states.items() if UnitState.of(properties) is UnitState.ACTIVE}
    for timer in set(instance.timers) - elapsing:
        same = [other for other in others if layout.worker_of(other) == layout.worker_of(timer)]
        stamps = [os.lstat(path).st_mtime for path in map(layout.stamp, same) if os.path.lexists(path)]
        if any(other in elapsing and _has_other_times(instance, timer, other) for other in same):
            stamps.append(time.time() - _ELAPSE_SECONDS)
        _carry_stamp(layout.stamp(timer), max(stamps, default=0.0))
    systemd.start(list(instance.timers))


def _has_other_times(instance: Instance, timer: str, other: str) -> bool:
    """Return whether a timer of another instance has another schedule, or no stamp, so that its stamp does not tell until when nothing is missed."""
    layout = instance.layout
    return read_text(layout.unit_file(other)) != instance.timers[timer] or not os.path.lexists(layout.stamp(other))


def _carry_stamp(stamp: str, done: float) -> None:
    """Have a timer that was live before catch up with no time until which another instance has missed nothing.

    A timer without a stamp has never run on this host: systemd makes the stamp when it starts the timer, which then catches up with nothing.

    :param done: seconds since the epoch
    """
    # systemd takes no notice of a stamp in the future.
    newest = min(done, time.time())
    if os.path.lexists(stamp) and newest > os.lstat(stamp).st_mtime:
        os.utime(stamp, (newest, newest), follow_symlinks=False)


def hand_over(instance: Instance, other: str) -> None:
    """Retire the workers and the timers of an old instance.

    After a rollback a worker of the instance that has come back may still be finishing an earlier job, and systemd starts it when that has
    ended. The worker of the old instance goes on until then, so that the queue does not stand still.
    """
    layout = instance.layout
    old = {layout.worker_of(unit): unit for unit in layout.worker_units(other)}
    states = systemd.show([*instance.workers, *old.values()])
    awaited = [unit for unit in instance.workers if UnitState.of(states[unit]) is UnitState.DEACTIVATING]
    going_on = [old[name] for name in map(layout.worker_of, awaited) if name in old and UnitState.of(states[old[name]]).goes_on]
    retire(instance.app, other, going_on)
    if going_on:
        systemd.stop_when_started(going_on, awaited, layout.hand_over(other))


def retire(app: PlacedApp, instance_id: str, going_on: t.Container[str] = ()) -> None:
    """Have the workers of an old instance finish the job that they hold, without waiting for it, and stop its timers.

    A command that a timer has started goes on to its end.

    :param going_on: workers that something else stops
    """
    units = [*Layout(app).worker_units(instance_id), *Layout(app).timer_units(instance_id)]
    for unit in units:
        if is_enabled(unit):
            systemd.disable(unit)
    systemd.stop_soon([unit for unit in units if unit not in going_on])


def withdraw(instance: Instance) -> bool:
    """Stop the workers of a refused candidate, and return whether one of them is still finishing a job."""
    units = instance.layout.worker_units(instance.id)
    if not units:
        return False
    retire(instance.app, instance.id)
    give_up = time.monotonic() + _WITHDRAW_SECONDS
    while _running(units):
        if time.monotonic() > give_up:
            return True
        time.sleep(_POLL_SECONDS)
    systemd.reset_failed(units)
    return False


def _running(units: t.Sequence[str]) -> list[str]:
    states = systemd.show(units)
    return [unit for unit in units if UnitState.of(states[unit]).is_running]


def give_back(instance: Instance) -> None:
    """Have the workers of the live instance go on that had to make room for a refused candidate; no job of the candidate is waited for."""
    retire(instance.app, instance.id)
    _stop(instance.layout, alone(instance))
    resume(instance.app, instance.live_id)


def resume(app: PlacedApp, live: str) -> None:
    """Start the workers of the live instance that had to make room for those of a refused candidate."""
    if live:
        systemd.start([unit for unit in Layout(app).worker_units(live) if is_enabled(unit)])


def end(layout: Layout) -> None:
    """Stop all workers and timers of an application, each worker within its stop time."""
    systemd.stop(layout.timer_units())
    _stop(layout, layout.worker_units())
    systemd.stop(layout.job_units())


def _stop(layout: Layout, units: t.Sequence[str]) -> None:
    """Stop workers and wait until they have ended, for as long as each of them has to finish its job."""
    if units:
        texts = [read_text(layout.unit_file(unit)) or "" for unit in units]
        systemd.stop(units, _longest(texts) + _KILL_SECONDS)


def _longest(texts: t.Sequence[str]) -> int:
    """Return the longest stop time of units; a unit that was changed by hand may have none that can be read."""
    return max((int(found[1]) for text in texts if (found := _STOP_SECONDS.search(text))), default=0)
