# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check descriptions and sources on the controller, before anything on a host changes."""

from __future__ import annotations

import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.apps_action import AppsAction
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.checks import warnings
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.apps import fetch_apps, with_source


class ActionModule(AppsAction):
    """Makes no connection."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        args = self.arguments(
            apps={"type": "raw"},
            require={"type": "list", "elements": "str", "default": ["source", "wsgi"]},
            cache_dir={"type": "str"},
        )
        if args["apps"] is None:
            self.read(args["variable"], task_vars or {})
            return {**result, "changed": False}
        self.require = args["require"]
        apps = self.resolve(args, task_vars)
        for warning in warnings(apps):
            self._display.warning(warning)
        if args["cache_dir"]:
            fetch_apps(with_source(apps), args["cache_dir"], task_vars or {})
        return {**result, "changed": False}
