# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fill in what follows from the keys that the user wrote."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from ...module_utils.app.layout import Layout, own_directories
from ...module_utils.app.uwsgi_package import is_wheel
from ..keys import server_names
from ..keys.modes import MODES, Mode
from ..keys.nginx import HEADER_PRESETS
from ..uwsgi.packages import DEFAULT_UWSGI, GEVENT, package_version
from .access import derive_access, previous_place
from .cache_maps import cache_maps
from .cors import derive_cors
from .error_pages import derive_error_pages
from .platform import DEBIAN
from .rules import rules
from .shared_servers import derive_shared
from .static_pages import derive_pages
from .stream_places import STREAMS_ELSEWHERE, stream_places, streams_for_each
from .tls import derive_clients, derive_hsts, derive_tls, site_certificate

# The keys of a route that those need who ask it; another one may hold passwords.
_ASKED = ("mode", "probe", "proof")
# The paths that a site hides unless a route names them, as in templates/routes.conf.j2 of the role nginx_site.
_HIDDEN = re.compile(r"/\.(?!well-known/)")


def derive(app: dict[str, t.Any]) -> dict[str, t.Any]:
    """Fill in what follows from other keys; what the user wrote stays."""
    name = app["name"]
    app.setdefault("user", f"flask-{name}")
    app.setdefault("root", f"/srv/flask/{name}")
    app.setdefault("config_dir", f"/etc/flask/{name}")
    app.setdefault("run_dir", f"/run/flask/{name}")
    given_socket = "socket" in app
    _derive_uwsgi(app)
    app["web_group"] = DEBIAN.web_group
    app["own_dirs"] = [path for _key, path in own_directories(app)]
    layout = Layout(app)
    app.setdefault("socket", layout.socket)
    pooled = app["uwsgi"]["stream"]["pool"] != "none"
    app.setdefault("stream_socket", layout.stream_socket if pooled else app["socket"])
    streams = STREAMS_ELSEWHERE if given_socket else streams_for_each(stream_places(app["uwsgi"]))
    app["nginx"]["limit"].setdefault("streams", streams)
    _derive_nginx(app["nginx"], name)
    nginx = app["nginx"]
    app["health"].setdefault("host", nginx["host"])
    app["health"]["prefix"] = nginx["prefix"]
    # Answers are cached under a key with the name of the instance if an instance of ours serves them.
    nginx["public_dir"] = layout.public_current if "source" in app and not nginx["backends"] else ""
    app["site"] = {
        "name": name,
        "host": nginx["host"],
        "names": nginx["server_names"],
        "prefix": nginx["prefix"],
        "routes": [{key: route[key] for key in _ASKED if key in route} for route in nginx["routes"]],
        "certificate": site_certificate(nginx["tls"]),
    }
    app["packages"] = sorted({*app["packages"], *DEBIAN.build_packages(app["python"], _from_source(app))})
    return app


def _derive_nginx(nginx: dict[str, t.Any], name: str) -> None:
    _derive_names(nginx, name)
    derive_tls(nginx)
    nginx.setdefault("template", f"site_{nginx['front']}.conf.j2")
    # nginx names zones in one namespace for all sites.
    nginx["cache_zone"] = f"flask_{name}"
    nginx["cache_dir"] = f"{DEBIAN.cache_root}/{name}"
    # A header that the user names replaces a default one, whatever the case of its name.
    own = {header.lower() for header in nginx["headers"]}
    defaults = {header: value for header, value in HEADER_PRESETS[nginx["headers_preset"]].items() if header.lower() not in own}
    nginx["headers"] = {**defaults, **{header: str(value) for header, value in nginx["headers"].items()}}
    # A variable of nginx has no dash. D stands for it: names of applications are lower case, so no two of them become one variable.
    nginx["variable"] = f"flask_{name.replace('-', 'D')}"
    derive_hsts(nginx)
    derive_clients(nginx, name)
    nginx["rules"] = rules(nginx["extra"])
    derive_shared(nginx, name)
    derive_error_pages(nginx, name)
    for index, route in enumerate(nginx["routes"]):
        _derive_route(route, nginx["prefix"])
        # The name of an application has no dot.
        route["zone"] = f"flask_{name}.{index}"
        derive_cors(route, f"{nginx['variable']}_{index}")
        if route.get("files"):
            derive_pages(route, f"{nginx['variable']}_{index}", previous_place(nginx, index))
        if route.get("stores"):
            route["maps"] = cache_maps(route, f"{nginx['variable']}_{index}")
    derive_access(nginx, name)


