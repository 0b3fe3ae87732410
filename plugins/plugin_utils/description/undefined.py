# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Descriptions whose templates have no value, such as those that refer to facts which nobody has gathered."""

from __future__ import annotations

import contextlib
import typing as t
from collections.abc import Mapping, Sequence

from ansible.errors import AnsibleError, AnsibleUndefinedVariable, AnsibleValueOmittedError
from jinja2 import UndefinedError

Evaluate = t.Callable[[t.Any], t.Any]
# Inside of a filter it is Jinja's, elsewhere Ansible's.
_UNDEFINED = (AnsibleUndefinedVariable, UndefinedError)
# Also a filter that fails, a file that a lookup does not find, and a value of a vault whose password is another one.
_ANY = (AnsibleError, UndefinedError)


def undefined(variable: str, problems: Sequence[str]) -> str:
    """Return the message for descriptions that refer to something undefined.

    :param problems: a line for each place, as :func:`places` returns them
    """
    remedy = 'Define it in the inventory. For facts of a host, which no playbook here gathers, see docs/applications.md, "Facts of a host".'
    return "\n".join([f"{variable} refers to what is not defined:", *problems, remedy])


def problems_of(variable: str, value: object, evaluate: Evaluate) -> str:
    """Return the message for a variable with descriptions that cannot all be evaluated, empty if they can.

    :param evaluate: makes a value of a template
    """
    try:
        problems = places(variable, value, evaluate)
        return undefined(variable, problems) if problems else ""
    except AnsibleError:
        problems = places(variable, value, evaluate, _ANY)
    return "\n".join(
        [f"{variable} has values that cannot be evaluated:", *problems, "Correct them, or what they refer to, in the inventory."]
    )


def places(
    where: str, value: object, evaluate: Evaluate = lambda value: value, errors: tuple[type[Exception], ...] = _UNDEFINED
) -> list[str]:
    """Return a line for each value of descriptions that cannot be read, with application and key.

    :param where: what the value is called
    :param errors: what counts
    :param evaluate: makes a value of a template; the values that a filter is given evaluate themselves as they are read
    """
    if isinstance(value, Mapping):
        return [line for key in value for line in _below(f"{where}.{key}", value, key, evaluate, errors)]
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [line for number in range(len(value)) for line in _below(f"{where}[{number}]", value, number, evaluate, errors)]
    try:
        evaluate(value)
    except AnsibleValueOmittedError:
        return []  # a key or an item with `default(omit)` is left out
    except errors as error:
        return [f"{where}: {error}"]
    return []


def _below(where: str, value: t.Any, key: t.Any, evaluate: Evaluate, errors: tuple[type[Exception], ...]) -> list[str]:
    """Return the lines for an item of a mapping or list; an application goes by its name."""
    try:
        item = value[key]
    except errors as error:
        return [f"{where}: {error}"]
    if "." not in where and isinstance(item, Mapping):
        with contextlib.suppress(KeyError, *errors):
            where = str(evaluate(item["name"]))
    return places(where, item, evaluate, errors)
