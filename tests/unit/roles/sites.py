# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sites as tests describe them, and the servers and locations of the rendered ones."""

from __future__ import annotations

import re

from ansible_collections.flaskops.stack.tests.unit.parse import Directive
from ansible_collections.flaskops.stack.tests.unit.render import describe

FRONTS = ("direct", "proxy")
HOP = {"direct": "uwsgi", "proxy": "proxy"}
PLAIN, CACHE, STREAM = {"path": "/"}, {"path": "/api", "mode": "cache"}, {"path": "/time/", "mode": "stream"}
# Headers that a client could send to make an application believe something.
TRUSTED_HEADERS = {
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-SSL",
    "X-Real-IP",
    "X-Request-ID",
    "Forwarded",
    "Proxy",
}


def app(front: str = "direct", *routes: dict, **nginx_keys):
    return describe(nginx={"front": front, "server_names": ["shop.example.com"], "routes": list(routes or [PLAIN]), **nginx_keys})


def front_of(http: Directive, name: str = "shop.example.com") -> Directive:
    (found,) = [server for server in http.all("server") if name in server.one("server_name").args and "80" in server.values("listen")]
    return found


SOCKET = "unix:/run/flaskops-nginx/backend.sock"


def backend_of(http: Directive, name: str = "shop.example.com", listen: str = SOCKET) -> Directive:
    """Return the server behind the proxy, the one for front servers on other hosts by its address."""
    (found,) = [server for server in http.all("server") if name in server.one("server_name").args and server.values("listen") == [listen]]
    return found


def catch_alls(http: Directive) -> list[Directive]:
    """Return the servers that answer no host at all: the front one, and the one behind the proxy."""
    return [server for server in http.all("server") if server.values("return") == ["444"]]


def servers_of(http: Directive, front: str, name: str = "shop.example.com") -> list[Directive]:
    """Return every server a request for a site goes through."""
    return [front_of(http, name), *([backend_of(http, name)] if front == "proxy" else [])]


def location(server: Directive, *args: str) -> Directive:
    """Return the location with exactly these arguments."""
    (found,) = [place for place in server.all("location") if place.args == args]
    return found


# The pages that nginx sends in place of an application have locations of their own, in every server.
PAGES = {("^~", "/.flaskops/"), ("^~", "/.flaskops/closed.")}
HIDDEN = ("~", r"/\.(?!well-known/)")


def places(server: Directive) -> set[tuple[str, ...]]:
    """Return the arguments of all locations but those for hidden files and for pages of nginx."""
    return {place.args for place in server.all("location")} - {HIDDEN} - PAGES


def decisions(http: Directive, variable: str) -> dict[str, str]:
    """Return the lines of a map that is evaluated each time it is asked, as one that looks at an answer has to be."""
    found = mapping(http, variable)
    assert found.pop("volatile") == ""
    return found


def decide(lines: dict[str, str], text: str) -> str:
    """Return what a map makes of a text (ngx_http_map_module): an equal line, the first pattern that matches, or the default."""
    if text in lines and text != "default":
        return lines[text]
    for pattern, result in lines.items():
        # In Python, named groups have a P.
        if pattern.startswith("~") and re.search(
            re.sub("^~[*]?", "", pattern).replace("(?<", "(?P<"), text, re.IGNORECASE if pattern.startswith("~*") else 0
        ):
            return result
    return lines["default"]


def mapping(http: Directive, variable: str) -> dict[str, str]:
    """Return what a variable is mapped from."""
    (found,) = [inner for inner in http.all("map") if inner.args[1] == variable]
    return {inner.name: " ".join(inner.args) for inner in found.block}
