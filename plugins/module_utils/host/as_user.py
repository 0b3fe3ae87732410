# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run commands as an application's user, with its environment, and keep their output."""

from __future__ import annotations

import os
import pwd
import typing as t

from . import lock
from .command import CommandError
from .command import run as run_program
from .root_paths import changeable

# Where pip looks for the host's own configuration (pip documentation, "Configuration files"), the last one wins.
PIP_CONFIGURATIONS = ("/etc/xdg/pip/pip.conf", "/etc/pip.conf")
# Installers need these variables of the run's environment: proxies, certificates, indexes.
_KEPT = ("PIP_", "SSL_", "LANG", "LC_")


def environment(home: str, path: str = "") -> dict[str, str]:
    """Return the environment of a build: what installers need and nothing else.

    :raises CommandError: if somebody else than root may write to the host's configuration of pip
    """
    kept = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy") or name.startswith(_KEPT)}
    standard = os.environ.get("PATH", "/usr/bin:/bin")
    own = {"PATH": f"{path}:{standard}" if path else standard, "HOME": home, "PIP_NO_CACHE_DIR": "1", "PYTHONNOUSERSITE": "1"}
    return {**kept, **own, "PIP_CONFIG_FILE": kept.get("PIP_CONFIG_FILE") or _pip_configuration()}


def _pip_configuration() -> str:
    """Return the configuration that pip reads.

    If PIP_CONFIG_FILE is set, pip reads no configuration of the user, who may be a running application. /dev/null is an empty one.
    """
    found = [path for path in PIP_CONFIGURATIONS if os.path.lexists(path)]
    for path in found:
        try:
            other = changeable(path)
        except OSError as error:
            raise CommandError(f"pip's configuration {path} cannot be read ({error.strerror}); mend or remove it") from error
        if other:
            raise CommandError(
                f"pip's configuration {path} decides what is installed, but others than root may change {other};"
                " make it root's, and writable for root alone"
            )
    return found[-1] if found else os.devnull


def run(user: str, command: t.Sequence[str], directory: str, env: t.Mapping[str, str], outlives: bool = False) -> str:
    """Run a command as ``user`` in ``directory`` and return what it printed.

    :param outlives: whether it may leave processes that run on; else no other run begins before they have ended
    :raises CommandError: if it cannot be started or does not end with 0
    """
    entry = pwd.getpwnam(user)
    done = run_program(
        command,
        together=True,
        env=env,
        cwd=directory,
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        umask=0o022,
        pass_fds=() if outlives else lock.inherited(),
    )
    return done.output


def run_hooks(kind: str, app: t.Mapping[str, t.Any], directory: str, virtualenv: str, home: str) -> None:
    """Run the hooks of a kind in the release, in order.

    :param app: ``user``, ``hooks`` and ``environment``, which has the application's secrets too
    :param home: the value of HOME for the hooks
    :raises CommandError: naming the hook, with its output
    """
    if not app["hooks"][kind]:
        return
    env = {**environment(home, f"{virtualenv}/bin"), **app["environment"]}
    for command in app["hooks"][kind]:
        try:
            # After the switch, a hook may well start something that stays.
            run(app["user"], ["/bin/sh", "-c", command], directory, env, outlives=kind == "after_switch")
        except CommandError as error:
            raise CommandError(f"the {kind} hook {error}") from error
