# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names of sites: which ones visitors can ask for, how nginx compares them, and what to write instead of the others."""

from __future__ import annotations

import ipaddress
import re
import urllib.parse

# The characters that nginx reads as one plain word, so that no name becomes a second directive.
PATTERN = r"(?!.*\.\.)(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9a-fA-F:]+\]"
_LONGEST_LABEL = 63  # RFC 1035
# What fits into a bucket of server_names_hash_bucket_size 128, which flaskops.conf.j2 sets (ngx_hash.c, NGX_HASH_ELT_SIZE).
_LONGEST = 110
_ALONE = "write the name alone"
# The name of the site that answers every host that no other site has; nginx takes it for a name that nobody asks for.
CATCH_ALL = "_"
_FOR_EVERY_HOST = "write _ for every host that no other site has, or the names that visitors ask for, such as shop.example.com"


def remedy(name: str) -> str:
    """Return what to write instead of a name that no visitor would reach, empty for one that can be used.

    :param name: a server name as the user wrote it
    """
    if _is_catch_all(name):
        return ""
    if re.fullmatch(r"(\*\.)?_+|\*\.?|default_server", name, re.IGNORECASE):
        return _FOR_EVERY_HOST
    if re.search(r"[\s,;]", name.strip()):
        return "write each name as an item of its own"
    return _wildcard_or_regex(name) or _more_than_a_name(name) or _address(name) or _spelling(name)


def _is_catch_all(name: str) -> bool:
    return name.lower() in (CATCH_ALL, "default")


def normal(name: str) -> str:
    """Return a name as browsers send it: in lower case, an IPv6 address in its shortest form. ``default`` is ``_``."""
    if _is_catch_all(name):
        return CATCH_ALL
    # Since Python 3.13 an IPv4 address inside of an IPv6 address is printed with dots: there the user's own spelling stays.
    if name.startswith("[") and _is(ipaddress.IPv6Address, name[1:-1]) and not ipaddress.IPv6Address(name[1:-1]).ipv4_mapped:
        return f"[{ipaddress.IPv6Address(name[1:-1])}]"
    return name.lower()


def _wildcard_or_regex(name: str) -> str:
    if name.startswith("~"):
        return "write each name, or *.example.com for all names below a domain; regular expressions are not taken"
    if re.fullmatch(r"\.[^.].*", name):
        return f"write two items, {name[1:]} and *{name}"
    if "*" in name.removeprefix("*."):
        return "write each name; a wildcard is a leading *. as in *.example.com"
    return ""


def _more_than_a_name(name: str) -> str:
    """Return the remedy for a URL, or a name with a port or a path."""
    if "://" in name:
        try:
            host = urllib.parse.urlsplit(name).netloc.rpartition("@")[2]
        except ValueError:
            host = ""
        host = re.sub(r":\d*$", "", host)
        return f"{_ALONE}, {host}" if _usable(host) else _ALONE
    host, slash, _path = name.partition("/")
    if slash:
        return f"{_ALONE}, {host}" if _usable(host) else _ALONE
    with_port = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]+):\d*", name)
    if with_port:
        return f"{_ALONE}, {with_port.group(1)}, and the port in nginx_site_listen"
    return ""


def _usable(name: str) -> bool:
    return bool(re.fullmatch(PATTERN, name)) and not remedy(name)


def _address(name: str) -> str:
    """Return the remedy for an address that is none, or is not written as browsers send it."""
    if name.startswith("["):
        return "" if _is(ipaddress.IPv6Address, name[1:-1]) and name.endswith("]") else "write an IPv6 address such as [2001:db8::1]"
    if ":" in name and _is(ipaddress.IPv6Address, name):
        return f"write an IPv6 address in brackets, [{name}]"
    if re.search(r"(^|\.)[0-9]+\.?$", name) and not _is(ipaddress.IPv4Address, name):
        return "write a host name, or an address such as 192.0.2.1: browsers take a name that ends in a number for an address"
    return ""


def _is(kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address], text: str) -> bool:
    try:
        # A zone, as in fe80::1%eth0, is of one machine alone.
        return "%" not in text and bool(kind(text))
    except ValueError:
        return False


def _spelling(name: str) -> str:
    """Return the remedy for a name that is spelled otherwise than in a request, or that is too long."""
    if name.endswith(".") and len(name) > 1:
        return f"write it without the dot at its end, {name.rstrip('.')}"
    if not name.isascii():
        try:
            return f"write it as browsers send it, {name.encode('idna').decode()}"
        except UnicodeError:
            return ""
    if len(name) > _LONGEST:
        return f"write a name of at most {_LONGEST} characters, which is what nginx has room for"
    if any(len(label) > _LONGEST_LABEL for label in name.split(".")):
        return f"write a name with at most {_LONGEST_LABEL} characters between two dots, which is what DNS has room for"
    return ""
