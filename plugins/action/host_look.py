# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``host_look``: send only those parts of a description that the host needs for its answer."""

from __future__ import annotations

import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.acme_program import acme_program, digests
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import AppsAction, places, present, with_failures
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.tls import directory_url, wanted

# These parts of the module's answer are about sites.
_OF_SITES = ("directories", "files", "unwanted", "services", "certificates", "acme", "nginx", "ipv6", "drained")
# The first version of nginx that has HTTP/3 (https://nginx.org/en/docs/quic.html).
_HTTP3 = (1, 25)


class ActionModule(AppsAction):
    """One round trip, also where two roles ask together."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        given = {"variable": self._task.args.get("variable", "flask_apps"), "left_out": self._task.args.get("left_out", {})}
        apps = present(self.resolve({"apps": self._task.args.get("apps", []), **given}, task_vars))
        of_sites = dict(self._task.args.get("sites", {}))
        http3 = of_sites.pop("http3", [])
        asked = self._about_sites(of_sites, given, task_vars) if of_sites else {}
        packages = {app["name"]: app["packages"] for app in apps}
        asked["apps"] = [{**places(app), "python": app["python"]} for app in apps]
        asked["packages"] = sorted({*of_sites.get("packages", []), *(name for names in packages.values() for name in names)})
        answer = self.call_module("host_look", asked, task_vars or {})
        lacking = set(answer["packages"])
        answer["packages_of"] = {name: found for name, names in packages.items() if (found := [each for each in names if each in lacking])}
        answer["packages"] = sorted({name for names in answer["packages_of"].values() for name in names})
        about_sites = {key: answer.pop(key) for key in _OF_SITES}
        failures = answer["failures"]
        if of_sites:
            answer["sites"] = {**about_sites, "packages": sorted(lacking.intersection(of_sites.get("packages", [])))}
            failures = {**_without_http3(http3, about_sites["nginx"], given["left_out"]), **failures}
        return with_failures({**result, **answer}, given["left_out"], failures)

    def _about_sites(self, asked: dict[str, t.Any], given: dict[str, t.Any], task_vars: dict[str, t.Any] | None) -> dict[str, t.Any]:
        """Return what the module is asked about sites."""
        asked = dict(asked)
        acme_server = directory_url(asked.pop("acme_server", ""))
        if acme_server:
            asked["digests"] = digests(acme_program())
        # A site needs no more than the name of its application.
        self.require = ()
        sites = present(self.resolve({"apps": asked.pop("certificates_of", []), **given}, task_vars))
        return {**asked, "certificates": [wanted(app, acme_server) for app in sites if app["nginx"]["tls"]["kind"]]}


def _without_http3(wanted_by: list[str], nginx: str, left_out: dict[str, str]) -> dict[str, str]:
    """Return a message for each application that wants HTTP/3 of an nginx that has none. A version that nobody knows is taken for a new one."""
    if not nginx or tuple(int(part) for part in nginx.split(".")[:2]) >= _HTTP3:
        return {}
    return {
        name: f"{name}: nginx.tls.http3 is true, but nginx {nginx} of this host has no HTTP/3, which 1.25 brought. Remove the key for this host,"
        " or install a newer nginx, such as that of Debian 13."
        for name in wanted_by
        if name not in left_out
    }
