# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The state of the workers and the timers of a live instance."""

from __future__ import annotations

import typing as t

from ..app.layout import Layout
from ..app.orders import PlacedApp
from ..host import systemd
from ..host.systemd import is_enabled
from .last_runs import failed_jobs
from .unit_state import UnitState, coming_back, is_renewed


class WorkerStatus(t.NamedTuple):
    """A worker: its name and number, its unit, how often systemd has started it again, and why it ended the last time.

    ``renewed`` is true while systemd is about to start a worker again that has done its work and ended by itself, or that finishes an earlier job.
    """

    name: str
    unit: str
    active: str
    restarts: int
    result: str
    enabled: bool
    renewed: bool


def workers_of(app: PlacedApp, instance_id: str) -> list[WorkerStatus]:
    """Return the state of the workers of an instance."""
    layout = Layout(app)
    units = layout.worker_units(instance_id) if instance_id else []
    states = systemd.show(units)
    back = coming_back(states)
    return [
        WorkerStatus(
            layout.worker_of(unit),
            unit,
            states[unit]["ActiveState"],
            int(states[unit].get("NRestarts", "0") or 0),
            _result(states[unit]),
            is_enabled(unit),
            is_renewed(states[unit], unit in back),
        )
        for unit in units
    ]


def _result(properties: t.Mapping[str, str]) -> str:
    """Return how the last process ended, such as ``exit-code 1`` or ``oom-kill``; empty while it runs for the first time."""
    if properties["ActiveState"] == UnitState.ACTIVE.value:
        return ""
    status = properties["ExecMainStatus"]
    return " ".join(filter(None, [properties.get("Result", ""), status if status != "0" else ""]))


def problem_of(worker: WorkerStatus) -> str:
    """Return what is not as it should be with a worker of the live instance, empty for nothing."""
    if worker.active != UnitState.ACTIVE.value and not worker.renewed:
        how = f" ({worker.result})" if worker.result else ""
        return f"{worker.unit}: the worker {worker.name} is {worker.active}{how}, after {worker.restarts} restarts; look into its journal"
    return "" if worker.enabled else f"{worker.unit}: the worker {worker.name} does not start at boot; deploy it again"


class TimerStatus(t.NamedTuple):
    """A timer: its name, its unit, when it elapsed last (systemd's text, empty for never), and what is known of a last run that failed.

    ``failed_unit`` is the unit whose command has failed, which is of an earlier instance if that of the live one has not run yet.
    """

    name: str
    unit: str
    active: str
    last: str
    result: str
    enabled: bool
    failed_unit: str


def timers_of(app: PlacedApp, instance_id: str) -> list[TimerStatus]:
    """Return the state of the timers of the live instance."""
    layout = Layout(app)
    units = layout.timer_units(instance_id) if instance_id else []
    failed = failed_jobs(app, instance_id)
    states = systemd.show([*units, *failed.values()])
    found = []
    for unit in units:
        name = layout.worker_of(unit)
        job = failed.get(name, "")
        last = states[unit].get("LastTriggerUSec", "").replace("n/a", "")
        found.append(TimerStatus(name, unit, states[unit]["ActiveState"], last, _result(states[job]) if job else "", is_enabled(unit), job))
    return found


def timer_problem(timer: TimerStatus) -> str:
    """Return what is not as it should be with a timer of the live instance, empty for nothing."""
    if timer.active != UnitState.ACTIVE.value:
        return f"{timer.unit}: the timer {timer.name} is {timer.active}; deploy it again"
    if timer.result:
        is_own = timer.failed_unit.removesuffix(".service") == timer.unit.removesuffix(".timer")
        when = (f", {timer.last}" if timer.last else "") if is_own else ", and the live instance has not run it since"
        says = f"the last run of the timer {timer.name} failed ({timer.result}){when}"
        return f"{timer.unit}: {says}; look into the journal of {timer.failed_unit}"
    return "" if timer.enabled else f"{timer.unit}: the timer {timer.name} does not start at boot; deploy it again"
