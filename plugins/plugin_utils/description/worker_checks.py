# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks of the processes that an application has beside uWSGI."""

from __future__ import annotations

import typing as t
from collections.abc import Sequence

from .validate import Validator, shown


def check_workers(validator: Validator, where: str, workers: Sequence[dict[str, t.Any]]) -> None:
    """Refuse workers that cannot be told apart, and bring their environment variables into text."""
    seen: dict[str, int] = {}
    for index, worker in enumerate(workers):
        worker["env"] = validator.environment(f"{where}[{index}].env", worker["env"], secret=False)
        first = seen.setdefault(worker.get("name", ""), index)
        if first != index and "name" in worker:
            validator.refuse(f"{where}[{index}].name", f"is {shown(worker['name'])}, as in workers[{first}]", "give each its own name")
