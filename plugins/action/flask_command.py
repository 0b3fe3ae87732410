# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``flask_command``: choose the hosts, and send the sandbox and the limits of the application."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible_collections.flaskops.stack.plugins.module_utils.host.shown import clean
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.app_hosts import not_here
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import AppsAction, places, present
from ansible_collections.flaskops.stack.plugins.plugin_utils.extra_vars import problem_of_extra_vars
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi.sandbox import of_hooks

App = dict[str, t.Any]
_PLACES = ("name", "root", "config_dir", "run_dir")


class ActionModule(AppsAction):
    """One round trip to each host that the command runs on."""

    require = ()
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: App | None = None) -> App:
        result, task_vars = super().run(tmp, task_vars), task_vars or {}
        args = self.arguments(
            only={"type": "str", "required": True},
            command={"type": "str", "required": True},
            host_count={"type": "str", "choices": ["one", "all"], "default": "one"},
            time_limit={"type": "int"},
        )
        apps = present(self.resolve(args, task_vars))
        _check(args)
        reason = not_here(args["only"], args["variable"], [app["name"] for app in apps], task_vars, args["host_count"])
        if reason:
            return {**result, "skipped": True, "skip_reason": reason}
        app = next(app for app in apps if app["name"] == args["only"])
        answer = self.call_module("flask_command", _order(app, apps, args), task_vars)
        return {**result, **self._told(answer, args)}

    def _told(self, answer: App, args: App) -> App:
        """Return the result of a command: one that does not end with 0 has failed."""
        title = f"{args['only']}: '{args['command']}'"
        reason = answer.pop("reason", "")
        if "rc" not in answer:
            return {
                **answer,
                "msg": clean(f"{title} is not run in check mode; it would run in the release {answer['release'] or 'of prebuilt code'}."),
            }
        return {**answer, "failed": True, "msg": clean(f"{title} {reason}.")} if reason else answer


def _check(args: App) -> None:
    """Refuse what cannot be run, before a host is asked.

    :raises AnsibleActionFail: with what to write
    """
    # A playbook of a user has no filter serving_hosts, which checks this in those of the collection.
    if problem := problem_of_extra_vars():
        raise AnsibleActionFail(problem)
    if not args["command"].strip():
        raise AnsibleActionFail("""command is empty; write -e '{"command": "flask --app shop routes"}', for example.""")
    if args["time_limit"] is not None and args["time_limit"] < 1:
        raise AnsibleActionFail(f"time_limit is {args['time_limit']}, but must be 1 or more; write the seconds that the command may take.")


def _order(app: App, apps: list[App], args: App) -> App:
    """Return what the host needs of an application to run a command in it."""
    return {
        **{key: places(app)[key] for key in (*_PLACES, "user")},
        "others": [{key: other[key] for key in _PLACES} for other in apps],
        "command_sandbox": of_hooks(app),
        "memory_max": app["command_limits"]["memory_max"],
        "command": args["command"],
        "time_limit": args["time_limit"] or app["command_limits"]["timeout"],
    }
