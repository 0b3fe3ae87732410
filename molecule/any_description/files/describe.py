"""Print descriptions by chance and what to ask of their sites, as JSON: describe.py FIRST_SEED COUNT.

Each description is there on both fronts, with names of its own, so that all of them are on one host. Each route adds a header with its
number to every answer, so that an answer says whose it is. Which route a request belongs to is computed here, by the rules of nginx's
documentation (ngx_http_core_module, location) and not by the collection's code.
"""

from __future__ import annotations

import json
import random
import re
import sys
import typing as t
from pathlib import Path

from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from ansible_collections.flaskops.stack.tests.unit.roles.any_description import descriptions

FRONTS = ("direct", "proxy")
MARK = "X-Any-Route"
# A path that each regular expression of the generator matches.
_MATCHED = {
    r"\.php$": "/x.php",
    r"^/(a|b)/[0-9]{1,3}$": "/b/12",
    r"^/q\x22$": '/q"',
    r"^/\w+\\": "/w\\",
    r"^/x\s": "/x y",
    r"/\.git": "/z/.git",
    r"^/(?<year>\d+)/": "/1999/",
}
_HIDDEN = re.compile(r"/\.(?!well-known/)")


def described(seed: int, front: str, first: bool) -> list[dict[str, t.Any]] | None:
    """Return the applications of a seed with names of their own, ``None`` if the check refuses them."""
    apps = descriptions(seed)
    suffix = f"s{seed}{front[0]}"
    for app in apps:
        app["name"] = f"{suffix}-{app['name']}"
        app["socket"] = f"/run/stub/{app['name']}.sock"
        app["source"] = {"prebuilt": "/opt/nothing", "virtualenv": "/opt/nothing"}
        del app["wsgi"]
        nginx = app["nginx"]
        nginx["front"] = front
        # Hosts elsewhere are nobody's here.
        nginx.pop("backends", None)
        nginx.pop("canary", None)
        if "server_names" in nginx:
            nginx["server_names"] = [_own_name(name, suffix, seed, front, first) for name in nginx["server_names"]]
        for number, route in enumerate(nginx.get("routes", [])):
            route["extra"] = [*route.get("extra", []), f"add_header {MARK} {app['name']}.{number} always;"]
            route["probe"] = ""
    try:
        resolve_apps(apps, [], "any")
    except AppError:
        return None
    return apps


def _own_name(name: str, suffix: str, seed: int, front: str, first: bool) -> str:
    """Return a server name that no other description has."""
    if name == "_":
        return "_" if first else f"any.{suffix}.test"
    if name[0].isdigit():
        return f"192.0.{2 + FRONTS.index(front)}.{seed % 250}"
    return re.sub(r"example\.com$", f"{suffix}.test", name)


def chosen(first_seed: int, count: int) -> tuple[list[int], list[dict[str, t.Any]]]:
    """Return the seeds from the first one on that are served on one front at least, and their applications."""
    seeds: list[int] = []
    apps: list[dict[str, t.Any]] = []
    taken = False
    seed = first_seed
    while len(seeds) < count:
        found = [group for front in FRONTS if (group := described(seed, front, not taken and front == FRONTS[seed % len(FRONTS)]))]
        for group in found:
            taken = taken or any("_" in app["nginx"].get("server_names", ()) for app in group)
            apps += group
        seeds += [seed] if found else []
        seed += 1
    return seeds, apps


