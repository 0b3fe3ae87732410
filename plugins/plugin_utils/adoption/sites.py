# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The site of an application, from all servers of nginx that lead to it."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..keys.key import ABSOLUTE, SIZE
from ..keys.routes import PLAIN_PATH
from ..keys.server_names import CATCH_ALL, PATTERN, normal, remedy
from .findings import Left, Program
from .nginx_files import MAIN, Directive
from .routes import Leaving, Route, access_of, headers_of, route_of, unknown
from .web import Web, WebServer

_PLAIN, _SECURE = "80", "443"


@dataclasses.dataclass
class FoundSite:
    """The site that the servers become.

    :param nginx: the key ``nginx`` of a description
    :param files: the files of nginx that have nothing but servers of this application
    """

    nginx: dict[str, t.Any]
    left: list[Left]
    files: list[str]
    prefix: str = ""


def site_of(web: Web, program: Program, taken: set[str]) -> FoundSite:
    """Return the site of an application.

    :param taken: server names that other applications have got; those of this one are added
    """
    leaving = Leaving()
    servers = _servers(web, program)
    if not servers:
        leaving.leave(
            program.place, f"no server of nginx leads to {', '.join(program.addresses) or 'this program'}", "write nginx.server_names"
        )
        return FoundSite({"server_names": [f"{program.name}.invalid"]}, leaving.left, [])
    first = servers[0]
    redirects = [
        server for server in web.servers if server not in servers and _target(server) & {name for each in servers for name in each.names}
    ]
    nginx: dict[str, t.Any] = {"server_names": _names(servers, leaving)}
    routes, prefix = _routes(web, program, first, leaving)
    for other in servers[1:]:
        if _routes(web, program, other, Leaving())[0] != routes:
            leaving.leave(other.directive.place, "this server has other locations than that of the same application", "compare the two")
    if any(passing.hop == "proxy" and passing.through for _location, passing in web.locations(first)):
        nginx["front"] = "proxy"
    nginx["routes"] = routes
    nginx |= _settings(web, first, leaving)
    nginx |= _tls(servers, redirects, leaving)
    _add_redirects(nginx, redirects, leaving)
    _ports(servers, leaving)
    if any(server.file == MAIN for server in servers):
        leaving.leave(first.directive.place, "the server stands in nginx.conf itself", "take it out by hand when you go over")
    nginx["server_names"] = _free(nginx["server_names"], taken, first, leaving) or [f"{program.name}.invalid"]
    return FoundSite(nginx, leaving.left, _files(web, program, servers, redirects), prefix)


def _servers(web: Web, program: Program) -> list[WebServer]:
    found = [server for address in program.addresses for server in web.of(address)]
    found = [server for index, server in enumerate(found) if server not in found[:index]]
    # The server with TLS says most.
    return sorted(found, key=lambda server: not server.secure)


def _routes(web: Web, program: Program, server: WebServer, leaving: Leaving) -> tuple[list[Route], str]:
    """Return the routes of a server, and the path below which the application is mounted."""
    ours = {id(location): passing for location, passing in web.locations(server) if passing.address in program.addresses}
    passed_on = {id(location): passing for location, passing in web.locations(server)}
    root = server.directive.value("root")
    routes: list[Route] = []
    for location in _locations(server.directive):
        named = _fallback(location, server)
        passing = ours.get(id(location)) or (ours.get(id(named)) if named else None)
        if id(location) in passed_on and not passing:
            leaving.leave(
                location.place, f"{' '.join(location.args)} leads to another server", "describe that one too, or write it into nginx.extra"
            )
            continue
        if named and passing:
            remedy = "write a route with mode: static for each directory of files"
            leaving.leave(location.place, f"{' '.join(location.args)} is answered from files first", remedy)
            location = dataclasses.replace(location, block=[*location.block, *named.block])
        route = route_of(location, passing, root, program.directory, leaving)
        if route:
            routes.append(route)
    routes += [
        {"path": url, "mode": "static", "directory": directory.removeprefix(f"{program.directory}/")}
        for url, directory, _place in program.statics
        if directory.startswith(f"{program.directory}/")
        and re.fullmatch(PLAIN_PATH, url)
        and url not in [route["path"] for route in routes]
    ]
    unique = {(route.get("match"), route["path"]): route for route in reversed(routes)}
    return [_below(route, program.prefix) for route in reversed(unique.values())] or [{"path": "/"}], program.prefix


def _below(route: Route, prefix: str) -> Route:
    """Return a route whose path begins at the prefix of its application."""
    path = route["path"]
    return (
        {**route, "path": path.removeprefix(prefix) or "/"}
        if prefix and "match" not in route and f"{path}/".startswith(f"{prefix}/")
        else route
    )


def _locations(block: Directive) -> t.Iterator[Directive]:
    for each in block.all("location"):
        yield each
        yield from _locations(each)


def _fallback(location: Directive, server: WebServer) -> Directive | None:
    """Return the named location that answers where ``try_files`` finds nothing."""
    last = (location.value("try_files").split() or [""])[-1]
    return next((each for each in server.directive.all("location") if each.args == [last]), None) if last.startswith("@") else None


