# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``host_look``: send of a description what the host is asked about."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """One round trip."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        args = {**self._task.args}
        args["apps"] = [{"account": app["account"], "python": app["python"]} for app in args.get("apps", [])]
        answer = self._execute_module("flaskops.stack.host_look", module_args=args, task_vars=task_vars)
        answer.pop("invocation", None)
        return {**result, **answer}
