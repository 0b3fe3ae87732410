# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The sites about which a host is asked: what the module ``host_look`` needs of their descriptions, and what of them the host cannot have."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ..acme_program import acme_program, digests
from ..description.tls import directory_url, wanted
from ..site_files.served_sites import ServedSites
from .apps_action import App
from .unmet_by_host import without_http3, without_plugin, without_profiles


class AskedSites(t.NamedTuple):
    """The sites that are asked about.

    :param variables: those of the role ``nginx_site`` in their own types
    :param served: the sites of all applications
    """

    variables: dict[str, t.Any]
    served: ServedSites

    @property
    def acme_server(self) -> str:
        """Return the address of the CA, empty if no site needs one."""
        return directory_url(self.variables["nginx_site_acme_server"]) if self.served.acme else ""

    @property
    def plugins(self) -> dict[str, str]:
        """Return the package of a plugin of certbot by the application that needs it."""
        return {app["name"]: app["nginx"]["tls"]["package"] for app in self.served.present if app["nginx"]["tls"]["package"]}

    def asked(self, given: Mapping[str, t.Any]) -> App:
        """Return what the module is asked about them.

        :param given: what the role asks about, as the option ``sites`` of the module has it
        """
        variables, server = self.variables, self.acme_server
        names = ("nginx_site_listen", "nginx_site_tls_listen") if self.served.certified else ("nginx_site_listen",)
        asked: App = {
            "packages": self.served.packages,
            "files": {**given.get("files", {}), **(given.get("acme_files", {}) if server else {})},
            "unwanted": [path.format(app=name) for name in self.served.gone for path in given.get("leftovers", [])],
            "listen": {name: variables[name] for name in names if name in variables},
            "certificates": [wanted(app, server) for app in self.served.present if app["nginx"]["tls"]["kind"]],
            "names": [self._named(app) for app in self.served.present],
        }
        if server:
            asked["digests"] = digests(acme_program())
        if self.plugins:
            asked["optional"] = sorted(set(self.plugins.values()))
        return asked

    def _named(self, app: App) -> App:
        """Return the server names of an application, and the addresses at which nginx answers for them."""
        listens = ("nginx_site_listen", "nginx_site_tls_listen") if app["nginx"]["tls"]["kind"] else ("nginx_site_listen",)
        # A catch-all has one more name, the last one, that a server of somebody else may have too.
        names = app["nginx"]["server_names"]
        names = names[: len(names) - app["nginx"]["catch_all"]]
        return {"app": app["name"], "names": names, "listen": [value for name in listens for value in self.variables.get(name, [])]}

    def unmet(self, nginx: str, certbot: str, unknown: Sequence[str]) -> dict[str, str]:
        """Return messages of applications that this host cannot have, by name.

        :param nginx: the version of nginx on the host, and ``certbot`` that of certbot
        :param unknown: packages that the host's distribution does not have
        """
        http3 = [app["name"] for app in self.served.present if app["nginx"]["tls"]["kind"] and app["nginx"]["tls"]["http3"]]
        profiled = self.served.acme if self.variables.get("nginx_site_acme_profile") else []
        return {**without_http3(http3, nginx), **without_profiles(profiled, certbot), **without_plugin(self.plugins, unknown)}
