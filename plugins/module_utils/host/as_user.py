# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run commands as an application's user, with its environment, and keep their output."""

from __future__ import annotations

import os
import pwd
import subprocess
import typing as t

from . import lock

_OUTPUT_LINES = 25
# What installers need of the run's environment: proxies, certificates, indexes.
_KEPT = ("PIP_", "SSL_", "LANG", "LC_")


class CommandError(Exception):
    """A command that failed; the message has its exit status and the last lines of its output."""


def environment(home: str, path: str = "") -> dict[str, str]:
    """Return the environment of a build: what installers need and nothing else."""
    kept = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy") or name.startswith(_KEPT)}
    standard = os.environ.get("PATH", "/usr/bin:/bin")
    return {**kept, "PATH": f"{path}:{standard}" if path else standard, "HOME": home, "PIP_NO_CACHE_DIR": "1"}


def run(user: str, command: t.Sequence[str], directory: str, env: t.Mapping[str, str], outlives: bool = False) -> str:
    """Run a command as ``user`` in ``directory`` and return what it printed.

    :param outlives: whether processes of the command may go on after it; otherwise the next run waits until all of them have ended
    :raises CommandError: if it does not end with 0
    """
    entry = pwd.getpwnam(user)
    done = subprocess.run(
        command,
        check=False,
        cwd=directory,
        env=dict(env),
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        umask=0o022,
        pass_fds=() if outlives else lock.inherited(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        words = "\n".join(done.stdout.strip().splitlines()[-_OUTPUT_LINES:])
        raise CommandError(f"'{' '.join(command)}' ended with {done.returncode}:\n{words}")
    return done.stdout


def run_hooks(kind: str, app: t.Mapping[str, t.Any], directory: str, virtualenv: str, home: str) -> None:
    """Run the hooks of a kind in the release, in order.

    :param app: ``user``, ``hooks`` and ``environment``, which has the application's secrets too
    :param home: the value of HOME for the hooks
    :raises CommandError: naming the hook, with its output
    """
    env = {**environment(home, f"{virtualenv}/bin"), **app["environment"]}
    for command in app["hooks"][kind]:
        try:
            # After the switch, a hook may well start something that stays.
            run(app["user"], ["/bin/sh", "-c", command], directory, env, outlives=kind == "after_switch")
        except CommandError as error:
            raise CommandError(f"the {kind} hook {error}") from error
