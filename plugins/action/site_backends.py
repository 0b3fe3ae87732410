# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``site_backends``: send the backends of the chosen sites, and the address of the server that is meant."""

from __future__ import annotations

import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import ALL, AppsAction, chosen, present
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.host import who


class ActionModule(AppsAction):
    """One round trip."""

    require = ()
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        args = self.arguments(
            backend={"type": "str", "default": ""},
            state={"type": "str", "choices": ["drain", "restore"], "default": "drain"},
            only={"type": "str", "default": ALL},
            back_to={"type": "dict", "default": {}},
        )
        apps = chosen(present(self.resolve(args, task_vars)), args["only"])
        asked = {
            "sites": {app["name"]: app["nginx"]["backends"] for app in apps if app["nginx"]["backends"]},
            "server": _address(args["backend"], task_vars),
            "state": args["state"],
            "who": who(),
            "back_to": args["back_to"],
        }
        return {**result, **self.call_module("site_backends", asked, task_vars)}


def _address(backend: str, task_vars: t.Mapping[str, t.Any]) -> str:
    """Return the address of a server of the inventory; anything else is an address already."""
    hosts = task_vars.get("hostvars", {})
    return str(hosts[backend].get("ansible_host", backend)) if backend in hosts else backend
