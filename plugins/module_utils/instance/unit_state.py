# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""States of systemd units, and what they mean for an instance."""

from __future__ import annotations

import enum
import typing as t

# The properties of one unit, as `systemd.show` returns them.
Properties = t.Mapping[str, str]


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
