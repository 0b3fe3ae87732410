# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rules of the firewall as a file of nftables: what may come in, and nothing else."""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ..host.managed import HEADER

# The only table that this collection changes. Tables of others, such as those of Docker, stay as they are.
TABLE = ("inet", "flaskops")
_NAME = " ".join(TABLE)
# nft makes the table if it is missing and then deletes it, so that this works with and without one. Newer versions have `destroy`.
NO_RULES = f"table {_NAME}\ndelete table {_NAME}\n"
_V6 = (
    "destination-unreachable, packet-too-big, time-exceeded, parameter-problem, echo-request, mld-listener-query, mld-listener-report,"
    " mld-listener-done, mld2-listener-report, nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert,"
    " ind-neighbor-solicit, ind-neighbor-advert"
)
# Connections that go on come first: they are most packets.
_ALWAYS = f"""\
        type filter hook input priority filter; policy drop;

        # Answers to what this host has asked, and connections that go on.
        ct state established,related accept
        # The kernel knows no connection from before the first rules. A packet without SYN belongs to such a one, or to none at all.
        ct state new tcp flags & syn == 0x0 accept
        iifname "lo" accept
        # Hosts find each other and the size of packets by ICMP: without it IPv6 does not work at all.
        icmp type {{ destination-unreachable, time-exceeded, parameter-problem, echo-request }} accept
        icmpv6 type {{ {_V6} }} accept
        # A DHCPv6 server answers from another address than the one that was asked.
        ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept
        ct state invalid drop
"""


@dataclasses.dataclass(frozen=True)
class Opening:
    """Ports that packets may come in by.

    :param why: whose ports they are, as a comment of the file
    :param protocol: ``tcp`` or ``udp``
    :param ports: ports and ranges such as ``60000-60100``
    :param sources: the addresses and networks that may use them, empty for all
    """

    why: str
    protocol: str
    ports: t.Sequence[str]
    sources: t.Sequence[str] = ()

    def lines(self) -> list[str]:
        """Return the rules, one for each family of addresses."""
        ports = f"{self.protocol} dport {{ {', '.join(_merged(self.ports))} }} accept"
        if not self.sources:
            return [ports]
        networks = [ipaddress.ip_network(source, strict=False) for source in self.sources]
        found = []
        for version, match in ((4, "ip saddr"), (6, "ip6 saddr")):
            some = [network for network in networks if network.version == version]
            if some:
                # nft refuses networks that overlap.
                listed = ", ".join(map(str, ipaddress.collapse_addresses(some)))  # type: ignore[type-var]
                found.append(f"{match} {{ {listed} }} {ports}")
        return found


def ruleset(openings: t.Iterable[Opening]) -> str:
    """Return the whole file, which replaces the table in one step."""
    parts = [
        f"        # {opening.why}\n" + "".join(f"        {line}\n" for line in opening.lines()) for opening in openings if opening.ports
    ]
    body = "".join(["    chain input {\n", _ALWAYS, *(f"\n{part}" for part in parts), "    }\n"])
    return f"#!/usr/sbin/nft -f\n{HEADER}{NO_RULES}\ntable {_NAME} {{\n{body}}}\n"


def _merged(ports: t.Iterable[str]) -> list[str]:
    """Return ports and ranges in order, those that overlap as one: nft refuses them otherwise."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(_range(port) for port in ports):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return [str(first) if first == last else f"{first}-{last}" for first, last in found]


def _range(port: str) -> tuple[int, int]:
    first, _dash, last = port.partition("-")
    return int(first), int(last or first)
