# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The sites about which a host is asked: what the module ``host_look`` needs of their descriptions, and what of them the host cannot have."""

from __future__ import annotations

import typing as t
from collections.abc import Sequence

from ..acme_program import acme_program, digests
from ..description.tls import directory_url, wanted
from .apps_action import App
from .unmet_by_host import without_http3, without_plugin, without_profiles


class AskedSites(t.NamedTuple):
    """The sites that are asked about.

    :param variables: those of the role ``nginx_site`` in their own types
    :param certified: whether any site has TLS, also one of an application that has failed
    :param wanted: complete descriptions of the applications that have not failed
    """

    variables: dict[str, t.Any]
    certified: bool
    wanted: list[App]

    @property
    def by_acme(self) -> list[str]:
        """Return the names of applications whose certificate comes from a CA."""
        return [app["name"] for app in self.wanted if app["nginx"]["tls"]["kind"] == "acme"]

    @property
    def acme_server(self) -> str:
        """Return the address of the CA, empty if no site needs one."""
        return directory_url(self.variables["nginx_site_acme_server"]) if self.by_acme else ""

    @property
    def plugins(self) -> dict[str, str]:
        """Return the package of a plugin of certbot by the application that needs it."""
        return {app["name"]: app["nginx"]["tls"]["package"] for app in self.wanted if app["nginx"]["tls"]["package"]}

    def asked(self) -> App:
        """Return what the module is asked about them."""
        variables, server = self.variables, self.acme_server
        names = ("nginx_site_listen", "nginx_site_tls_listen") if self.certified else ("nginx_site_listen",)
        asked: App = {
            "listen": {name: variables[name] for name in names if name in variables},
            "certificates": [wanted(app, server) for app in self.wanted if app["nginx"]["tls"]["kind"]],
            "names": [self._named(app) for app in self.wanted],
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
        http3 = [app["name"] for app in self.wanted if app["nginx"]["tls"]["kind"] and app["nginx"]["tls"]["http3"]]
        profiled = self.by_acme if self.variables.get("nginx_site_acme_profile") else []
        return {**without_http3(http3, nginx), **without_profiles(profiled, certbot), **without_plugin(self.plugins, unknown)}
