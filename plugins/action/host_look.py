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
# The first version of certbot that knows profiles (CHANGELOG of certbot, 4.0.0).
_PROFILES = (4, 0)


class ActionModule(AppsAction):
    """One round trip, also where two roles ask together."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        given = {"variable": self._task.args.get("variable", "flask_apps"), "left_out": self._task.args.get("left_out", {})}
        apps = present(self.resolve({"apps": self._task.args.get("apps", []), **given}, task_vars))
        of_sites = dict(self._task.args.get("sites", {}))
        http3, profiled = of_sites.pop("http3", []), of_sites.pop("profiled", [])
        asked, plugins = self._about_sites(of_sites, given, task_vars) if of_sites else ({}, {})
        packages = {app["name"]: app["packages"] for app in apps}
        asked["apps"] = [{**places(app), "python": app["python"]} for app in apps]
        asked["packages"] = sorted({*of_sites.get("packages", []), *(name for names in packages.values() for name in names)})
        answer = self.call_module("host_look", asked, task_vars or {})
        unknown = answer.pop("unknown", [])
        certbot = answer.pop("certbot", "")
        lacking = set(answer["packages"]).difference(unknown)
        answer["packages_of"] = {name: found for name, names in packages.items() if (found := [each for each in names if each in lacking])}
        answer["packages"] = sorted({name for names in answer["packages_of"].values() for name in names})
        about_sites = {key: answer.pop(key) for key in _OF_SITES}
        failures = answer["failures"]
        if of_sites:
            answer["sites"] = {**about_sites, "packages": sorted(lacking.intersection(of_sites.get("packages", [])))}
            without = {
                **_without_http3(http3, about_sites["nginx"], given["left_out"]),
                **_without_profiles(profiled, certbot, given["left_out"]),
                **_without_plugin(plugins, unknown),
            }
            failures = {**without, **failures}
        return with_failures({**result, **answer}, given["left_out"], failures)

    def _about_sites(
        self, asked: dict[str, t.Any], given: dict[str, t.Any], task_vars: dict[str, t.Any] | None
    ) -> tuple[dict[str, t.Any], dict[str, str]]:
        """Return what the module is asked about sites, and the package of a plugin of certbot by the application that needs it."""
        asked = dict(asked)
        acme_server = directory_url(asked.pop("acme_server", ""))
        if acme_server:
            asked["digests"] = digests(acme_program())
        # A site needs no more than the name of its application.
        self.require = ()
        sites = present(self.resolve({"apps": asked.pop("certificates_of", []), **given}, task_vars))
        plugins = {app["name"]: app["nginx"]["tls"]["package"] for app in sites if app["nginx"]["tls"]["package"]}
        if plugins:
            asked["optional"] = sorted(set(plugins.values()))
        return {**asked, "certificates": [wanted(app, acme_server) for app in sites if app["nginx"]["tls"]["kind"]]}, plugins


def _without_profiles(wanted_by: list[str], certbot: str, left_out: dict[str, str]) -> dict[str, str]:
    """Return a message for each application that has a certificate from a CA, where certbot cannot ask for a profile of it."""
    if _is_new(certbot, _PROFILES):
        return {}
    return {
        name: f"{name}: nginx_site_acme_profile is set, but certbot {certbot} of this host knows no profiles, which 4.0 brought. Leave the"
        " variable empty for this host, or install a newer certbot, such as that of Debian 13."
        for name in wanted_by
        if name not in left_out
    }


def _is_new(version: str, first: tuple[int, int]) -> bool:
    return not version or tuple(int(part) for part in version.split(".")[:2]) >= first


def _without_plugin(plugins: t.Mapping[str, str], unknown: t.Sequence[str]) -> dict[str, str]:
    """Return a message for each application whose plugin of certbot the host could not install."""
    return {
        name: f"{name}: nginx.tls.dns.plugin needs {package}, which is no package of this host's distribution. Name a plugin that it has, as"
        " `apt-cache search python3-certbot-dns` there lists them, or bring a certificate as tls.certificate."
        for name, package in plugins.items()
        if package in unknown
    }


def _without_http3(wanted_by: list[str], nginx: str, left_out: dict[str, str]) -> dict[str, str]:
    """Return a message for each application that wants HTTP/3 of an nginx that has none. A version that nobody knows is taken for a new one."""
    if _is_new(nginx, _HTTP3):
        return {}
    return {
        name: f"{name}: nginx.tls.http3 is true, but nginx {nginx} of this host has no HTTP/3, which 1.25 brought. Remove the key for this host,"
        " or install a newer nginx, such as that of Debian 13."
        for name in wanted_by
        if name not in left_out
    }
