# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check the paths that a sandbox opens before a unit starts: for a missing path, systemd's own error speaks of namespaces only."""

from __future__ import annotations

import os
import pwd

from ..app.orders import HostApp
from ..host.command import CommandError, run
from .instance import DeployError


def check(app: HostApp) -> None:
    """Require that every path in ``writable`` exists and that the application's user can write to it.

    :raises DeployError: with a line for each path for which that is not so
    """
    problems = [problem for path in app["writable"] if (problem := _problem(app, path))]
    if problems:
        raise DeployError("\n".join(problems))


def _problem(app: HostApp, path: str) -> str:
    """Return what is wrong with a path, empty if nothing is."""
    where, user = f"{app['name']}.sandbox.write: {path}", app["user"]
    if not os.path.exists(path):
        return f"{where} is not on this host; make it before, for {user} to write to, or take it from the list."
    try:
        entry = pwd.getpwnam(user)
        run(["test", "-w", path], user=entry.pw_uid, group=entry.pw_gid, extra_groups=[], cwd="/")
    except CommandError:
        return f"{where} is not writable for {user}; give it to that user or its group, or take it from the list."
    return ""
