# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``uwsgi_info``: send where every application lies."""

from __future__ import annotations

import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.action.app_hosts import first_host, patterns_of
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import App, AppsAction, places, present
from ansible_collections.flaskops.stack.plugins.plugin_utils.matching_hosts import matching_hosts
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi.worker_units import numbered


class ActionModule(AppsAction):
    """One round trip."""

    require = ()
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        args = self.arguments(traffic_seconds={"type": "int", "default": 0})
        apps = present(self.resolve(args, task_vars))
        asked = {"apps": [places(app) for app in apps], "traffic_seconds": args["traffic_seconds"]}
        answer = self.call_module("uwsgi_info", asked, task_vars or {})
        for app in apps:
            found = answer["apps"][app["name"]]
            found.update({"user": app["user"], "web_group": app["web_group"]})
            found["problems"] += lacking(app, found, self._is_first(app, task_vars or {}))
        return {**result, **answer}

    def _is_first(self, app: App, task_vars: App) -> bool:
        """Return whether this host has what is there once; without ``flask_fleet``, a play with ``-e target=`` does not tell that."""
        single = any(each["hosts"] == "one" for each in [*app["workers"], *app["timers"]])
        fleet = self._templar.template(task_vars.get("flask_fleet", ""))
        if not single or (not fleet and "target" in task_vars):
            return False
        servers = matching_hosts(fleet, task_vars["groups"]) if fleet else ()
        return first_host(app["name"], task_vars, patterns_of(self._task), servers) == task_vars.get("inventory_hostname")


def lacking(app: App, found: App, first: bool) -> list[str]:
    """Return a line for each worker and timer that the description has for a host and the live instance has not.

    :param found: the state of the application on the host
    :param first: whether the host has what is there once
    """
    if not found["live"]:
        return []
    described = {
        "worker": numbered(app, {"all": True, "one": first}),
        "timer": [timer["name"] for timer in app["timers"] if timer["hosts"] == "all" or first],
    }
    return [
        f"the {kind} {name} of the description is not on this host in the release that is live; deploy it with site.yml"
        for kind, names in described.items()
        for name in names
        if name not in {each["name"] for each in found[f"{kind}s"]}
    ]
