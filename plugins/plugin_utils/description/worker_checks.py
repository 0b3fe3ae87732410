# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks of the workers and the timers of an application."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from .validate import Validator, shown


def check_workers(validator: Validator, where: str, app: Mapping[str, t.Any]) -> None:
    """Refuse workers and timers that cannot be told apart, and bring the environment variables of workers into text."""
    seen: dict[str, str] = {}
    for kind in ("workers", "timers"):
        for index, item in enumerate(app[kind]):
            own = f"{kind}[{index}]"
            if "env" in item:
                item["env"] = validator.environment(f"{where}.{own}.env", item["env"], secret=False)
            first = seen.setdefault(item.get("name", own), own)
            if first != own:
                validator.refuse(f"{where}.{own}.name", f"is {shown(item['name'])}, as in {first}", "give each its own name")
