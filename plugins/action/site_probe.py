# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``site_probe``: send which requests prove the routes of every application."""

from __future__ import annotations

import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import AppsAction, present


class ActionModule(AppsAction):
    """One round trip."""

    require = ()
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        text = {"type": "str"}
        args = self.arguments(
            listen={**text, "default": "80"}, tls_listen={**text, "default": "443"}, timeout={"type": "int", "default": 10}
        )
        sites = [app["site"] for app in present(self.resolve(args, task_vars))]
        asked = {"sites": sites, "listen": args["listen"], "tls_listen": args["tls_listen"], "timeout": args["timeout"]}
        answer = self.ask_module("site_probe", asked, task_vars or {})
        # Checks are returned also where a route fails, since ansible-core asks `failed_when` about a result only and not about an exception.
        if "checks" not in answer:
            self.require_success("site_probe", answer, task_vars or {})
        return {**result, **answer}
