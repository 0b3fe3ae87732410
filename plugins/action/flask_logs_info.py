# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``flask_logs_info``: send where the logs of an application are, and which of their lines are wanted."""

from __future__ import annotations

import re
import typing as t

from ansible.errors import AnsibleActionFail
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.app_hosts import not_here
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import AppsAction, present
from ansible_collections.flaskops.stack.plugins.plugin_utils.extra_vars import problem_of_extra_vars

App = dict[str, t.Any]
_MOST_LINES = 10_000
_SOURCES = ("web", "stream", "command", "build", "migrate", "after-switch", "access", "error")


class ActionModule(AppsAction):
    """One round trip."""

    require = ()
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: App | None = None) -> App:
        result, task_vars = super().run(tmp, task_vars), task_vars or {}
        args = self.arguments(
            only={"type": "str", "required": True},
            since={"type": "str", "default": ""},
            request_id={"type": "str", "default": ""},
            sources={"type": "list", "elements": "str", "default": []},
            lines={"type": "int", "default": 200},
        )
        apps = {app["name"]: app for app in present(self.resolve(args, task_vars))}
        _check(args)
        reason = not_here(args["only"], args["variable"], list(apps), task_vars)
        if reason:
            return {**result, "skipped": True, "skip_reason": reason}
        app = apps[args["only"]]
        _check_sources(args["sources"], app)
        order = {key: app[key] for key in ("name", "config_dir", "run_dir")}
        order |= {"server_names": app["nginx"]["server_names"], **{key: args[key] for key in ("since", "request_id", "sources", "lines")}}
        return {**result, **self.call_module("flask_logs_info", order, task_vars)}


def _check(args: App) -> None:
    """Refuse what selects no lines, before a host is asked.

    :raises AnsibleActionFail: with what to write
    """
    # A playbook of a user has no filter serving_hosts, which checks this in those of the collection.
    if problem := problem_of_extra_vars():
        raise AnsibleActionFail(problem)
    if not 1 <= args["lines"] <= _MOST_LINES:
        raise AnsibleActionFail(f"lines is {args['lines']}, but must be from 1 to {_MOST_LINES}; write a number in that range.")
    if not re.fullmatch(r"([A-Za-z0-9._-]{8,128})?", args["request_id"]):
        raise AnsibleActionFail(
            f"request_id is '{args['request_id']}', but must have 8 to 128 letters and digits; copy it from a line of a log."
        )


def _check_sources(wanted: list[str], app: App) -> None:
    """Refuse sources that an application does not have, since a typo would look like a log without lines.

    :raises AnsibleActionFail: with those that it has
    """
    known = [*_SOURCES, *(each["name"] for key in ("workers", "timers") for each in app[key])]
    if unknown := [source for source in wanted if source.partition(".")[0] not in known]:
        raise AnsibleActionFail(
            f"sources has '{unknown[0]}', but {app['name']} has no such source of lines; write one of {', '.join(known)}."
        )