def _derive_names(nginx: dict[str, t.Any], name: str) -> None:
    """Bring the names of a site into the order that nginx wants: it takes the first one for the host of a request without a host."""
    # An application may be called `default` without being meant for every host.
    names = [server_names.normal(server) for server in nginx["server_names"]] if "server_names" in nginx else [name]
    named = [server for server in names if server != server_names.CATCH_ALL]
    nginx["catch_all"] = len(named) < len(names)
    nginx["server_names"] = named + [server_names.CATCH_ALL] * nginx["catch_all"]
    nginx["host"] = _plain_host(named[0]) if named else name


def _derive_uwsgi(app: dict[str, t.Any]) -> None:
    uwsgi, stream = app["uwsgi"], app["uwsgi"]["stream"]
    prebuilt = "prebuilt" in app.get("source", {})
    # The version of uWSGI in a prebuilt virtualenv is unknown unless the description states it.
    uwsgi["version"] = list(package_version(uwsgi.get("package", "" if prebuilt else DEFAULT_UWSGI)))
    uwsgi.setdefault("package", DEFAULT_UWSGI)
    uwsgi.setdefault("threads", 1 if "greenlets" in uwsgi else 2)
    _derive_limits(uwsgi)
    _derive_limits(stream)
    if "minimum" in uwsgi["cheaper"]:
        uwsgi["cheaper"].setdefault("initial", uwsgi["cheaper"]["minimum"])
    app.setdefault("strategy", "restart" if "http" in uwsgi else "switch")
    streams = any(_mode(route).streams for route in app["nginx"]["routes"])
    # A description with its own `socket` and no `stream_socket` has its streams answered by another server.
    elsewhere = "socket" in app and "stream_socket" not in app
    stream.setdefault("pool", "threads" if prebuilt else "gevent")
    if not streams or elsewhere:
        stream["pool"] = "none"
    uwsgi["gevent"] = list(GEVENT) if "greenlets" in uwsgi or stream["pool"] == "gevent" else []


def _derive_limits(uwsgi: dict[str, t.Any]) -> None:
    """Leave room for the threads of uWSGI and as many of the application's own."""
    uwsgi.setdefault("tasks_max", max(1024, 2 * uwsgi.get("processes", 1) * uwsgi["threads"]))


def _derive_route(route: dict[str, t.Any], prefix: str) -> None:
    if "path" not in route:
        return  # refused already
    route.update(_mode(route).traits())
    route["rules"] = rules(route["extra"])
    if route["match"] != "regex":
        route["path"] = prefix + route["path"]
    # The location of files goes before regular expressions, and so does one whose path the site would hide otherwise.
    first = route["files"] or _HIDDEN.search(route["path"])
    modifier = {"exact": "= ", "regex": "~ "}.get(route["match"], "^~ " if first else "")
    route["location"] = modifier + (_quoted(route["path"]) if route["match"] == "regex" else route["path"])
    # A path of files has an answer of its own only where a page stands for it.
    asked = route["match"] != "regex" and (not route["files"] or "index" in route or "fallback" in route)
    route["probe"] = prefix + route["probe"] if route.get("probe") else route.get("probe", route["path"] if asked else "")
    if route["stores"]:
        route.setdefault("valid", {"200": "30d"} if route["preset"] == "seed" else {"200": "10m"})


def _mode(route: Mapping[str, t.Any]) -> Mode:
    """Return the mode of a route; one that was refused already counts as plain."""
    return MODES.get(route["mode"], MODES["plain"])


def _quoted(pattern: str) -> str:
    """Return a regular expression as nginx reads it back: in quotes it takes away some backslashes (ngx_conf_file.c, ngx_conf_read_token).

    The last one would take away the quote.
    """
    return '"' + re.sub(r"\\(?=[\\\"'trn]|\Z)", r"\\\\", pattern) + '"'


def _plain_host(server_name: str) -> str:
    """Return a host that a wildcard server name answers."""
    return server_name.replace("*", "www", 1)


def _from_source(app: Mapping[str, t.Any]) -> bool:
    return not is_wheel(app["uwsgi"]["package"])
