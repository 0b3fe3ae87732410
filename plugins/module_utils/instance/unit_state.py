# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""States of systemd units, and what they mean for an instance."""

from __future__ import annotations

import enum
import re
import typing as t

from ..host import systemd

# The properties of one unit, as `systemd.show` returns them.
Properties = t.Mapping[str, str]
# A process that has worked for so many microseconds and ends well has not failed to start.
_WORKED = 60_000_000
# systemd tells it of every process that does not end well.
_EXITED = re.compile(r": Main process exited, code=\w+, status=(\d+)")


class UnitState(enum.Enum):
    """The state of a unit, by its property ``ActiveState``."""

    ACTIVE = "active"
    ACTIVATING = "activating"
    INACTIVE = "inactive"
    FAILED = "failed"
    DEACTIVATING = "deactivating"
    # Any other state, such as `reloading`, which a process can claim for its unit (sd_notify(3)): it is taken for one that runs.
    OTHER = "other"

    @classmethod
    def of(cls, properties: Properties) -> UnitState:
        return next((state for state in cls if state.value == properties["ActiveState"]), cls.OTHER)

    @property
    def is_running(self) -> bool:
        """Return whether the unit may have processes, as while it stops."""
        return self not in (UnitState.INACTIVE, UnitState.FAILED)

    @property
    def goes_on(self) -> bool:
        """Return whether the unit runs or starts, and nothing has begun to stop it."""
        return self.is_running and self is not UnitState.DEACTIVATING


def pauses(properties: Properties) -> bool:
    """Return whether systemd waits before it starts the main process of a unit again; systemd 254 and later name a second such state."""
    return properties["SubState"] in ("auto-restart", "auto-restart-queued")


def coming_back(states: t.Mapping[str, Properties]) -> set[str]:
    """Return the units that are ending and that systemd starts again by itself, since nobody has stopped them for good.

    The main process of such a unit has ended by itself and systemd ends what is left of it, or a start waits until an earlier job is done.

    :param states: the properties of units that have ``Restart=always``, by unit
    """
    ending = [unit for unit, properties in states.items() if UnitState.of(properties) is UnitState.DEACTIVATING]
    return set(ending) - systemd.being_stopped(ending)


def is_renewed(properties: Properties, comes_back: bool) -> bool:
    """Return whether systemd is about to start a process again that has done its work and has not failed.

    It has worked for a minute and ended by itself, as ``rq worker --max-jobs`` does, or it finishes an earlier job.

    :param comes_back: whether its unit is one of :func:`coming_back`
    """
    if properties.get("Result") != "success" or properties["ExecMainStatus"] != "0":
        return False
    began, ended = [int(properties.get(f"ExecMain{name}TimestampMonotonic", "0") or 0) for name in ("Start", "Exit")]
    if comes_back and not ended:
        return True
    return (pauses(properties) or comes_back) and ended - began >= _WORKED


def has_died(properties: Properties) -> bool:
    """Return whether the main process of a unit that was started has ended, also where systemd has started it again since."""
    return pauses(properties) or properties.get("NRestarts", "0") != "0" or UnitState.of(properties) is UnitState.FAILED


def exit_status(properties: Properties, invocation: str) -> str:
    """Return with which status the main process of a unit has ended, as `` with 22``; empty for 0.

    After systemd's automatic restart the property is that of the new process, so the log about the first start tells it.

    :param invocation: the InvocationID of the first start
    """
    restarted = properties.get("NRestarts", "0") != "0"
    told = [found[1] for line in (systemd.words_about(invocation) if restarted else []) if (found := _EXITED.search(line))]
    status = told[0] if told else properties["ExecMainStatus"]
    return f" with {status}" if status != "0" else ""
