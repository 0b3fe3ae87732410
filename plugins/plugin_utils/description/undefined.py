# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Descriptions that refer to variables which are not defined, such as facts that nobody has gathered."""

from __future__ import annotations

import contextlib
import typing as t
from collections.abc import Mapping, Sequence

from ansible.errors import AnsibleUndefinedVariable
from jinja2 import UndefinedError

Evaluate = t.Callable[[t.Any], t.Any]
# Inside of a filter it is Jinja's, elsewhere Ansible's.
_UNDEFINED = (AnsibleUndefinedVariable, UndefinedError)


def undefined(variable: str, problems: Sequence[str]) -> str:
    """Return the message for descriptions that refer to something undefined.

    :param problems: a line for each place, as :func:`places` returns them
    """
    remedy = 'Define it in the inventory. For facts of a host, which no playbook here gathers, see docs/applications.md, "Facts of a host".'
    return "\n".join([f"{variable} refers to what is not defined:", *problems, remedy])


def places(where: str, value: object, evaluate: Evaluate = lambda value: value) -> list[str]:
    """Return a line for each value of descriptions that cannot be read, with application and key.

    :param where: what the value is called
    :param evaluate: makes a value of a template; the values that a filter is given evaluate themselves as they are read
    """
    if isinstance(value, Mapping):
        return [line for key in value for line in _below(f"{where}.{key}", value, key, evaluate)]
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [line for number in range(len(value)) for line in _below(f"{where}[{number}]", value, number, evaluate)]
    try:
        evaluate(value)
    except _UNDEFINED as error:
        return [f"{where}: {error}"]
    return []


def _below(where: str, value: t.Any, key: t.Any, evaluate: Evaluate) -> list[str]:
    """Return the lines for an item of a mapping or list; an application goes by its name."""
    try:
        item = value[key]
    except _UNDEFINED as error:
        return [f"{where}: {error}"]
    if "." not in where and isinstance(item, Mapping):
        with contextlib.suppress(KeyError, *_UNDEFINED):
            where = str(evaluate(item["name"]))
    return places(where, item, evaluate)
