# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A location of nginx as a route of a description."""

from __future__ import annotations

import posixpath
import re
import typing as t

from ..keys.key import DURATION, SIZE
from ..keys.modes import MODES
from ..keys.routes import PLAIN_PATH
from .findings import FoundAt, Left
from .nginx_files import Directive
from .web import Passing

Route = dict[str, t.Any]
# Directives that the roles' own files have, or that say nothing about the answer.
_NEEDLESS = re.compile(
    r"access_log|error_log|log_not_found|gzip.*|sendfile.*|tcp_no.*|directio|aio.*|keepalive.*|server_tokens|listen|server_name|charset|ssl.*|"
    r"http2|location|root|alias|index|include|uwsgi_pass|proxy_pass|uwsgi_param|proxy_set_header|proxy_http_version|proxy_redirect|"
    r"(proxy|uwsgi)_(buffering|buffers?|buffer_size|busy_buffers_size|max_temp_file_size|temp_.*|connect_timeout|send_timeout|read_timeout|"
    r"cache.*|ignore_headers|next_upstream.*|intercept_errors|headers_hash.*|hide_header|pass_header|request_buffering)|expires|client_max_body_size|"
    r"add_header|return|deny|allow|auth_basic.*|try_files|default_type|etag|if_modified_since|client_body_.*|send_timeout|types_hash.*|"
    r"large_client_header_buffers|underscores_in_headers|reset_timedout_connection|open_file_cache.*|port_in_redirect|absolute_redirect|"
    r"server_name_in_redirect|merge_slashes|client_header_.*|internal"
)  # fmt: skip
# Parameters and headers that the roles pass to the application, too.
_PASSED_HEADERS = {
    "host", "x-real-ip", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-forwarded-protocol", "x-scheme",
    "connection", "upgrade", "x-request-start", "x-forwarded-ssl", "x-forwarded-server", "accept-encoding",
}  # fmt: skip
_PASSED_PARAMETERS = {
    "QUERY_STRING", "REQUEST_METHOD", "CONTENT_TYPE", "CONTENT_LENGTH", "REQUEST_URI", "PATH_INFO", "DOCUMENT_ROOT", "SERVER_PROTOCOL",
    "REQUEST_SCHEME", "HTTPS", "REMOTE_ADDR", "REMOTE_PORT", "SERVER_PORT", "SERVER_NAME", "SERVER_ADDR", "HTTP_HOST", "UWSGI_SCHEME", "SCRIPT_NAME",
    "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "UWSGI_CHDIR",
}  # fmt: skip
_ADDRESS = re.compile(r"[0-9a-fA-F:.]+(/[0-9]+)?|all")
# Directives by which a block keeps clients out, with the remedy for each.
_GUARDS = {
    "auth_basic": "write access.basic.users with the passwords, which nginx has as hashes only",
    "auth_request": "write access.request",
    "auth_jwt": "have the application check tokens, or write access.request",
    "ssl_verify_client": "write nginx.tls.client_ca",
    "limit_except": "have the application refuse methods",
    "satisfy": "write access",
    "secure_link": "write the directives into extra",
    "if": "write the directive into extra",
}
_HOST_ALONE = {"allow": ["127.0.0.1", "::1"]}
_HEADER = re.compile(r"[A-Za-z0-9-]+")
_VALUE = re.compile(r"[^\x00-\x1f\x7f\"\\$]*")


class Leaving:
    """Collects what no route is made of."""

    def __init__(self) -> None:
        self.left: list[Left] = []

    def leave(self, place: FoundAt | str, what: str, remedy: str) -> None:
        self.left.append(Left(str(place), what, remedy))


def route_of(location: Directive, passing: Passing | None, root: str, code: str, leaving: Leaving) -> Route | None:
    """Return the route of a location, ``None`` if none can be made of it.

    :param root: the directory of the server's files
    :param code: the directory of the application
    """
    route = _path(location, leaving)
    if route is None:
        return None
    if location.all("internal"):
        route |= {"mode": "deny", "status": "404"}
    elif passing:
        route |= _passing(location, passing, route["path"], leaving)
    else:
        answer = _answer(location, leaving) or _static(location, route, root, code, leaving)
        if not answer:
            return None
        route |= answer
    if location.value("client_max_body_size") and re.fullmatch(SIZE, location.value("client_max_body_size")):
        route["max_body_size"] = location.value("client_max_body_size")
    access = access_of(location, leaving) if route.get("mode") != "deny" else {}
    if access:
        route["access"] = access
    _headers(location, route, leaving)
    unknown(location, leaving)
    return route


