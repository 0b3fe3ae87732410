# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The base of action plugins that read in one round trip what a host has and lacks, for one role or for two."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ..acme_program import acme_program, digests
from ..description.tls import directory_url, wanted
from .apps_action import App, AppsAction, places, present
from .unmet_by_host import without_http3, without_plugin, without_profiles

# These parts of the module's answer are about sites.
OF_SITES = ("directories", "files", "unwanted", "services", "certificates", "acme", "nginx", "ipv6", "drained", "tree")


class LookingAction(AppsAction):
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
        of_sites = dict(of_sites)
        http3, profiled = of_sites.pop("http3", []), of_sites.pop("profiled", [])
        asked, plugins = self._about_sites(of_sites, args, task_vars) if of_sites else ({}, {})
        packages = {app["name"]: app["packages"] for app in apps}
        asked["instances"] = bool(apps and of_sites)
        asked["apps"] = [{**places(app), "python": app["python"]} for app in apps]
        asked["packages"] = sorted({*of_sites.get("packages", []), *(name for names in packages.values() for name in names)})
        answer = self.call_module("host_look", asked, task_vars)
        unknown, certbot, failures = answer.pop("unknown", []), answer.pop("certbot", ""), answer.pop("failures")
        lacking = set(answer["packages"]).difference(unknown)
        answer["packages_of"] = {name: found for name, names in packages.items() if (found := [each for each in names if each in lacking])}
        answer["packages"] = sorted({name for names in answer["packages_of"].values() for name in names})
        about_sites = {key: answer.pop(key) for key in OF_SITES}
        if of_sites:
            answer["sites"] = {**about_sites, "packages": sorted(lacking.intersection(of_sites.get("packages", [])))}
            unmet = {
                **without_http3(http3, about_sites["nginx"], args["left_out"]),
                **without_profiles(profiled, certbot, args["left_out"]),
                **without_plugin(plugins, unknown),
            }
            failures = {**unmet, **failures}
        return answer, failures

    def _about_sites(self, asked: App, args: Mapping[str, t.Any], task_vars: App) -> tuple[App, dict[str, str]]:
        """Return what the module is asked about sites, and the package of a plugin of certbot by the application that needs it."""
        asked = dict(asked)
        acme_server = directory_url(asked.pop("acme_server", ""))
        if acme_server:
            asked["digests"] = digests(acme_program())
        # A site needs no more than the name of its application.
        require, self.require = self.require, ()
        sites = present(self.resolve({**args, "apps": asked.pop("certificates_of", [])}, task_vars))
        self.require = require
        plugins = {app["name"]: app["nginx"]["tls"]["package"] for app in sites if app["nginx"]["tls"]["package"]}
        if plugins:
            asked["optional"] = sorted(set(plugins.values()))
        return {**asked, "certificates": [wanted(app, acme_server) for app in sites if app["nginx"]["tls"]["kind"]]}, plugins
