# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``host_look``: send only those parts of a description that the host needs for its answer."""

from __future__ import annotations

import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.acme_program import acme_program, digests
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import AppsAction, places, present, with_failures
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.tls import directory_url, wanted


class ActionModule(AppsAction):
    """One round trip."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        asked = {**self._task.args}
        given = {"variable": asked.pop("variable", "flask_apps"), "left_out": asked.pop("left_out", {})}
        apps = present(self.resolve({"apps": asked.pop("apps", []), **given}, task_vars))
        acme_server = directory_url(asked.pop("acme_server", ""))
        if acme_server:
            asked["digests"] = digests(acme_program())
        if "certificates_of" in asked:
            # A site needs no more than the name of its application.
            self.require = ()
            sites = present(self.resolve({"apps": asked.pop("certificates_of"), **given}, task_vars))
            asked["certificates"] = [wanted(app, acme_server) for app in sites if app["nginx"]["tls"]["kind"]]
        asked["apps"] = [{**places(app), "python": app["python"]} for app in apps]
        asked["packages"] = sorted({*asked.get("packages", []), *(name for app in apps for name in app["packages"])})
        answer = self.call_module("host_look", asked, task_vars or {})
        lacking = {app["name"]: [name for name in app["packages"] if name in answer["packages"]] for app in apps}
        answer["packages_of"] = {name: packages for name, packages in lacking.items() if packages}
        return with_failures({**result, **answer}, given["left_out"], answer["failures"])
