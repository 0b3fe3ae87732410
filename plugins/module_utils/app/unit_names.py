# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The names of the units of an application by what they run; layout.py has those of one instance."""

from __future__ import annotations

import re

_WEB, _COMMAND = "web", "command"
_HOOKS = ("build", "migrate", "after-switch")
# The end of the name of each transient unit, in a pattern; cage.py chooses it.
_HEX = "-" + "[0-9a-f]" * 8


def command_units(name: str, kind: str) -> str:
    """Return how the names of the transient units begin that run commands of an application.

    :param kind: ``build``, ``migrate`` or ``after_switch``
    """
    # With a dot, which no name of an application has, so that none of its units can be called like those of another application.
    return f"flask-{name}.{kind.replace('_', '-')}"


def operator_units(name: str, instance_id: str) -> str:
    """Return how the names of the transient units begin that run commands of an operator beside an instance.

    :param instance_id: the instance, or ``*`` in a pattern for all of them
    """
    return command_units(name, f"command-{instance_id}")


def all_units(name: str) -> list[str]:
    """Return patterns for the names of all units of an application: its instances, and whatever runs beside them."""
    # Names of applications have no dot, so the second pattern fits no unit of another application.
    return [f"flask-{name}@*", f"flask-{name}.*"]


def units_of_source(name: str, source: str) -> list[str]:
    """Return patterns for the names of all units of an application that run one thing: a worker, a timer, hooks, or ``web`` processes.

    They fit no unit of another thing, such as the worker ``queue-mail`` beside ``queue``.

    :param source: as :func:`unit_source` returns it, or the name of a worker without its number
    """
    if source == _WEB:
        return [f"flask-{name}@*"]
    own = f"flask-{name}.{source}"
    if source == _COMMAND:
        return [f"{own}-*{_HEX}.service"]
    # A run writes the output of hooks into the journal in the name of one unit for all hooks of a kind.
    return [f"{own}{_HEX}.service", f"{own}.service"] if source in _HOOKS else [f"{own}@*", f"{own}.*@*"]


def unit_source(name: str, unit: str) -> str:
    """Return what a unit of an application runs: ``web``, ``stream``, ``command``, the name of a worker or a timer, or a kind of hooks."""
    rest = unit.removeprefix(f"flask-{name}")
    if rest.startswith("@"):
        return _WEB
    own, at, _instance = rest.removeprefix(".").partition("@")
    # The units of commands end with numbers: that of the instance, and one of their own.
    return own if at else re.sub(r"(-[0-9a-f]{8,})*\.(service|timer)$", "", own)
