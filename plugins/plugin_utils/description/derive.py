# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fill in what follows from the keys that the user wrote."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from ...module_utils.app.layout import AccountApp, Layout
from ..uwsgi.packages import DEFAULT_UWSGI, GEVENT, package_version
from .keys import DEFAULT_HEADERS

# On every supported distribution the web server's workers run in this group (Debian policy, base-passwd).
WEB_GROUP = "www-data"
# What a source build of uWSGI needs beside the interpreter.
_BUILD_PACKAGES = ("gcc", "libc6-dev")


def derive(app: dict[str, t.Any]) -> dict[str, t.Any]:
    """Fill in what follows from other keys; what the user wrote stays."""
    name = app["name"]
    app.setdefault("user", f"flask-{name}")
    app.setdefault("root", f"/srv/flask/{name}")
    app.setdefault("config_dir", f"/etc/flask/{name}")
    app.setdefault("run_dir", f"/run/flask/{name}")
    _derive_uwsgi(app)
    app["web_group"] = WEB_GROUP
    app["account"] = _account(app)
    layout = Layout(app["account"])
    app.setdefault("socket", layout.socket)
    pooled = app["uwsgi"]["stream"]["pool"] != "none"
    app.setdefault("stream_socket", layout.stream_socket if pooled else app["socket"])
    nginx = app["nginx"]
    nginx.setdefault("server_names", [name])
    nginx.setdefault("template", f"site_{nginx['front']}.conf.j2")
    # nginx names zones in one namespace for all sites.
    nginx["cache_zone"] = f"flask_{name}"
    # Variables of nginx have no dashes; names of applications have no capitals, so this is still its own.
    # Names of headers are equal in any case.
    own = {header.lower() for header in nginx["headers"]}
    defaults = {header: value for header, value in DEFAULT_HEADERS.items() if header.lower() not in own}
    nginx["headers"] = {**defaults, **{header: str(value) for header, value in nginx["headers"].items()}}
    nginx["variable"] = f"flask_{name.replace('-', 'D')}"
    for route in nginx["routes"]:
        _derive_route(route, nginx["prefix"])
    nginx["host"] = _plain_host(nginx["server_names"][0]) if nginx["server_names"] else name
    app["health"].setdefault("host", nginx["host"])
    app["health"]["prefix"] = nginx["prefix"]
    # Where an instance of ours serves, its name is part of the key of cached answers.
    nginx["public_dir"] = layout.public_current if "source" in app and not nginx["backends"] else ""
    app["site"] = {"name": name, "host": nginx["host"], "routes": nginx["routes"]}
    app["packages"] = sorted({*app["packages"], *_build_packages(app)})
    return app


def _account(app: Mapping[str, t.Any]) -> AccountApp:
    return {
        "name": app["name"],
        "user": app["user"],
        "root": app["root"],
        "config_dir": app["config_dir"],
        "run_dir": app["run_dir"],
        "web_group": app["web_group"],
    }


def _derive_uwsgi(app: dict[str, t.Any]) -> None:
    uwsgi, stream = app["uwsgi"], app["uwsgi"]["stream"]
    prebuilt = "prebuilt" in app.get("source", {})
    # Of a virtualenv that is not ours nothing is known but what is written.
    uwsgi["version"] = list(package_version(uwsgi.get("package", "" if prebuilt else DEFAULT_UWSGI)))
    uwsgi.setdefault("package", DEFAULT_UWSGI)
    uwsgi.setdefault("threads", 1 if "greenlets" in uwsgi else 2)
    _derive_limits(uwsgi)
    _derive_limits(stream)
    if "minimum" in uwsgi["cheaper"]:
        uwsgi["cheaper"].setdefault("initial", uwsgi["cheaper"]["minimum"])
    app.setdefault("strategy", "restart" if "http" in uwsgi else "switch")
    streams = any(route["mode"] == "stream" for route in app["nginx"]["routes"])
    # Who says where requests go has somebody else answer them.
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
    if route["match"] != "regex":
        route["path"] = prefix + route["path"]
    # A static prefix goes before regular expressions.
    modifier = {"exact": "= ", "regex": "~ "}.get(route["match"], "^~ " if route["mode"] == "static" else "")
    route["location"] = modifier + (_quoted(route["path"]) if route["match"] == "regex" else route["path"])
    asked = route["match"] != "regex" and route["mode"] != "static"
    route["probe"] = prefix + route["probe"] if route.get("probe") else route.get("probe", route["path"] if asked else "")
    if route["mode"] == "cache":
        route.setdefault("valid", {"200": "30d"} if route["preset"] == "seed" else {"200": "10m"})


def _quoted(pattern: str) -> str:
    """Return a regular expression as nginx reads it back: in quotes it takes away some backslashes (ngx_conf_file.c, ngx_conf_read_token)."""
    return '"' + re.sub(r"\\(?=[\\\"'trn])", r"\\\\", pattern) + '"'


def _plain_host(server_name: str) -> str:
    """Return a host that a wildcard server name answers."""
    return server_name.replace("*", "www", 1)


def _build_packages(app: Mapping[str, t.Any]) -> list[str]:
    """Return the distribution packages that the virtualenv and its uWSGI need."""
    python = app["python"]
    distribution = re.fullmatch(r"(?:/usr/bin/)?(python3(?:\.\d+)?)", python)
    if not distribution:
        return list(_BUILD_PACKAGES) if _from_source(app) else []
    python = distribution.group(1)
    packages = [f"{python}-venv"]
    if _from_source(app):
        packages += [f"{python}-dev", *_BUILD_PACKAGES]
    return packages


def _from_source(app: Mapping[str, t.Any]) -> bool:
    return app["uwsgi"]["package"].lower().startswith("uwsgi")