def _path(location: Directive, leaving: Leaving) -> Route | None:
    modifier, path = ("", *location.args)[-2:] if location.args else ("", "")
    if modifier in ("~", "~*"):
        return {"path": f"(?i){path}" if modifier == "~*" else path, "match": "regex"}
    if not re.fullmatch(PLAIN_PATH, path):
        if not path.startswith("@"):
            leaving.leave(
                location.place, f"the location {' '.join(location.args)} has a path that routes do not have", "write a route for it"
            )
        return None
    return {"path": path, "match": "exact"} if modifier == "=" else {"path": path}


def _passing(location: Directive, passing: Passing, path: str, leaving: Leaving) -> Route:
    """Return mode and settings of a location that passes requests on."""
    hop = passing.hop
    if passing.uri and passing.uri != path:
        says = f"requests below {path} reach the application as {passing.uri}"
        leaving.leave(
            location.place, says, "write nginx.prefix, with which Flask has the path as SCRIPT_NAME, or change the application's routes"
        )
    where = [location, *(each for each in passing.through.directive.below() if each.name == "location")] if passing.through else [location]
    off = any(each.value(f"{kind}_buffering") == "off" for each in where for kind in ("proxy", "uwsgi"))
    unbuffered = any(each.args[:2] == ["X-Accel-Buffering", "no"] for each in location.all("add_header"))
    upgrades = any(each.args[0].lower() == "upgrade" for each in location.all("proxy_set_header") if each.args)
    zone = location.value(f"{hop}_cache")
    route: Route = {}
    if zone and zone != "off":
        route = _cached(location, hop, leaving)
    elif off or unbuffered:
        route = {"mode": "stream"}
    elif upgrades and hop == "proxy" and path != "/":
        route = {"mode": "websocket", "polling": True}
    elif upgrades and hop == "proxy":
        leaving.leave(location.place, "WebSockets may be opened below /", "write a route with mode: websocket for the path that opens them")
    timeout = location.value(f"{hop}_read_timeout")
    if re.fullmatch(DURATION, timeout):
        route["read_timeout"] = timeout
    _told(location, hop, leaving)
    return route


def _cached(location: Directive, hop: str, leaving: Leaving) -> Route:
    """Return a cached route. It is the tutorials' recipe if nginx takes no notice of what answers say of themselves."""
    ignored = {word for each in location.all(f"{hop}_ignore_headers") for word in each.args}
    route: Route = {"mode": "cache"}
    if "Cache-Control" in ignored:
        route["preset"] = "seed"
    valid: dict[t.Any, str] = {}
    for each in location.all(f"{hop}_cache_valid"):
        *statuses, time = each.args
        if re.fullmatch(DURATION, time):
            valid |= {int(status) if status.isdigit() else status: time for status in statuses or ["200", "301", "302"]}
    if valid:
        route["valid"] = valid
    for name in ("key", "bypass", "methods", "min_uses"):
        for each in location.all(f"{hop}_cache_{name}"):
            leaving.leave(each.place, f"{each.name} is not carried over", "see bypass_cookies, bypass_headers and preset of cached routes")
    return route


def _told(location: Directive, hop: str, leaving: Leaving) -> None:
    """Say which parameters and headers the application would get no more."""
    for each in location.all("uwsgi_param") if hop == "uwsgi" else location.all("proxy_set_header"):
        name = each.args[0] if each.args else ""
        known = name in _PASSED_PARAMETERS if hop == "uwsgi" else name.lower() in _PASSED_HEADERS
        if not known:
            remedy = f"write the directive into extra of the route, as uwsgi_param {name if hop == 'uwsgi' else 'HTTP_' + name.upper().replace('-', '_')}"
            leaving.leave(each.place, f"nginx tells the application {name}", remedy)


def _answer(location: Directive, leaving: Leaving) -> Route | None:
    """Return the route of a location that nginx answers itself."""
    for each in location.all("return"):
        status = each.args[0] if each.args else ""
        target = each.args[1] if len(each.args) > 1 else ""
        if status in ("301", "302", "303", "307", "308") and re.fullmatch(r"(https?://|/)[^\s\x00-\x1f\x7f\"';{}\\]*", target):
            return {"mode": "redirect", "to": target, **({} if status == "301" else {"status": status})}
        if status in ("403", "404", "410", "444"):
            return {"mode": "deny", **({} if status == "403" else {"status": "404" if status == "444" else status})}
        leaving.leave(each.place, f"nginx answers {' '.join(location.args)} itself with {status}", "write the directive into nginx.extra")
    if [each.args for each in location.block if each.name in ("allow", "deny")] == [["all"]] and location.all("deny"):
        return {"mode": "deny"}
    return None


