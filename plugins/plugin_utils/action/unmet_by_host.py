# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Applications that want something of a host which its nginx, its certbot or its distribution lacks, with a message for each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

# The first version of nginx that has HTTP/3 (https://nginx.org/en/docs/quic.html).
_HTTP3 = (1, 25)
# The first version of certbot that knows profiles (CHANGELOG of certbot, 4.0.0).
_PROFILES = (4, 0)


def without_http3(wanted_by: Sequence[str], nginx: str) -> dict[str, str]:
    """Return a message for each application that wants HTTP/3 of an nginx that has none.

    :param nginx: the version that the host has or would get, empty if nobody knows it, which is taken for a new one
    """
    if _is_new(nginx, _HTTP3):
        return {}
    return {
        name: f"{name}: nginx.tls.http3 is true, but nginx {nginx} of this host has no HTTP/3, which 1.25 brought. Remove the key for this host,"
        " or install a newer nginx, such as that of Debian 13."
        for name in wanted_by
    }


def without_profiles(wanted_by: Sequence[str], certbot: str) -> dict[str, str]:
    """Return a message for each application that has a certificate from a CA, where certbot cannot ask for a profile of it.

    :param certbot: the version that the host has or would get, empty if nobody knows it
    """
    if _is_new(certbot, _PROFILES):
        return {}
    return {
        name: f"{name}: nginx_site_acme_profile is set, but certbot {certbot} of this host knows no profiles, which 4.0 brought. Leave the"
        " variable empty for this host, or install a newer certbot, such as that of Debian 13."
        for name in wanted_by
    }


def without_plugin(plugins: Mapping[str, str], unknown: Collection[str]) -> dict[str, str]:
    """Return a message for each application whose plugin of certbot the host could not install.

    :param plugins: the package of the plugin by application
    :param unknown: packages that the host's distribution does not have
    """
    return {
        name: f"{name}: nginx.tls.dns.plugin needs {package}, which is no package of this host's distribution. Name a plugin that it has, as"
        " `apt-cache search python3-certbot-dns` there lists them, or bring a certificate as tls.certificate."
        for name, package in plugins.items()
        if package in unknown
    }


def _is_new(version: str, first: tuple[int, int]) -> bool:
    return not version or tuple(int(part) for part in version.split(".")[:2]) >= first
