# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``site_traffic_info``: send the names of the applications."""

from __future__ import annotations

import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import AppsAction, places, present


class ActionModule(AppsAction):
    """One round trip."""

    require = ()
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        args = self.arguments(seconds={"type": "int", "required": True}, before={"type": "dict", "default": {}})
        apps = present(self.resolve(args, task_vars))
        # A site that logs no more still has the log of before, which ends with its last change.
        logging = [places(app) for app in apps if app.get("nginx", {}).get("log") != "off"]
        asked = {"apps": logging, "seconds": args["seconds"], "before": args["before"]}
        return {**result, **self.call_module("site_traffic_info", asked, task_vars or {})}
