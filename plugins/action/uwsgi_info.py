# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``uwsgi_info``: send where every application lies."""

from __future__ import annotations

import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import AppsAction, places, present


class ActionModule(AppsAction):
    """One round trip."""

    require = ()
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        args = self.arguments(traffic_seconds={"type": "int", "default": 0})
        apps = present(self.resolve(args, task_vars))
        asked = {"apps": [places(app) for app in apps], "traffic_seconds": args["traffic_seconds"]}
        answer = self.call_module("uwsgi_info", asked, task_vars or {})
        for app in apps:
            answer["apps"][app["name"]].update({"user": app["user"], "web_group": app["web_group"]})
        return {**result, **answer}
