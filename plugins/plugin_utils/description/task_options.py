# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of actions, as people write them on a command line for a playbook (``-e lines=200``): checked in words that have a remedy."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ..keys.key import Key
from .validate import AppError, Validator

# The action says itself which applications there are.
_TOLD_ELSEWHERE = ("only",)


def check_options(given: Mapping[str, t.Any], spec: Mapping[str, Mapping[str, t.Any]]) -> None:
    """Refuse numbers and texts that ansible-core would refuse without a remedy, or would convert to a text that nobody means.

    :param given: the options of the task, none of which is null
    :param spec: what the action takes, as ansible-core has it
    :raises AppError: with a line for each problem
    """
    validator = Validator()
    for name, option in spec.items():
        if name in given and option["type"] in ("int", "str") and name not in _TOLD_ELSEWHERE:
            validator.check(name, Key(option["type"], "A value.", choices=tuple(option.get("choices", ()))), given[name])
    if validator.problems:
        raise AppError(validator.problems)
