# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The commands of an application that a deployment runs: installers and build hooks, and hooks that work beside the live instance."""

from __future__ import annotations

import typing as t
from types import MappingProxyType

from ..host import journal
from ..host.cage import Cage, end_leftovers
from ..host.causes import explain
from ..host.command import CommandError
from ..host.installers import environment
from ..host.known_causes import BUILD, HOOK
from .layout import Release
from .modules import facts_of_packages, facts_of_release
from .orders import CommandApp
from .search_paths import search_paths
from .unit_names import command_units


def cage(app: CommandApp, kind: str, writable: t.Sequence[str] = ()) -> Cage:
    """Return the rights and the limits of the commands of a kind.

    :param kind: ``build``, ``migrate`` or ``after_switch``
    :param writable: paths that they may write to beside those of the application's sandbox
    """
    properties = (*app["command_sandbox"], *(f"ReadWritePaths={path}" for path in writable))
    limits = app["command_limits"]
    return Cage(command_units(app["name"], kind), app["user"], properties, limits["timeout"], limits["memory_max"])


def end_those_of_killed_runs(app: CommandApp, kind: str) -> None:
    """End the commands of a kind that a killed run has left."""
    end_leftovers(command_units(app["name"], kind))


def run_hooks(
    kind: str, app: CommandApp, within: Cage, release: Release, home: str, more: t.Mapping[str, str] = MappingProxyType({})
) -> None:
    """Run the hooks of a kind in the release, in order, and write what each has printed into the journal when it has ended.

    :param release: the release; while it is built, with the path of its unfinished tree
    :param home: the value of HOME for the hooks
    :param more: further variables, which those of the application may replace
    :raises CommandError: naming the hook, with its output, after the cause if that is known
    """
    if not app["hooks"][kind]:
        return
    if problem := release.problem():
        raise CommandError(problem)
    end_those_of_killed_runs(app, kind)
    # One for all hooks of a kind, since that of a command is gone when its output is written down.
    unit = f"{command_units(app['name'], kind)}.service"
    host = environment(home)
    env = {**host, **more, **app["environment"], "FLASKOPS_ROLE": "command", **search_paths(release, app["environment"], host["PATH"])}
    for command in app["hooks"][kind]:
        try:
            printed = within.run(["/bin/sh", "-c", command], release.path, env).splitlines()
        except CommandError as error:
            journal.write(unit, [command, *error.lines])
            at, facts = (BUILD, facts_of_packages()) if kind == "build" else (HOOK, facts_of_release(release.path))
            failure = CommandError(f"the {kind} hook {error}", error.lines)
            explain(failure, at, facts)
            raise failure from error
        journal.write(unit, [command, *printed])