def _static(location: Directive, route: Route, root: str, code: str, leaving: Leaving) -> Route | None:
    """Return the route of a location with files, ``None`` if they are not the application's."""
    if location.all("return"):
        return None
    path = route["path"]
    alias, own_root = location.value("alias"), location.value("root") or root
    directory = posixpath.normpath(alias or posixpath.join(own_root, path.lstrip("/"))) if alias or own_root else ""
    if directory and directory.startswith(f"{code}/") and "match" not in route:
        answer: Route = {"mode": "static", "directory": directory.removeprefix(f"{code}/")}
        expires = {"max": "365d", "off": "", "-1": "0", "epoch": "0"}.get(location.value("expires"), location.value("expires"))
        if re.fullmatch(r"[1-9][0-9]{0,8}[smhdw]?", expires):
            answer["max_age"] = expires
        return answer
    says = f"nginx answers {' '.join(location.args)} from {directory or 'files'}"
    leaving.leave(
        location.place, says, "move these files into the source and write a route with mode: static, or write a location into nginx.extra"
    )
    return None


def access_of(block: Directive, leaving: Leaving) -> dict[str, t.Any]:
    """Return the clients that a block answers, the host itself alone if that cannot be told: nothing becomes public by moving."""
    guards = [(each, remedy) for name, remedy in _GUARDS.items() for each in block.all(name) if _is_guard(each)]
    for each, remedy in guards:
        leaving.leave(each.place, f"{each.name} decides who gets an answer", f"{remedy}; until then the host alone gets one")
    if guards:
        return dict(_HOST_ALONE)
    rules = [(each.name, each.args[0] if each.args else "", each.place) for each in block.block if each.name in ("allow", "deny")]
    if not rules:
        return {}
    kinds = [name for name, address, _place in rules if address != "all"]
    closed = rules[-1][:2] == ("deny", "all")
    mixed = kinds not in (sorted(kinds), sorted(kinds, reverse=True))
    if mixed or closed != ("allow" in kinds) or not all(_ADDRESS.fullmatch(address) for _name, address, _place in rules):
        leaving.leave(rules[0][2], "allow and deny cannot be read", "write access; until then the host alone gets an answer")
        return dict(_HOST_ALONE)
    access = {name: [address for kind, address, _place in rules if kind == name and address != "all"] for name in ("allow", "deny")}
    return {name: found for name, found in access.items() if found}


def _is_guard(directive: Directive) -> bool:
    """Return whether a directive keeps some clients out."""
    if directive.name == "if":
        return any(each.name in ("deny", "return") and each.args[:1] != ["301"] for each in directive.below())
    return directive.args[:1] not in (["off"], ["all"] if directive.name == "satisfy" else ["optional_no_ca"])


def headers_of(block: Directive, leaving: Leaving) -> dict[str, str]:
    """Return the headers that a server adds to answers."""
    found = {}
    for each in block.all("add_header"):
        name, value = (*each.args, "", "")[:2]
        if name.lower() in ("strict-transport-security", "x-accel-buffering"):
            continue
        if _HEADER.fullmatch(name) and _VALUE.fullmatch(value):
            found[name] = value
        else:
            leaving.leave(each.place, f"nginx adds the header {name}", "write it into nginx.extra")
    return found


def _headers(location: Directive, route: Route, leaving: Leaving) -> None:
    """Put the headers of a location into ``extra`` of its route; X-Proxy-Cache is that of the roles, too."""
    for each in location.all("add_header"):
        name, value = (*each.args, "", "")[:2]
        if name in ("X-Accel-Buffering", "X-Proxy-Cache", "X-Cache-Status") or name.lower() == "cache-control":
            continue
        if _HEADER.fullmatch(name) and _VALUE.fullmatch(value) and MODES[route.get("mode", "plain")].passes:
            remedy = f"add it in the application, or write `add_header {name} ...;` into nginx.headers for the whole site"
        else:
            remedy = "add it in the application"
        leaving.leave(each.place, f"nginx adds the header {name} here", remedy)


def is_needless(name: str) -> bool:
    """Return whether the roles' own files have a directive, or it says nothing about the answer."""
    return bool(_NEEDLESS.fullmatch(name))


def unknown(block: Directive, leaving: Leaving) -> None:
    """Say which directives of a block are not carried over."""
    for each in block.block:
        if not is_needless(each.name) and each.name not in _GUARDS:
            leaving.leave(each.place, f"the directive {each.name} is not carried over", "write it into extra if the site needs it")
