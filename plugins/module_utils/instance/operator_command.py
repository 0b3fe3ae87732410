# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A command that an operator runs in the live release of an application, beside the live instance and with its environment.

No release changes, so the command does not hold the lock of deployments. Its unit is named by the live instance: as long as it runs,
a deployment removes neither that instance nor its release.
"""

from __future__ import annotations

import re
import typing as t

from ..app.layout import Layout, Release
from ..app.orders import PlacedApp
from ..app.unit_names import operator_units
from ..host import systemd
from ..host.cage import Cage, Ended, forget_ended
from ..host.environment_file import variables_in
from ..host.files import names_in, read_text
from ..host.shown import clean
from .instance import DeployError, instance_record, live_id

# A command without an end must not flood a terminal. The last lines tell how it went.
_MOST_LINES, _MOST_CHARACTERS = 1000, 100_000
# The exit status of a shell that does not find a program (sh(1), "Exit Status").
_NOT_FOUND = 127
_MISSING = re.compile(r"sh: (?:line )?\d+: (\S+?): (?:command )?not found$", re.MULTILINE)
_PROGRAMS_SHOWN = 40


class OperatorCommand(PlacedApp):
    """A command, and the application whose live release it is to run in; ``time_limit`` is in seconds."""

    user: str
    command: str
    command_sandbox: list[str]
    time_limit: int
    memory_max: str


class LivePlace(t.NamedTuple):
    """The live instance of an application with its release and its environment, secrets included."""

    instance: str
    release: Release
    environment: dict[str, str]


def running_units(name: str) -> list[str]:
    """Return the units of an application's commands that run."""
    return systemd.running(f"{operator_units(name, '*')}-*.service")


def instances_in_use(name: str) -> set[str]:
    """Return the instances of an application beside which a command runs."""
    return {unit.removeprefix(operator_units(name, "")).rpartition("-")[0] for unit in running_units(name)}


def live_place(app: PlacedApp, others: t.Sequence[PlacedApp]) -> LivePlace:
    """Return where commands of an application run.

    :param others: the applications that the host may have, for the message
    :raises DeployError: if it is not deployed, or its release is gone
    :raises OSError: if a record of it is damaged
    """
    live = live_id(app)
    record = instance_record(app, live) if live else None
    if record is None:
        deployed = ", ".join(other["name"] for other in others if live_id(other)) or "none"
        raise DeployError(
            f"{app['name']}: it is not deployed on this host, so no command can run in it; deploy it with site.yml. Deployed: {deployed}."
        )
    if problem := record.release.problem():
        raise DeployError(f"{app['name']}: {problem}.")
    files = [read_text(Layout(app).file(live, kind)) or "" for kind in ("env", "secrets")]
    variables = {name: value for text in files for name, value in variables_in(text).items()}
    return LivePlace(live, record.release, {**variables, "FLASKOPS_ROLE": "command"})


def run(order: OperatorCommand, place: LivePlace) -> Ended:
    """Run a command of an operator to its end.

    :raises CommandError: if it cannot be started, or writes without an end
    """
    within = Cage(
        operator_units(order["name"], place.instance),
        order["user"],
        tuple(order["command_sandbox"]),
        order["time_limit"],
        order["memory_max"],
        "time_limit",
    )
    forget_ended(within.name)
    ended = within.attempt(["/bin/sh", "-c", order["command"]], place.release.path, place.environment)
    return ended._replace(reason=ended.reason + _what_is_there(ended, place.release))


def _what_is_there(ended: Ended, release: Release) -> str:
    """Return, of a command whose program was not found, which programs the virtualenv has; empty for any other."""
    missing = _MISSING.search(ended.output) if ended.status == _NOT_FOUND else None
    if not missing:
        return ""
    names = sorted(name for name in names_in(f"{release.virtualenv_path}/bin") if not name.lower().startswith("activate"))
    there = ", ".join(names[:_PROGRAMS_SHOWN]) + (" and more" if len(names) > _PROGRAMS_SHOWN else "")
    return f": the program {missing[1]} is neither on the host nor in the virtualenv, which has {there or 'none'}; add its package to the requirements"


def shown_lines(output: str) -> list[str]:
    """Return the last lines of an output, without secrets and control characters; the first line tells how many were left out."""
    # Cleaned before it is cut: half a secret would not be found any more.
    text = clean(output)
    lines = text.splitlines()
    kept = text[-_MOST_CHARACTERS:].splitlines()[-_MOST_LINES:]
    left_out = len(lines) - len(kept)
    if len(text) <= _MOST_CHARACTERS and not left_out:
        return kept
    return [f"({left_out} earlier lines are not shown)", *kept]
