# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Call the host half of the modules that start instances, with what they need of a description."""

from __future__ import annotations

import base64
import getpass
import json
import socket
import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..module_utils.app.layout import HostApp

# A stop lets requests finish for so long, of the drain time.
_STOP_SECONDS = 10


def who() -> str:
    """Return whom histories and locks name: the person and the machine of the run."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def stop_timeout(app: Mapping[str, t.Any]) -> int:
    """Return the seconds a graceful stop may take."""
    return min(_STOP_SECONDS, app["drain_timeout"])


def host_app(app: Mapping[str, t.Any]) -> HostApp:
    """Return what the host needs of a complete description."""
    return {
        "name": app["name"],
        "user": app["user"],
        "root": app["root"],
        "config_dir": app["config_dir"],
        "run_dir": app["run_dir"],
        "health": app["health"],
        "drain_timeout": app["drain_timeout"],
        "stop_timeout": stop_timeout(app),
        "keep_releases": app["keep_releases"],
        "strategy": app["strategy"],
        "hooks": app["hooks"],
        "environment": {**app["env"], **app["secrets"]},
        "static": [
            {"path": route["path"], "directory": route["directory"]} for route in app["nginx"]["routes"] if route["mode"] == "static"
        ],
        "writable": app["sandbox"]["write"],
    }


def ask_host(action: ActionBase, mode: str, order: Mapping[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
    """Call the module ``uwsgi_instance`` and return its answer.

    :raises AnsibleActionFail: with the module's message
    """
    encoded = base64.b64encode(json.dumps(order).encode()).decode()
    answer = action._execute_module("flaskops.stack.uwsgi_instance", module_args={"mode": mode, "order": encoded}, task_vars=task_vars)
    answer.pop("invocation", None)
    if answer.get("failed"):
        raise AnsibleActionFail(str(answer.get("msg") or answer.get("module_stderr") or "the module gave no message"))
    return answer
