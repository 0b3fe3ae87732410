# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The first seconds of workers: candidates that have passed the gate go live only if their workers are still there some seconds later.

Workers with ``overlap: false`` start last, when all others of the candidate have stayed: until then the scheduler of the live instance
goes on, so that a candidate that is refused does not interrupt it. The workers of all candidates are watched side by side, so that a run
with many applications waits once.
"""

from __future__ import annotations

import time
import typing as t

from ..host import systemd
from . import workers
from .failures import Failures
from .gate import Problem, live_state_text
from .instance import Instance
from .unit_state import Properties, UnitState, exit_status, has_died

# A worker that is to be refused dies while it imports its code, or when it does not find its queue.
_SETTLE_SECONDS = 5.0
_POLL_SECONDS = 0.5
# systemd starts a unit within this time, or something is wrong with the host.
_START_SECONDS = 60.0


class _Rising:
    """The workers of a candidate that have started, and the groups of those that are to start after them."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        alone = workers.alone(instance)
        self.groups = [group for group in ([unit for unit in instance.workers if unit not in alone], alone) if group]
        self.units: list[str] = []
        # The names of the workers of the live instance that had to make room.
        self.made_room: list[str] = []
        # By unit, the InvocationID of its first start; after systemd's automatic restart there is another one.
        self.invocations: dict[str, str] = {}
        self.since, self.began, self.steady_since = time.time(), 0.0, 0.0

    def start_next(self) -> bool:
        """Start the next group of workers, and return whether there was one."""
        if not self.groups:
            return False
        group = self.groups.pop(0)
        self.made_room += workers.start(self.instance, group)
        self.units += group
        self.began = self.steady_since = time.monotonic()
        return True

    def look(self, states: t.Mapping[str, Properties]) -> Problem | None:
        """Return why a worker cannot stay, ``None`` for nothing; :attr:`is_steady` tells whether all have stayed."""
        now = time.monotonic()
        for unit in self.units:
            if UnitState.of(states[unit]) not in (UnitState.INACTIVE, UnitState.DEACTIVATING):
                self.invocations.setdefault(unit, states[unit].get("InvocationID", ""))
            if has_died(states[unit]):
                return self._problem(unit, f"exited{exit_status(states[unit], self.invocations.get(unit, ''))} in its first seconds")
        # After a rollback a worker may still be finishing an earlier job. systemd starts it when it has ended, and nobody waits for that.
        waiting = [unit for unit in self.units if UnitState.of(states[unit]) not in (UnitState.ACTIVE, UnitState.DEACTIVATING)]
        self.steady_since = now if waiting else self.steady_since
        if waiting and now - self.began > _START_SECONDS:
            unit = waiting[0]
            return self._problem(unit, f"was not started (it is {states[unit]['ActiveState']})")
        return None

    @property
    def is_steady(self) -> bool:
        return time.monotonic() - self.steady_since >= _SETTLE_SECONDS

    def _problem(self, unit: str, says: str) -> Problem:
        instance = self.instance
        worker = f"the worker {instance.layout.worker_of(unit)} of the candidate {instance.id} {says}"
        live = live_state_text(instance, self.made_room)
        return Problem(worker, live, instance, unit, self.invocations.get(unit, ""), self.since, made_room=self.made_room)


class Settling:
    """The candidates whose workers are in their first seconds.

    :param failures: gets the messages of candidates whose workers systemd does not start
    """

    def __init__(self, failures: Failures) -> None:
        self._rising: list[_Rising] = []
        self._failures = failures

    def __bool__(self) -> bool:
        return bool(self._rising)

    def begin(self, instance: Instance) -> bool:
        """Start the workers of a candidate that has passed the gate, and return whether it has any that have to stay.

        A worker of an instance that is live already may end, as after a number of jobs, and fails no run that repairs something else.
        """
        candidate = _Rising(instance)
        with self._failures.of(instance.name):
            workers.remove_unwanted(instance)
            if instance.live_id == instance.id:
                workers.repair(instance)
            elif candidate.start_next():
                self._rising.append(candidate)
                return True
        return False

    def look(self) -> list[tuple[Instance, Problem | None]]:
        """Look at all workers once, and return the candidates that are decided, each with its problem if it has one.

        A candidate whose next workers cannot be started is decided, too; the failures have its message.
        """
        states = systemd.show([unit for candidate in self._rising for unit in candidate.units])
        decided: list[tuple[Instance, Problem | None]] = []
        for candidate in list(self._rising):
            problem = candidate.look(states)
            with self._failures.of(candidate.instance.name):
                if problem is None and (not candidate.is_steady or candidate.start_next()):
                    continue
            decided.append((candidate.instance, problem))
            self._rising.remove(candidate)
        return decided

    def wait(self) -> None:
        """Wait until the next look."""
        time.sleep(_POLL_SECONDS)