class Site:
    """The complete applications with one server, and the requests that go to it."""

    def __init__(self, apps: list[dict[str, t.Any]]) -> None:
        self.apps = apps
        name = apps[0]["nginx"]["server_names"][0]
        self.host = name.replace("*", "x") if name != "_" else "whoever.test"
        self.tls = any(app["nginx"]["tls"]["kind"] for app in apps)
        self.redirect = any(app["nginx"]["tls"]["kind"] and app["nginx"]["tls"]["redirect"] for app in apps)

    def requests(self) -> t.Iterator[dict[str, t.Any]]:
        for app in self.apps:
            for route in app["nginx"]["routes"]:
                path = _path_of(route, app["nginx"]["prefix"])
                if path:
                    yield self._request(path)

    def _request(self, path: str) -> dict[str, t.Any]:
        """Return a request with what must answer it."""
        owner, number = self._route_of(path)
        asked = {
            "host": self.host,
            "path": path,
            "tls": self.tls,
            "redirect": self.redirect,
            "mark": "",
            "stub": "",
            "statuses": [404],
            "pages": [],
        }
        if owner is None:
            return asked
        if number < 0:
            # No route, or a file that begins with a dot: nginx says itself that there is nothing.
            return asked
        route = owner["nginx"]["routes"][number]
        # A page in place of an answer has a location of its own, which adds no mark, and so has the word that only WebSockets are opened.
        pages = [426, 429, *map(int, owner["nginx"]["error_pages"])]
        # Without routes of its own a description has one for /, without a mark.
        mark = f"{owner['name']}.{number}" if any(MARK in directive for directive in route["extra"]) else ""
        return {**asked, **_answer_of(owner, route, path), "mark": mark, "pages": pages}

    def _route_of(self, path: str) -> tuple[dict[str, t.Any] | None, int]:
        """Return the application and the number of its route that a path belongs to, -1 for none of its routes."""
        own = [app for app in self.apps if _is_below(path, app["nginx"]["prefix"])]
        app = max(own, key=lambda one: len(one["nginx"]["prefix"]), default=None)
        if app is None:
            return None, -1
        routes = list(enumerate(app["nginx"]["routes"]))
        for number, route in routes:
            if route["match"] == "exact" and path == route["path"]:
                return app, number
        prefixes = [(number, route) for number, route in routes if route["match"] == "prefix" and path.startswith(route["path"])]
        longest = max(prefixes, key=lambda found: len(found[1]["path"]), default=None)
        # A prefix of files goes before regular expressions (^~), and so does one that names a hidden place.
        if longest and longest[1]["location"].startswith("^~"):
            return app, longest[0]
        if _HIDDEN.search(path):
            return app, -1
        for number, route in routes:
            if route["match"] == "regex" and re.search(_of_python(route["path"]), path):
                return app, number
        return app, longest[0] if longest else -1


def _is_below(path: str, prefix: str) -> bool:
    return not prefix or path == prefix or path.startswith(f"{prefix}/")


def _path_of(route: dict[str, t.Any], prefix: str) -> str:
    """Return a path that a route is for; another one may take it away."""
    if route["match"] == "regex":
        path = prefix + _MATCHED[route["path"]]
        return path if re.search(_of_python(route["path"]), path) else ""
    if route["mode"] == "static":
        return f"{route['path'].rstrip('/')}/page.txt"
    return route["path"] if route["match"] == "exact" else route["path"] + ("page.txt" if route["path"].endswith("/") else "")


def _of_python(pattern: str) -> str:
    return pattern.replace("(?<", "(?P<")


def _answer_of(app: dict[str, t.Any], route: dict[str, t.Any], path: str) -> dict[str, t.Any]:
    """Return which statuses an answer may have, and what the application that gives it must have been told."""
    nginx = app["nginx"]
    rules = [route["access"], nginx["access"]]
    forbidden = [403] if any(rule.get("allow") or rule.get("deny") for rule in rules) else []
    login = [401] if any(rule.get("basic") for rule in rules) else []
    busy = [429] if any("rate" in limit for limit in (route["limit"], nginx["limit"])) else []
    refused = [*forbidden, *login, *busy]
    if route["mode"] == "deny":
        return {"statuses": [int(route["status"]), *refused]}
    if route["mode"] == "redirect":
        return {"statuses": [int(route["status"]), *refused], "leads": route["to"].partition("$")[0]}
    if route["mode"] == "static":
        return {"statuses": [200, *refused], "file": f"page of {app['name']}\n"}
    told = {"stub": app["name"], "path_info": path[len(nginx["prefix"]) :], "script_name": nginx["prefix"]}
    if route["mode"] == "websocket":
        return {"statuses": [200 if route["polling"] else 426, *refused], **told}
    return {"statuses": [200, *refused], **told, "cached": route["mode"] == "cache"}


def sites(apps: list[dict[str, t.Any]]) -> t.Iterator[Site]:
    """Yield the servers: applications with the same names are on one."""
    groups: dict[tuple[str, ...], list[dict[str, t.Any]]] = {}
    for app in resolve_apps(apps, [], "any"):
        groups.setdefault(tuple(sorted(app["nginx"]["server_names"])), []).append(app)
    yield from map(Site, groups.values())


def directories(apps: list[dict[str, t.Any]]) -> dict[str, list[str]]:
    """Return where the role uwsgi_service would publish files of each application: at the paths of its static routes."""
    found: dict[str, list[str]] = {}
    for app in resolve_apps(apps, [], "any"):
        for route in app["nginx"]["routes"]:
            if route["mode"] == "static":
                found.setdefault(app["name"], []).append(route["path"].strip("/"))
    return found


def main() -> None:
    seeds, apps = chosen(int(sys.argv[1]), int(sys.argv[2]))
    asked = [request for site in sites(apps) for request in site.requests()]
    random.Random(0).shuffle(asked)
    print(json.dumps({"seeds": seeds, "apps": apps, "requests": asked, "directories": directories(apps)}))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3]))
    main()
