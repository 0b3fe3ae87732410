# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``site_maintenance``: send the names of the chosen applications."""

from __future__ import annotations

import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import AppsAction, chosen, present
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.host import who
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.on_or_off import on_or_off


class ActionModule(AppsAction):
    """One round trip."""

    require = ()
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        args = self.arguments(only={"type": "str", "required": True}, state={"type": "raw", "required": True})
        names = [app["name"] for app in chosen(present(self.resolve(args, task_vars)), args["only"])]
        state = on_or_off(args["state"])
        return {**result, **self.call_module("site_maintenance", {"names": names, "state": state, "who": who()}, task_vars or {})}
