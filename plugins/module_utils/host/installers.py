# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The environment of commands that a deployment runs as an application's user: what installers need, and whose configuration counts."""

from __future__ import annotations

import os

from .command import CommandError
from .root_paths import changeable

# Where pip looks for the host's own configuration (pip documentation, "Configuration files"), the last one wins.
PIP_CONFIGURATIONS = ("/etc/xdg/pip/pip.conf", "/etc/pip.conf")
# Installers need these variables of the run's environment: proxies, certificates, indexes.
_KEPT = ("PIP_", "SSL_", "LANG", "LC_")


def environment(home: str) -> dict[str, str]:
    """Return the environment of a build: what installers need and nothing else.

    :raises CommandError: if somebody else than root may write to the host's configuration of pip
    """
    kept = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy") or name.startswith(_KEPT)}
    own = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": home, "PIP_NO_CACHE_DIR": "1", "PYTHONNOUSERSITE": "1"}
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
