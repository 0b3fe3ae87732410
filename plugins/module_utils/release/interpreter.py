# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The interpreter of an application on a host: where it is, and what it says of itself."""

from __future__ import annotations

import functools
import json
import os
import shutil
import typing as t

from ..host.command import CommandError, run
from ..host.root_paths import changeable

_PROBE = (
    "import json, os, platform, sys, sysconfig; short = '.'.join(map(str, sys.version_info[:2])); own = platform.python_version();"
    " print(json.dumps({'path': sys.executable, 'version': sys.version.split()[0],"
    " 'tag': f'{sys.implementation.name}-{short}-{sysconfig.get_platform()}', 'markers': {'os_name': os.name, 'sys_platform': sys.platform,"
    " 'platform_system': platform.system(), 'platform_machine': platform.machine(), 'platform_release': platform.release(),"
    " 'platform_version': platform.version(), 'platform_python_implementation': platform.python_implementation(),"
    " 'implementation_name': sys.implementation.name, 'implementation_version': own, 'python_version': short, 'python_full_version': own}}))"
)
# An interpreter that says nothing for so long never will.
_SECONDS = 60
# The sandbox of an application hides these directories (ProtectHome= in systemd.exec(5)).
_HIDDEN = ("/home", "/root", "/run/user")
# Without rights of its own. The application's user is not there before the first run.
_NOBODY = 65534


@functools.cache  # one interpreter for many applications
def python_info(command: str) -> dict[str, t.Any] | None:
    """Return path, version, tag and environment markers (PEP 508) of an interpreter, or why it cannot be used as ``problem`` and ``remedy``.

    Only an interpreter that root alone may change is used: virtualenvs lead to it, so whoever may change it has all code that they run.
    It is asked as nobody all the same, since its libraries may belong to others.

    :return: ``None`` if the host has none of that name
    """
    # A run without SSH has the PATH of whoever started it, with a virtualenv of theirs in front. It is named only where there is no other one.
    programs = [place for place in os.environ.get("PATH", os.defpath).split(os.pathsep) if not _is_hidden(place)]
    path = shutil.which(command, path=os.pathsep.join(programs)) or shutil.which(command)
    if path is None:
        return None
    identity: dict[str, t.Any] = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    plain = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8"}
    real = os.path.realpath(path)
    if _is_hidden(path) or _is_hidden(real):
        remedy = (
            "install one for all users, as with `uv python install --install-dir /opt/python` or pyenv with PYENV_ROOT=/opt/pyenv, as root"
        )
        hidden = real if _is_hidden(real) else path
        return {"problem": f"'{command}' leads to {hidden}, which the sandbox of the application hides", "remedy": remedy}
    try:
        other = changeable(os.path.abspath(path))
        if other:
            remedy = "name an interpreter that belongs to root, or make this one root's and writable for root alone"
            return {"problem": f"'{command}' leads to {other}, which others than root may change", "remedy": remedy}
        return json.loads(run([path, "-I", "-c", _PROBE], env=plain, cwd="/", timeout=_SECONDS, **identity).output)
    except CommandError as error:
        if not isinstance(error.__cause__, PermissionError):
            return None
        return {"problem": f"'{command}' is {path}, which only root may run", "remedy": "name an interpreter that every user may run"}
    except (OSError, ValueError):
        return None


def _is_hidden(place: str) -> bool:
    return any(f"{place}/".startswith(f"{directory}/") for directory in _HIDDEN)
