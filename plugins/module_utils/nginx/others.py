# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find what files of somebody else would do to the sites of this collection, although nginx accepts them."""

from __future__ import annotations

import functools
import re
import typing as t

from .dump import DumpedDirective, distinct, read
from .worker_user import unreached

# Directives that give a variable its value wherever it is used, and which of their words is its name. The last one that nginx reads counts
# for all. `set` is not among them: it counts in its own server alone.
_DEFINING = {"map": -1, "geo": -1, "split_clients": -1, "js_set": 0, "js_var": 0, "perl_set": 0, "keyval": 1}
# nginx makes these out of headers and the like, and lets files define them anew.
_MADE_BY_NGINX = re.compile(r"(http|sent_http|upstream_http|cookie|arg)_")
_VARIABLE = re.compile(r"\$\{?(\w+)")
_CAPTURE = re.compile(r"\(\?P?[<'](\w+)[>']")
_SAME_NAME = re.compile(r"conflicting server name \"([^\"]+)\" on")
# Directives that a site has too if they stand in the http block, and that nobody but the one who wrote them can take back.
_INHERITED = {
    "auth_basic": "the sites of this collection ask for its password too",
    "auth_request": "requests to the sites of this collection are decided by it too",
    "deny": "the sites of this collection have this rule too",
    "limit_conn": "the sites of this collection have this limit too",
    "limit_rate": "the sites of this collection have this limit too",
    "limit_req": "the sites of this collection have this limit too",
    "proxy_method": "sites with `front: proxy` pass on all requests with this method",
    "ssl_verify_client": "the sites of this collection want certificates of their visitors too",
    "sub_filter": "pages of the sites of this collection are changed too",
}
_RENAME = "give the variable another name there"
_EVERY_ADDRESS = ("", "*", "0.0.0.0", "[::]")


class Findings(t.NamedTuple):
    """Sentences about sites that files of somebody else concern.

    :param problems: those about sites that would not be served, of this collection or of somebody else
    :param warnings: those about sites that would be served in another way than their descriptions say
    """

    problems: list[str]
    warnings: list[str]


def inspect(dump: str, is_ours: t.Callable[[str], bool]) -> Findings:
    """Find what files of somebody else would do to the sites of this collection.

    :param dump: what ``nginx -T`` printed, with its warnings
    :param is_ours: tells by its path whether a file is one of this collection
    """
    top = read(dump)
    whole = distinct(top)
    is_ours = functools.cache(is_ours)
    ours = [directive for directive in whole if is_ours(directive.file)]
    if not ours:
        return Findings([], [])
    http = [inner for directive in top if directive.name == "http" for inner in directive.block]
    servers = [directive for directive in http if directive.name == "server"]
    own, foreign = [[server for server in servers if is_ours(server.file) is wanted] for wanted in (True, False)]
    problems = [*_taken_variables(whole, is_ours), *_taken_names(dump, own, foreign), *unreached(top, ours)]
    return Findings(problems, [*_inherited(http, is_ours), *_taken_addresses(own, foreign)])


def _taken_variables(whole: t.Sequence[DumpedDirective], is_ours: t.Callable[[str], bool]) -> t.Iterator[str]:
    """Return the variables that ours define, or that nginx defines for ours, and that another file defines differently."""
    definitions: dict[str, list[DumpedDirective]] = {}
    captures: dict[str, list[DumpedDirective]] = {}
    used = set()
    for directive in whole:
        if directive.name in _DEFINING and directive.args:
            definitions.setdefault(directive.args[_DEFINING[directive.name]].lstrip("$"), []).append(directive)
        words = " ".join((directive.name, *directive.args))
        for name in _CAPTURE.findall(words) if "(?" in words else ():
            captures.setdefault(name, []).append(directive)
        if "$" in words and is_ours(directive.file):
            used.update(name for name in _VARIABLE.findall(words) if _MADE_BY_NGINX.match(name))
    for name in sorted({*definitions, *captures}):
        places = definitions.get(name, []) + captures.get(name, [])
        first = next((place for place in places if is_ours(place.file)), None)
        for other in places:
            if first is None and name in used:
                yield f"{other.place} defines ${name}, which nginx makes out of the request and the sites of this collection need: {_RENAME}"
                break
            if first and name in definitions and other.file != first.file and not is_ours(other.file) and other.text != first.text:
                yield f"{other.place} defines ${name} for all servers, and {first.place} of this collection does so too: {_RENAME}"
                break


def _taken_names(dump: str, own: t.Sequence[DumpedDirective], foreign: t.Sequence[DumpedDirective]) -> t.Iterator[str]:
    """Return the server names of ours that another file has at the same address: nginx takes one of the two servers and no other."""
    ours = {plain_name(name) for server in own for directive in server.block if directive.name == "server_name" for name in directive.args}
    for name in sorted(ours & set(map(plain_name, _SAME_NAME.findall(dump)))):
        for directive in (directive for server in foreign for directive in server.block if directive.name == "server_name"):
            if name in map(plain_name, directive.args):
                yield f"{directive.place} has the server name {name} of a site of this collection: take it out there, or out of nginx.server_names"
                break


def plain_name(name: str) -> str:
    """Return a server name as nginx compares it: in small letters. A name that begins with a dot counts for itself and for all names below it."""
    return name.lower().removeprefix(".")


def _taken_addresses(own: t.Sequence[DumpedDirective], foreign: t.Sequence[DumpedDirective]) -> t.Iterator[str]:
    """Return the addresses at which another file alone listens, so that no request to them comes to ours."""
    listened = {address_of(directive) for server in own for directive in server.block if directive.name == "listen"}
    ports = {port for address, port in listened if address in _EVERY_ADDRESS}
    for directive in (directive for server in foreign for directive in server.block if directive.name == "listen"):
        address, port = address_of(directive)
        if address not in _EVERY_ADDRESS and port in ports and (address, port) not in listened:
            yield (
                f"{directive.place} listens at {address}:{port}, so requests to that address never come to the sites of this collection;"
                f' if they should, add "{address}:{port}" to nginx_site_listen'
            )


def address_of(listen: DumpedDirective) -> tuple[str, str]:
    """Return the address and the port of a ``listen``; a unix socket is an address without a port."""
    value = listen.args[0] if listen.args else ""
    if value.startswith("unix:"):
        return value, ""
    if value.isdigit():
        return "", value
    address, colon, port = value.rpartition(":")
    return (address, port) if colon and port.isdigit() else (value, "80")


def _inherited(http: t.Sequence[DumpedDirective], is_ours: t.Callable[[str], bool]) -> t.Iterator[str]:
    """Return the directives of another file in the http block that sites inherit."""
    others = [directive for directive in http if not is_ours(directive.file)]
    for directive in others:
        if directive.name in _INHERITED and directive.args[:1] != ("off",):
            yield f"{directive.place} has {directive.name} for all servers, so {_INHERITED[directive.name]}; it may stand in a `server` instead"
    endings = {ending for directive in http if directive.name == "types" for kind in directive.block for ending in kind.args}
    if "css" not in endings:
        yield (
            "nginx.conf does not include mime.types, so browsers do not know what the static files of sites are;"
            " add `include /etc/nginx/mime.types;` to its http block"
        )
