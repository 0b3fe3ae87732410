# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks of a site's keys with each other: limits that fit together, and directives that nginx would take without effect."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from ..keys.key import DURATION
from ..keys.modes import MODES
from ..keys.server_names import CATCH_ALL, normal
from ..uwsgi.longest_request import seconds
from .access import check_access
from .checks import check_routes
from .error_pages import check_error_pages
from .tls import check_tls
from .validate import Validator, shown

# nginx reads a request's line and headers, and answers a TLS handshake, by the settings of the default server of the address, before it knows
# the site (nginx.org, ngx_http_core_module: "the value from the default server can be used", and "Virtual server selection").
_OF_DEFAULT_SERVER = (
    "client_header_buffer_size",
    "client_header_timeout",
    "connection_pool_size",
    "http2_max_concurrent_streams",
    "ignore_invalid_headers",
    "large_client_header_buffers",
    "merge_slashes",
    "ssl_protocols",
    "underscores_in_headers",
)
# nginx takes these parameters of an address from one server alone.
_OF_SOCKET = r"deferred|bind|reuseport|multipath|(?:ipv6only|setfib|fastopen|backlog|rcvbuf|sndbuf|so_keepalive)="
_DIRECTIVE = re.compile(rf"(?:^|[;{{}}\n])\s*(?:({'|'.join(_OF_DEFAULT_SERVER)})\b|listen\s[^;]*?\s((?:{_OF_SOCKET})[^\s;]*))")
_OWN_FILE = "write it into a file of your own at the http level, such as /etc/nginx/conf.d/local.conf, where it counts for all sites"
_ELSEWHERE = {
    "large_client_header_buffers": "the server for unknown hosts has 2 20k, and a file of your own with a default_server and"
    " nginx_site_catch_all: false can have another value",
}


def check_site(validator: Validator, where: str, app: Mapping[str, t.Any]) -> None:
    """Refuse keys of ``nginx`` that do not fit together, or not to those of ``uwsgi``.

    :param where: the application
    :param app: a description whose keys are checked one by one
    """
    nginx = app["nginx"]
    check_routes(validator, f"{where}.nginx.routes", nginx["routes"])
    if nginx["backends"] and nginx["front"] != "proxy":
        validator.refuse(f"{where}.nginx.backends", f"is for front: proxy, and this one is {nginx['front']}", "set front: proxy")
    _check_canary(validator, f"{where}.nginx.canary", nginx)
    check_tls(validator, f"{where}.nginx.tls", nginx["tls"])
    check_access(validator, f"{where}.nginx", nginx)
    check_error_pages(validator, f"{where}.nginx", app)
    _check_extra(validator, f"{where}.nginx.extra", nginx)
    _check_times(validator, where, app)
    _check_websockets(validator, where, app)


def _check_canary(validator: Validator, where: str, nginx: Mapping[str, t.Any]) -> None:
    """Refuse a canary that is no part of the backends, or all of them."""
    canary = nginx["canary"]
    strange = [address for address in canary["backends"] if address not in nginx["backends"]]
    if strange:
        validator.refuse(
            f"{where}.backends", f"has {', '.join(map(shown, strange))}, which is not in nginx.backends", "write addresses of that list"
        )
    elif canary["backends"] and not set(nginx["backends"]) - set(canary["backends"]):
        validator.refuse(f"{where}.backends", "has all nginx.backends, so no other visitors are left", "leave some of them out")
    elif (canary["percent"] or canary["cookie"]) and not canary["backends"]:
        validator.refuse(f"{where}.backends", "is empty, but percent or cookie is set", "write some of nginx.backends, or take both out")


def _check_extra(validator: Validator, where: str, nginx: Mapping[str, t.Any]) -> None:
    """Refuse directives that count on the default server of an address only, in a site that is not it."""
    is_default = CATCH_ALL in map(normal, nginx.get("server_names", ()))
    for index, directive in enumerate(nginx["extra"]):
        for found in _DIRECTIVE.finditer(directive):
            name, parameter = found.groups()
            if parameter:
                validator.refuse(f"{where}[{index}]", f"has listen with {parameter}", "write the parameter into nginx_site_listen")
            elif not is_default or name in _ELSEWHERE:
                says = f"has {name}, which counts on the default server of an address only, and nginx would ignore it here"
                validator.refuse(f"{where}[{index}]", says, _ELSEWHERE.get(name, _OWN_FILE))


def _check_times(validator: Validator, where: str, app: Mapping[str, t.Any]) -> None:
    """Refuse a route that waits longer than the user's own ``harakiri`` lets a worker live."""
    harakiri = app["uwsgi"]["options"].get("harakiri")
    if not re.fullmatch(r"[0-9]+", str(harakiri)):
        return  # the role's own value follows the routes
    for index, route in enumerate(app["nginx"]["routes"]):
        mode = MODES.get(route["mode"])
        given = str(route.get("read_timeout", ""))
        if mode is None or not mode.passes or mode.streams or not re.fullmatch(DURATION, given):
            continue
        if given != mode.keys["read_timeout"].default and seconds(given) > int(harakiri):
            says = f"is {given}, but uwsgi.options.harakiri replaces a worker after {harakiri} s"
            remedy = f"write harakiri: {seconds(given)} or leave it out, since its default follows the routes; or lower read_timeout"
            validator.refuse(f"{where}.nginx.routes[{index}].read_timeout", says, remedy)


def _check_websockets(validator: Validator, where: str, app: Mapping[str, t.Any]) -> None:
    """Refuse WebSockets without the stream pool, whose program alone opens them."""
    if app["uwsgi"]["stream"].get("pool") != "none":
        return
    for index, route in enumerate(app["nginx"]["routes"]):
        if route["mode"] in MODES and MODES[route["mode"]].upgrades:
            says = f"is {route['mode']}, but uwsgi.stream.pool is none, and only the stream pool opens WebSockets"
            validator.refuse(f"{where}.nginx.routes[{index}].mode", says, "set the pool to gevent or threads, or take the key out")
