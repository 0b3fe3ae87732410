# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``flask_firewall``: say which ports are open, and confirm new rules over a new connection."""

from __future__ import annotations

import time
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import AppsAction, present
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.host import who
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.firewall import openings
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.role_variables import resolve_variables
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError

_OWN = ("open", "ssh_from", "beside", "confirm_within")
_NGINX = ("nginx_site_listen", "nginx_site_tls_listen", "nginx_site_backend_listen", "nginx_site_front_addresses")
_PAUSE_SECONDS = 2
# A host that has gone back can be reached again at once, so one that cannot after this time has another reason.
_GRACE_SECONDS = 30


class ActionModule(AppsAction):
    """One round trip, and a second one over a new connection if rules have changed."""

    require = ()
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        args = self.arguments(
            state={"type": "str", "choices": ["present", "absent"], "default": "present"},
            nginx={"type": "dict", "default": {}},
            **{name: {"type": "raw"} for name in _OWN},
        )
        given = {f"flask_firewall_{name}": args[name] for name in _OWN} | {name: args["nginx"].get(name) for name in _NGINX}
        try:
            variables = resolve_variables(given)
        except AppError as error:
            raise AnsibleActionFail(str(error)) from None
        port = self._templar.template(task_vars.get("ansible_port") or task_vars.get("ansible_ssh_port"))
        asked = {
            "mode": args["state"],
            "openings": openings(variables, present(self.resolve(args, task_vars))),
            "ssh_ports": [port] if port else [],
            "who": who(),
            **{name: variables[f"flask_firewall_{name}"] for name in _OWN if name != "open"},
        }
        began = time.monotonic()
        answer = self.call_module("flask_firewall", asked, task_vars)
        login = answer.pop("login", "")
        if answer.pop("on_trial", False):
            asked |= {"mode": "confirm", "login": login if "ssh" in self._connection.transport else ""}
            self._confirm(asked, task_vars, began + variables["flask_firewall_confirm_within"])
        return {**result, **answer}

    def _confirm(self, asked: dict[str, t.Any], task_vars: dict[str, t.Any], ends: float) -> None:
        """Tell the host over a new connection that it can be reached. Connections that were there before get through whatever the rules say.

        :param ends: when the host goes back to the former rules by itself
        :raises AnsibleActionFail: if it was not reached in time
        :raises AnsibleConnectionFailure: if it cannot be reached after that either
        """
        lost: AnsibleConnectionFailure | None = None
        while True:
            try:
                self._connection.reset()
                self.call_module("flask_firewall", asked, task_vars)
                return
            except AnsibleConnectionFailure as error:
                lost = error
                if time.monotonic() > ends + _GRACE_SECONDS:
                    raise
                time.sleep(_PAUSE_SECONDS)
            except AnsibleActionFail as refused:
                if lost is None:
                    raise
                raise AnsibleActionFail(
                    f"{refused}: no new connection got through them ({lost}). Is SSH reached by a port that the host does not know of, as behind a"
                    " proxy? Add it to flask_firewall_open."
                ) from None
