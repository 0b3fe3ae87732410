# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``site_pause``: send the sockets of the chosen applications."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import AppsAction, chosen, present
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.host import who
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.on_or_off import on_or_off
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi.longest_request import seconds as in_seconds

# The application needs seconds after the pause to make its answer, while nginx counts them as waiting too.
_FOR_THE_ANSWER = 5


class ActionModule(AppsAction):
    """One round trip."""

    require = ()
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        args = self.arguments(
            only={"type": "str", "required": True},
            state={"type": "raw", "required": True},
            seconds={"type": "int", "default": 30},
            ends={"type": "int", "default": 600},
        )
        apps = chosen(present(self.resolve(args, task_vars)), args["only"])
        state = on_or_off(args["state"])
        if state == "on":
            _check(apps, args["seconds"], args["ends"])
        call = {"state": state, "seconds": args["seconds"], "ends": args["ends"], "who": who(), "apps": [_pausable(app) for app in apps]}
        return {**result, **self.call_module("site_pause", call, task_vars or {})}


def _check(apps: t.Sequence[dict[str, t.Any]], seconds: int, ends: int) -> None:
    """Refuse a pause in which requests would fail.

    :raises AnsibleActionFail: with the remedy
    """
    if seconds < 1 or not seconds <= ends <= 86400:
        raise AnsibleActionFail(
            f"seconds is {seconds} and ends is {ends}; write 1 second or more, and for ends no less than that and at most 86400."
        )
    for app in apps:
        if app["nginx"]["backends"]:
            raise AnsibleActionFail(
                f"{app['name']} runs on the hosts of nginx.backends; pause it there, with the inventory of those hosts."
            )
        for route in app["nginx"]["routes"]:
            if route["passes"] and seconds + _FOR_THE_ANSWER > in_seconds(route["read_timeout"]):
                raise AnsibleActionFail(
                    f"seconds is {seconds}, but nginx waits for answers of {app['name']} at {route['path']} for {route['read_timeout']}, and"
                    f" {_FOR_THE_ANSWER} s of that are for the answer itself; pause for less, or raise read_timeout of the route and run site."
                )


def _pausable(app: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what the host needs of an application; the names of its waiting sockets are also in templates/site.conf.j2."""
    streams = {"stream.sock": app["stream_socket"]} if app["stream_socket"] != app["socket"] else {}
    nginx = app["nginx"]
    return {
        "name": app["name"],
        "sockets": {"uwsgi.sock": app["socket"], **streams},
        "pages": [f"{nginx['public_dir']}{nginx['pages_url']}503.html"] if nginx["public_dir"] and nginx["pages_url"] else [],
        "web_user": app["web_group"],
    }
