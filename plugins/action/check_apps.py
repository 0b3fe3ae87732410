# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check descriptions and sources on the controller, before anything on a host changes."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.checks import warnings
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.apps import fetch_apps, with_source


class ActionModule(ActionBase):
    """This action makes no connection to a host."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        _result, args = self.validate_argument_spec(
            {
                "apps": {"type": "raw", "required": True},
                "require": {"type": "list", "elements": "str", "default": ["source", "wsgi"]},
                "variable": {"type": "str", "required": True},
                "cache_dir": {"type": "str"},
            }
        )
        try:
            apps = resolve_apps(args["apps"], args["require"], args["variable"])
        except AppError as error:
            raise AnsibleActionFail(str(error)) from None
        for warning in warnings(apps):
            self._display.warning(warning)
        if args["cache_dir"]:
            fetch_apps(with_source(apps), args["cache_dir"], task_vars or {})
        return {**result, "changed": False}
