# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``acme_certificate``: send the program of the service along."""

from __future__ import annotations

import base64
import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.acme_program import acme_program
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.host_action import HostAction


class ActionModule(HostAction):
    """One round trip."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        spec = {"apps": {"type": "list", "elements": "str", "required": True}, "required": {"type": "bool", "default": True}}
        _validation, args = self.validate_argument_spec(spec)
        args["program"] = base64.b64encode(acme_program()).decode()
        return {**result, **self.call_module("acme_certificate", args, task_vars or {})}
