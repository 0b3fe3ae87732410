# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``tls_certificate``: send chain, key and names of the chosen applications."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import AppsAction, present, with_failures
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.tls import order


class ActionModule(AppsAction):
    """One round trip."""

    require = ()
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        args = self.arguments(only={"type": "list", "elements": "str", "required": True})
        apps = [
            app for app in present(self.resolve(args, task_vars)) if app["name"] in args["only"] and app["nginx"]["tls"]["kind"] != "acme"
        ]
        answer = self.call_module("tls_certificate", {"orders": json.dumps([order(app) for app in apps])}, task_vars or {})
        return with_failures({**result, **answer}, args["left_out"], answer["failures"])