def _names(servers: t.Sequence[WebServer], leaving: Leaving) -> list[str]:
    names: list[str] = []
    for server in servers:
        for name in server.names:
            if name == CATCH_ALL or (re.fullmatch(PATTERN, name) and not remedy(name)):
                names.append(normal(name))
            elif re.fullmatch(r"\.[^.].*", name) and re.fullmatch(PATTERN, name[1:]):
                names += [name[1:], f"*{name}"]
            else:
                leaving.leave(
                    server.directive.place, f"the server name {name} cannot be used", remedy(name) or "write the names that are meant"
                )
        if server.default or not server.names:
            names.append(CATCH_ALL)
    return list(dict.fromkeys(names))


def _free(names: t.Sequence[str], taken: set[str], server: WebServer, leaving: Leaving) -> list[str]:
    """Return the names that no other application has."""
    for name in names:
        if name in taken:
            says = f"{name} is also a name of another application"
            leaving.leave(server.directive.place, says, "give one of the two a name of its own, or a prefix")
    free = [name for name in names if name not in taken]
    taken.update(free)
    return free


def _settings(web: Web, server: WebServer, leaving: Leaving) -> dict[str, t.Any]:
    """Return what holds for the whole site."""
    found: dict[str, t.Any] = {}
    size = server.directive.value("client_max_body_size") or web.http.value("client_max_body_size")
    if size and re.fullmatch(SIZE, size):
        found["max_body_size"] = size
    if headers := headers_of(server.directive, leaving):
        found["headers"] = headers
    # A level of nginx that has such a directive inherits none.
    access = access_of(server.directive, leaving) or access_of(web.http, leaving)
    if access:
        found["access"] = access
    unknown(server.directive, leaving)
    return found


def _tls(servers: t.Sequence[WebServer], redirects: t.Sequence[WebServer], leaving: Leaving) -> dict[str, t.Any]:
    secure = next((server for server in servers if server.secure), None)
    if secure is None:
        return {}
    certificate, key = secure.directive.value("ssl_certificate"), secure.directive.value("ssl_certificate_key")
    if not re.fullmatch(ABSOLUTE, certificate) or not re.fullmatch(ABSOLUTE, key):
        leaving.leave(secure.directive.place, "certificate and key have no paths of plain characters", "write nginx.tls")
        return {}
    tls: dict[str, t.Any] = {"certificate": certificate, "key": key}
    plain = [server for server in servers if _PLAIN in server.ports and _PLAIN not in server.secure]
    if plain or not any(_PLAIN in server.ports for server in redirects):
        tls["redirect"] = False
    strict = next((each for each in secure.directive.all("add_header") if each.args[:1] == ["Strict-Transport-Security"]), None)
    age = re.search(r"max-age=([0-9]{1,9})", " ".join(strict.args) if strict else "")
    tls["hsts"] = int(age[1]) if age else 0
    if "/letsencrypt/" in certificate:
        remedy = "write tls: {acme: true} in its place, and the server renews it by itself; until then certbot has to go on"
        leaving.leave(secure.directive.place, "the certificate is one of certbot", remedy)
    return {"tls": tls}


def _target(server: WebServer) -> set[str]:
    """Return the names that a server which does nothing else redirects to."""
    if any(each.name == "location" and not _is_challenge(each) for each in server.directive.block):
        return set()
    found: set[str] = set()
    for each in [*server.directive.all("return"), *(inner for block in server.directive.all("if") for inner in block.all("return"))]:
        host = re.match(r"https?://([^/$]+|\$host|\$server_name|\$http_host)", each.args[1] if len(each.args) > 1 else "")
        if host:
            found |= set(server.names) if host[1].startswith("$") else {host[1]}
    return found


def _is_challenge(location: Directive) -> bool:
    return any("/.well-known/acme-challenge" in word for word in location.args)


def _add_redirects(nginx: dict[str, t.Any], redirects: t.Sequence[WebServer], leaving: Leaving) -> None:
    """Have other names that lead to the site, such as the one with ``www.``, go on to lead there."""
    for server in redirects:
        returned = next((each.args for each in server.directive.all("return") if len(each.args) > 1), None)
        for name in server.names:
            if not returned or name in nginx["server_names"] or not re.fullmatch(PATTERN, name):
                continue
            if not re.fullmatch(r"https?://[A-Za-z0-9.$_-]+[A-Za-z0-9$_/.-]*", returned[1]) or returned[0] not in (
                "301",
                "302",
                "307",
                "308",
            ):
                leaving.leave(server.directive.place, f"{name} redirects to {returned[1]}", "write it into nginx.extra")
                continue
            nginx["server_names"].append(name)
            nginx.setdefault("extra", []).append(f'if ($host = "{name}") {{ return {returned[0]} {returned[1]}; }}')


def _ports(servers: t.Sequence[WebServer], leaving: Leaving) -> None:
    for server in servers:
        for port in server.ports:
            if port not in (_PLAIN, _SECURE):
                remedy = "have visitors use 80 and 443, or write nginx_site_listen"
                leaving.leave(server.directive.place, f"the site listens on port {port}", remedy)


def _files(web: Web, program: Program, servers: t.Sequence[WebServer], redirects: t.Sequence[WebServer]) -> list[str]:
    """Return the files that have servers of this application alone, those in between too."""
    between = [passing.through for server in servers for _location, passing in web.locations(server) if passing.through]
    ours = [*servers, *redirects, *between]
    files = {server.file for server in ours} - {MAIN}
    return sorted(file for file in files if all(any(server is each for each in ours) for server in web.servers if server.file == file))
