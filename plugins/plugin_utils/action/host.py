# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Call the host half of the modules that start instances, with what they need of a description."""

from __future__ import annotations

import base64
import json
import socket
import typing as t
from collections.abc import Mapping, Sequence

from ...module_utils.app.orders import HostApp
from ...module_utils.host.user_name import user_name
from ..description.error_pages import release_pages
from ..uwsgi.sandbox import of_hooks
from .kept_action import KeptAction

App = Mapping[str, t.Any]
# A stop lets requests finish for so long, of the drain time.
_STOP_SECONDS = 10


def who() -> str:
    """Return whom histories and locks name: the person and the machine of the run."""
    return f"{user_name()}@{socket.gethostname()}"


def stop_timeout(app: App) -> int:
    """Return the seconds a graceful stop may take."""
    return min(_STOP_SECONDS, app["drain_timeout"])


def host_app(app: App) -> HostApp:
    """Return what the host needs of a complete description, without the environment of its hooks."""
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
        "environment": {},
        "command_sandbox": of_hooks(app),
        "command_limits": app["command_limits"],
        "static": [
            {key: route[key] for key in ("path", "directory", "fallback") if key in route}
            for route in app["nginx"]["routes"]
            if route["files"]
        ],
        "error_pages": release_pages(app["nginx"]),
        "writable": app["sandbox"]["write"],
    }


def with_environment(apps: Sequence[App], kind: str, described: Mapping[str, App]) -> list[dict[str, t.Any]]:
    """Return what the host needs of applications for a call that runs hooks: those that have such hooks get their environment.

    :param apps: what :func:`host_app` returns, or more
    :param kind: the hooks that the call runs
    :param described: the descriptions by name
    """
    return [{**app, "environment": environment(described[app["name"]]) if app["hooks"][kind] else {}} for app in apps]


def environment(app: App) -> dict[str, str]:
    """Return the environment that a description gives, with its secrets."""
    return {**app["env"], **app["secrets"]}


def ask_host(action: KeptAction, mode: str, order: Mapping[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
    """Call the module ``uwsgi_instance`` and return its answer.

    :raises AnsibleActionFail: with the module's message
    """
    encoded = base64.b64encode(json.dumps(order).encode()).decode()
    return action.call_kept("uwsgi_instance", {"mode": mode, "order": encoded}, task_vars)
