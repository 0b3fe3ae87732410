# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The state of the workers of a live instance."""

from __future__ import annotations

import typing as t

from ..app.layout import Layout
from ..app.orders import PlacedApp
from ..host import systemd
from ..host.systemd import is_enabled
from .unit_state import UnitState


class WorkerStatus(t.NamedTuple):
    """A worker: its name and number, its unit, how often systemd has started it again, and why it ended the last time."""

    name: str
    unit: str
    active: str
    restarts: int
    result: str
    enabled: bool


def workers_of(app: PlacedApp, instance_id: str) -> list[WorkerStatus]:
    """Return the state of the workers of an instance."""
    layout = Layout(app)
    units = layout.worker_units(instance_id) if instance_id else []
    states = systemd.show(units)
    return [
        WorkerStatus(
            layout.worker_of(unit),
            unit,
            states[unit]["ActiveState"],
            int(states[unit].get("NRestarts", "0") or 0),
            _result(states[unit]),
            is_enabled(unit),
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
    if worker.active != UnitState.ACTIVE.value:
        how = f" ({worker.result})" if worker.result else ""
        return f"{worker.unit}: the worker {worker.name} is {worker.active}{how}, after {worker.restarts} restarts; look into its journal"
    return "" if worker.enabled else f"{worker.unit}: the worker {worker.name} does not start at boot; deploy it again"
