# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ports that visitors use, as the applications and the variables of nginx have them."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ..keys import addresses

Opening = dict[str, t.Any]
_LOCAL = ("localhost", "127.", "[::1]")


def openings(variables: Mapping[str, t.Any], apps: Sequence[Mapping[str, t.Any]]) -> list[Opening]:
    """Return what a host is to let in beside SSH, for its module.

    :param variables: those of the firewall and of nginx, in their own types
    :param apps: complete descriptions of the applications that are to be there
    """
    tls = _ports(variables["nginx_site_tls_listen"])
    found = [
        _opening("Visitors of sites: nginx_site_listen, nginx_site_tls_listen", "tcp", [*_ports(variables["nginx_site_listen"]), *tls])
    ]
    if any(app["nginx"]["tls"]["kind"] and app["nginx"]["tls"]["http3"] for app in apps):
        found.append(_opening("Visitors who speak HTTP/3", "udp", tls))
    fronts = variables["nginx_site_front_addresses"]
    if fronts:
        found.append(_opening("Front servers: nginx_site_front_addresses", "tcp", _ports([variables["nginx_site_backend_listen"]]), fronts))
    listed = [_opening("flask_firewall_open", item["protocol"], [item["port"]], item["from"]) for item in variables["flask_firewall_open"]]
    return [opening for opening in [*found, *listed] if opening["ports"]]


def _opening(why: str, protocol: str, ports: Sequence[str], sources: Sequence[str] = ()) -> Opening:
    return {"why": why, "protocol": protocol, "ports": list(dict.fromkeys(ports)), "sources": list(sources)}


def _ports(values: Sequence[str]) -> list[str]:
    """Return the ports of values of nginx's ``listen`` that other hosts can use."""
    found = [listen for listen in map(addresses.parse_listen, values) if listen and listen.port]
    return [str(listen.port) for listen in found if not listen.host.startswith(_LOCAL)]
