# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The base of action plugins that read in one round trip what a host has and lacks, for one role or for several."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible.errors import AnsibleActionFail

from ..description.role_variables import resolve_variables, without_ipv6, without_secrets
from ..description.validate import AppError
from ..host_program import LOOK
from .apps_action import App, AppsAction, places, present
from .asked_sites import AskedSites
from .kept_action import KeptAction

# These parts of the module's answer are about sites.
OF_SITES = ("directories", "files", "unwanted", "services", "certificates", "acme", "nginx", "ipv6", "drained", "tree", "former_backend")


class LookingAction(KeptAction, AppsAction):
    """Sends only those parts of a description that the host needs for its answer."""

    def look(
        self, apps: Sequence[App], of_sites: Mapping[str, t.Any], args: Mapping[str, t.Any], task_vars: App
    ) -> tuple[App, dict[str, str]]:
        """Return what the module ``host_look`` answers, and the messages of applications that this host cannot have.

        :param apps: complete descriptions of those applications whose packages, users, directories and releases are looked at
        :param of_sites: what is looked at for the web server, as the module's option ``sites`` has it; empty for nothing
        :param args: ``variable`` and ``left_out`` of the task
        :raises AnsibleActionFail: if the host cannot be used at all
        """
        asked = {name: value for name, value in of_sites.items() if name not in ("apps", "variables")}
        sites = self._sites(of_sites, args, task_vars) if of_sites else None
        if sites:
            asked |= sites.asked()
        packages = {app["name"]: app["packages"] for app in apps}
        if apps and sites:
            asked["instances"] = True
        asked["apps"] = [{**places(app), "python": app["python"]} for app in apps]
        asked["packages"] = sorted({*of_sites.get("packages", []), *(name for names in packages.values() for name in names)})
        answer = self.ask_kept("host_look", LOOK, asked, task_vars)
        unknown, certbot, failures = answer.pop("unknown", []), answer.pop("certbot", ""), answer.pop("failures")
        lacking = set(answer["packages"]).difference(unknown)
        answer["packages_of"] = {name: found for name, names in packages.items() if (found := [each for each in names if each in lacking])}
        answer["packages"] = sorted({name for names in answer["packages_of"].values() for name in names})
        about_sites = {key: answer.pop(key) for key in OF_SITES}
        if sites:
            about_sites["variables"] = without_secrets(sites.variables if about_sites["ipv6"] else without_ipv6(sites.variables))
            answer["sites"] = {**about_sites, "packages": sorted(lacking.intersection(of_sites.get("packages", [])))}
            failures = {**sites.unmet(about_sites["nginx"], certbot, unknown), **failures}
        return answer, failures

    def _sites(self, asked: Mapping[str, t.Any], args: Mapping[str, t.Any], task_vars: App) -> AskedSites:
        """Return the sites that are asked about.

        :raises AnsibleActionFail: with a line for each problem of a variable
        """
        try:
            variables = resolve_variables(asked.get("variables", {}))
        except AppError as error:
            raise AnsibleActionFail(str(error)) from None
        # A site needs no more than the name of its application.
        require, self.require = self.require, ()
        described = present(self.resolve({**args, "apps": asked.get("apps", []), "left_out": {}}, task_vars))
        self.require = require
        certified = any(app["nginx"]["tls"]["kind"] for app in described)
        return AskedSites(variables, certified, [app for app in described if app["name"] not in args["left_out"]])
