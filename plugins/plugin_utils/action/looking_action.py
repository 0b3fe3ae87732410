# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The base of action plugins that read in one round trip what a host has and lacks, for one role or for several."""

from __future__ import annotations

import base64
import typing as t
from collections.abc import Mapping, Sequence

from ansible.errors import AnsibleActionFail

from ...module_utils.app.orders import SealedSecrets
from ..description.role_variables import resolve_variables, without_ipv6, without_secrets
from ..description.validate import AppError
from ..host_program import KEPT, host_program, program_id
from ..site_files.served_sites import ServedSites
from .apps_action import App, AppsAction, places
from .asked_sites import AskedSites
from .kept_action import KeptAction, takes_input

# These parts of the module's answer are about sites.
OF_SITES = ("directories", "files", "unwanted", "services", "certificates", "acme", "nginx", "ipv6", "drained", "tree", "former_backend")


class LookingAction(KeptAction, AppsAction):
    """Sends only those parts of a description that the host needs for its answer."""

    # Digests of secrets by application, as the host that was asked last has kept them. No result of a task has them.
    sealed: Mapping[str, SealedSecrets] = {}

    def look(
        self, apps: Sequence[App], of_sites: Mapping[str, t.Any], args: Mapping[str, t.Any], task_vars: App
    ) -> tuple[App, dict[str, str]]:
        """Return what the module ``host_look`` answers, and the messages of applications that this host cannot have.

        :param apps: complete descriptions of those applications whose packages, users, directories and releases are looked at
        :param of_sites: what is looked at for the web server, as the module's option ``sites`` has it; empty for nothing
        :param args: ``variable`` and ``left_out`` of the task
        :raises AnsibleActionFail: if the host cannot be used at all
        """
        asked = {name: of_sites[name] for name in ("directories", "services", "tree") if name in of_sites}
        sites = self._sites(of_sites, args, task_vars) if of_sites else None
        if sites:
            asked |= sites.asked(of_sites)
        of_nginx = asked.pop("packages", [])
        packages = {app["name"]: app["packages"] for app in apps}
        if apps and sites:
            asked["instances"] = True
        asked["apps"] = [{**places(app), "python": app["python"]} for app in apps]
        asked["packages"] = sorted({*of_nginx, *(name for names in packages.values() for name in names)})
        answer = self._ask(asked, task_vars)
        self.sealed = answer.get("instances", {}).pop("sealed", {})
        unknown, certbot, failures = answer.pop("unknown", []), answer.pop("certbot", ""), answer.pop("failures")
        lacking = set(answer["packages"]).difference(unknown)
        answer["packages_of"] = {name: found for name, names in packages.items() if (found := [each for each in names if each in lacking])}
        answer["packages"] = sorted({name for names in answer["packages_of"].values() for name in names})
        about_sites = {key: answer.pop(key) for key in OF_SITES}
        if sites:
            about_sites["variables"] = without_secrets(sites.variables if about_sites["ipv6"] else without_ipv6(sites.variables))
            answer["sites"] = _lacked({**about_sites, "packages": sorted(lacking.intersection(of_nginx))})
            failures = {**sites.unmet(about_sites["nginx"], certbot, unknown), **failures}
        return answer, failures

    def _ask(self, asked: Mapping[str, t.Any], task_vars: App) -> App:
        """Return the answer of the module ``host_look``, which keeps the program on a host that can be asked for it, except in check mode.

        A look changes nothing, so the module is also sent where the program crashed or was killed.

        :raises AnsibleActionFail: if the host cannot be used at all
        """
        answer = self.ask_program("host_look", {**asked}, task_vars)
        if answer is None or (answer.get("failed") and not answer.get("msg")):
            kept = {"name": program_id(KEPT), "packed": base64.b64encode(host_program(KEPT)).decode()}
            answer = self.ask_module("host_look", {**asked, "program": kept} if takes_input(self._connection) else {**asked}, task_vars)
        self.require_success("host_look", answer, task_vars)
        return answer

    def _sites(self, asked: Mapping[str, t.Any], args: Mapping[str, t.Any], task_vars: App) -> AskedSites:
        """Return the sites that are asked about.

        :raises AnsibleActionFail: with a line for each problem of a variable
        """
        try:
            variables = resolve_variables(self.variables_of("nginx_site", task_vars))
        except AppError as error:
            raise AnsibleActionFail(str(error)) from None
        # A site needs no more than the name of its application.
        require, self.require = self.require, ()
        described = self.resolve({**args, "apps": asked.get("apps", []), "left_out": {}}, task_vars)
        self.require = require
        return AskedSites(variables, ServedSites(described, args["left_out"]))


def _lacked(sites: App) -> App:
    """Return what a host lacks for its sites, with what the role makes itself of it, since certificates of a CA come when nginx serves.

    The last order for the files of nginx counts only where nothing is lacking.
    """
    own = [name for name in sites["certificates"] if name not in sites["acme"]]
    lacks = any([sites["packages"], sites["directories"], sites["files"], own])
    return {**sites, "own_certificates": own, "lacks": lacks, "tree": {} if lacks else sites["tree"]}
