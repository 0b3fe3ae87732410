# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``host_look``: send only those parts of a description that the host needs for its answer."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import completed
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.apps import present


class ActionModule(ActionBase):
    """This action makes one round trip."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        args = {**self._task.args}
        try:
            apps = present(completed(args.get("apps", []), variable=args.pop("variable", "flask_apps")))
        except AppError as error:
            raise AnsibleActionFail(str(error)) from None
        args["apps"] = [{"account": app["account"], "python": app["python"]} for app in apps]
        args["packages"] = sorted({*args.get("packages", []), *(name for app in apps for name in app["packages"])})
        answer = self._execute_module("flaskops.stack.host_look", module_args=args, task_vars=task_vars)
        answer.pop("invocation", None)
        return {**result, **answer}
