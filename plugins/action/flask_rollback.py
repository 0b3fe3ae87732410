# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``flask_rollback``."""

from __future__ import annotations

import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import ALL, AppsAction, chosen, present, with_failures
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.host import ask_host, host_app, who
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.kept_action import KeptAction


class ActionModule(KeptAction, AppsAction):
    """One round trip."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        args = self.arguments(
            only={"type": "str", "default": ALL},
            release={"type": "str", "default": ""},
            reject={"type": "bool", "default": True},
            instances={"type": "dict", "default": {}},
            lock_timeout={"type": "int", "default": 60},
        )
        order = {
            "apps": [host_app(app) for app in chosen(present(self.resolve(args, task_vars)), args["only"])],
            "release": args["release"],
            "reject": args["reject"],
            "instances": args["instances"],
            "who": who(),
            "lock_timeout": args["lock_timeout"],
        }
        answer = ask_host(self, "rollback", order, task_vars or {})
        for notice in answer["notices"]:
            self._display.warning(f"{(task_vars or {}).get('inventory_hostname')}: {notice}")
        return with_failures({**result, **answer}, args["left_out"], answer["failures"])
