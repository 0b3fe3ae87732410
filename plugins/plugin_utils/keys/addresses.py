# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Addresses as nginx takes them, checked so that a typo is one message with the remedy instead of what ``nginx -t`` says of a file.

Each ``…_remedy`` returns what to write instead of a value, and an empty text for one that can be used.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

# Parts of patterns: an IPv4 address, and a port that a user may choose.
IPV4 = r"(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}"
PORT = r"([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
LISTEN_REMEDY = "write a port, or an address with a port, such as 80, 192.0.2.1:8080 or [::]:80"
NETWORK = r"[0-9a-fA-F:.]+(/[0-9]{1,3})?"
NETWORK_REMEDY = "write an address or a network, such as 192.0.2.10 or 10.0.0.0/8"
BACKEND_REMEDY = "write an address and a port, such as 192.0.2.11:8000"
_ITEMS_REMEDY = "write each address as an item of its own"
_HTTP_PORT = 80  # what nginx listens on where no port is written
# What may follow an address in `listen` (ngx_http_core_module).
_PARAMETERS = (
    r"default_server|ssl|http2|quic|proxy_protocol|deferred|bind|reuseport|multipath|ipv6only=(on|off)"
    r"|(setfib|fastopen)=[0-9]+|backlog=-?[0-9]+|(rcvbuf|sndbuf)=[0-9]+[kKmM]?|so_keepalive=(on|off|[0-9smh]*:[0-9smh]*:[0-9]*)"
)
# Where nothing can be asked by plain HTTP over TCP.
_NOT_PLAIN = {"ssl", "quic", "proxy_protocol"}

# The role writes these itself where TLS is spoken.
_TLS_PARAMETERS = {"ssl", "http2", "quic", "default_server"}


class Listen(t.NamedTuple):
    """One value of ``listen``: where nginx listens, and with which parameters."""

    host: str
    port: int
    parameters: tuple[str, ...]


def parse_listen(value: str) -> Listen | None:
    """Return the parts of a value of ``listen``, ``None`` for one that nginx would refuse. A unix socket has no port: 0."""
    place, *parameters = value.split() or [""]
    if not all(re.fullmatch(_PARAMETERS, parameter) for parameter in parameters):
        return None
    if re.fullmatch(r"unix:(/[A-Za-z0-9._@+-]+)+", place):
        return Listen(place, 0, tuple(parameters))
    host, port = ("*", place) if place.isdigit() else _split(place)
    if not (host in ("*", "localhost") or _is_ip(host)) or not _is_port(port):
        return None
    return Listen(host, int(port), tuple(parameters))


def listen_remedy(value: str) -> str:
    """Return the remedy for a value of ``listen``."""
    if parse_listen(value):
        return ""
    place, *parameters = value.split() or [""]
    if "," in value or any(parse_listen(parameter) for parameter in parameters):
        return _ITEMS_REMEDY
    if parameters and parse_listen(place):
        wrong = next(parameter for parameter in parameters if not re.fullmatch(_PARAMETERS, parameter))
        return f"remove '{wrong}', which is no parameter of nginx's listen"
    if _is_ip(f"[{place}]"):
        return f"write an IPv6 address in brackets and a port, [{place}]:80"
    return LISTEN_REMEDY


def tls_listen_remedy(value: str) -> str:
    """Return the remedy for a value of ``listen`` where TLS is spoken."""
    listen = parse_listen(value)
    added = _TLS_PARAMETERS.intersection(listen.parameters) if listen else ()
    if added:
        return f"remove '{min(added)}', which the role adds by itself"
    return listen_remedy(value) or ("" if listen and listen.port else LISTEN_REMEDY)


def same_place(one: Listen, other: Listen) -> bool:
    """Return whether nginx would refuse two values in one server: it listens at one address and port once, over TCP and over UDP."""
    hosts = [{"0.0.0.0": "*"}.get(each.host, each.host) for each in (one, other)]
    return hosts[0] == hosts[1] and one.port == other.port and ("quic" in one.parameters) == ("quic" in other.parameters)


def plain_addresses(values: t.Iterable[str]) -> list[str]:
    """Return the addresses and ports where plain HTTP is spoken over TCP, without the parameters of ``listen``."""
    found = [listen for listen in map(parse_listen, values) if listen and listen.port and not _NOT_PLAIN & set(listen.parameters)]
    return [str(listen.port) if listen.host == "*" else f"{listen.host}:{listen.port}" for listen in found]


def network_remedy(value: str) -> str:
    """Return the remedy for an address or a network, as nginx's ``geo`` and ``set_real_ip_from`` both take them."""
    try:
        # Python takes a netmask and a zone as well, nginx does not.
        if re.fullmatch(NETWORK, value) and ipaddress.ip_network(value, strict=False):
            return ""
    except ValueError:
        pass
    if re.search(r"[,\s]", value):
        return _ITEMS_REMEDY
    return f"write it without brackets, {value[1:-1]}" if _is_ip(value) else NETWORK_REMEDY


def backend_remedy(value: str) -> str:
    """Return the remedy for an address and a port that nginx listens on and connects to."""
    host, port = _split(value, "")
    return "" if (host == "localhost" or _is_ip(host)) and _is_port(port) else BACKEND_REMEDY


def port_range_remedy(value: str) -> str:
    """Return the remedy for a port or a range of ports."""
    ports = value.split("-")
    if len(ports) <= 2 and all(_is_port(port) for port in ports) and int(ports[0]) <= int(ports[-1]):
        return ""
    return "write a port from 1 to 65535, or two with a dash, the smaller one first, such as 60000-60100"


def _split(place: str, default_port: str = str(_HTTP_PORT)) -> tuple[str, str]:
    """Return host and port; an IPv6 address is in brackets."""
    found = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]+)(?::(.*))?", place)
    if not found:
        return "", ""
    return found.group(1), default_port if found.group(2) is None else found.group(2)


def _is_port(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,5}", text)) and 0 < int(text) < 65536


def _is_ip(host: str) -> bool:
    """Return whether a host is an IPv4 address, or an IPv6 address in brackets."""
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        return "%" not in host and bool((ipaddress.IPv6Address if bracketed else ipaddress.IPv4Address)(host.strip("[]")))
    except ValueError:
        return False
