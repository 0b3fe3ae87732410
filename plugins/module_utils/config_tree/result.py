# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The result of a transaction of config_tree."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .plan import TreePlan


@dataclass
class Result:
    """The result of a transaction, as the module returns it."""

    plan: TreePlan
    changed: bool = False
    reloaded: bool = False
    restarted: bool = False
    recovered: bool = False
    validated: str = "skipped"
    swapped: str = "none"
    warnings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, t.Any]:
        """Return the module's return values."""
        names = ("changed", "reloaded", "restarted", "recovered", "validated", "swapped")
        told: dict[str, t.Any] = {name: getattr(self, name) for name in names}
        told["files"] = self.plan.files()
        if self.plan.diff:
            told["diff"] = self.plan.diff
        return told
