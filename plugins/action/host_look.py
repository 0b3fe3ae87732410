# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``host_look``."""

from __future__ import annotations

import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import present, with_failures
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.looking_action import LookingAction


class ActionModule(LookingAction):
    """One round trip, also where two roles ask together."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        given = {"variable": self._task.args.get("variable", "flask_apps"), "left_out": self._task.args.get("left_out", {})}
        apps = present(self.resolve({"apps": self._task.args.get("apps", []), **given}, task_vars))
        answer, failures = self.look(apps, self._task.args.get("sites", {}), given, task_vars or {})
        return with_failures({**result, **answer}, given["left_out"], failures)
