# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``flask_rollback``."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.flaskops.stack.plugins.plugin_utils.host import ask_host, host_app, who


class ActionModule(ActionBase):
    """This action makes one round trip."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        _result, args = self.validate_argument_spec(
            {
                "apps": {"type": "list", "elements": "dict", "required": True},
                "release": {"type": "str", "default": ""},
                "lock_timeout": {"type": "int", "default": 60},
            }
        )
        order = {
            "apps": [host_app(app) for app in args["apps"]],
            "release": args["release"],
            "who": who(),
            "lock_timeout": args["lock_timeout"],
        }
        return {**result, **ask_host(self, "rollback", order, task_vars or {})}
