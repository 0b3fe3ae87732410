# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``flask_metrics``: send where every application lies, and the program that writes their metrics."""

from __future__ import annotations

import base64
import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import AppsAction, places, present
from ansible_collections.flaskops.stack.plugins.plugin_utils.host_program import METRICS_PROGRAM, host_program


class ActionModule(AppsAction):
    """One round trip."""

    require = ()
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        args = self.arguments(
            state={"type": "str", "choices": ["present", "absent"], "default": "present"},
            directory={"type": "path", "required": True},
            units={"type": "list", "elements": "str", "required": True},
        )
        asked = {
            "apps": [places(app) for app in present(self.resolve(args, task_vars))],
            "program": base64.b64encode(host_program(METRICS_PROGRAM)).decode(),
            **{name: args[name] for name in ("state", "directory", "units")},
        }
        return {**result, **self.call_module("flask_metrics", asked, task_vars or {})}
