# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``acme_certificate``: find the sites whose certificates a CA gives, and send the program of the service along."""

from __future__ import annotations

import base64
import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.acme_program import acme_program
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import AppsAction
from ansible_collections.flaskops.stack.plugins.plugin_utils.site_files.served_sites import ServedSites


class ActionModule(AppsAction):
    """One round trip."""

    require = ()
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        args = self.arguments(required={"type": "bool", "default": True})
        order = {
            "names": ServedSites(self.resolve(args, task_vars), {}).acme,
            "required": args["required"],
            "program": base64.b64encode(acme_program()).decode(),
        }
        return {**result, **self.call_module("acme_certificate", order, task_vars or {})}
