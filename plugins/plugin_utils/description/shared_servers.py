# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Applications on the same server names, each below a prefix of its own: what they may share, and where nginx finds their locations."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ..keys.server_names import CATCH_ALL
from .validate import Validator

_ROOT = "flaskops-sites"
App = Mapping[str, t.Any]


def share_dir(server_names: Sequence[str]) -> str:
    """Return the directory below /etc/nginx for the locations of all applications with these names.

    It has one name whatever the order of the server names, and no character that is special in a pattern of files.
    """
    # No server name has two dots in a row, so none of them becomes the name of another one.
    first = min(server_names, default="").replace("*.", "any..")
    return f"{_ROOT}/{first.strip('[]').replace(':', '..')}"


def derive_shared(nginx: dict[str, t.Any], name: str) -> None:
    """Fill in the places of an application on a server that it may share."""
    nginx["share_dir"] = share_dir(nginx["server_names"])
    # The server that listens for the application: its own one, or that of the directory.
    nginx["listener"] = nginx["share_dir"] if nginx["prefix"] else name
    # Named locations of one server have one name each.
    nginx["previous"] = f"@previous.{name}" if nginx["prefix"] else "@previous"


def check_shared_names(validator: Validator, apps: Sequence[App], variable: str) -> None:
    """Refuse applications that have a server name in common and cannot share a server.

    :param apps: complete descriptions of applications that are to be there
    """
    by_name: dict[str, list[App]] = {}
    for app in apps:
        for server in set(app["nginx"]["server_names"]) - {CATCH_ALL}:
            by_name.setdefault(server, []).append(app)
    told: set[tuple[str, str]] = set()
    for server, sharers in by_name.items():
        for index, app in enumerate(sharers):
            for other in sharers[:index]:
                if (pair := (other["name"], app["name"])) not in told:
                    told.add(pair)
                    _check_pair(validator, other, app, f"{variable}: the server name '{server}'")


def one_server(apps: Sequence[App]) -> bool:
    """Return whether applications are on one server, each below a prefix of its own."""
    prefixes = {app["nginx"]["prefix"] for app in apps}
    names = {frozenset(app["nginx"]["server_names"]) for app in apps}
    return len(prefixes) == len(apps) and len(names) < 2


def _check_pair(validator: Validator, one: App, other: App, where: str) -> None:
    who = f"'{one['name']}' and '{other['name']}'"
    first, second = one["nginx"], other["nginx"]
    if first["prefix"] == second["prefix"]:
        below = f" with the prefix '{first['prefix']}'" if first["prefix"] else ""
        validator.refuse(where, f"is used by {who}{below}", "give each application its own, or a prefix of its own")
    elif set(first["server_names"]) != set(second["server_names"]):
        says = f"is used by {who}, whose other names differ: {' '.join(first['server_names'])} and {' '.join(second['server_names'])}"
        validator.refuse(where, says, "applications that share a name share all names; write the same list in both")
    elif first["tls"]["kind"] and second["tls"]["kind"]:
        validator.refuse(where, f"is used by {who}, and both have tls", "keep it in one of them; a server has one certificate")
    for app, mounted in ((one, other), (other, one)):
        taken = {f"{mounted['nginx']['prefix']}/", mounted["nginx"]["prefix"]} - {"", "/"}
        for route in app["nginx"]["routes"]:
            if route["match"] != "regex" and route["path"] in taken and mounted["nginx"]["prefix"] != app["nginx"]["prefix"]:
                says = f"is used by {who}, and the route {route['path']} of '{app['name']}' is where '{mounted['name']}' is mounted"
                validator.refuse(where, says, "remove the route or take another prefix")


def shared_servers(apps: Sequence[App]) -> list[dict[str, t.Any]]:
    """Return the servers of applications below prefixes, each with ``dir``, ``names``, ``catch_all`` and ``proxied``.

    :param apps: complete descriptions
    """
    servers: dict[str, dict[str, t.Any]] = {}
    for app in apps:
        nginx = app["nginx"]
        if nginx["prefix"]:
            given = {"dir": nginx["share_dir"], "names": sorted(nginx["server_names"]), "catch_all": nginx["catch_all"], "proxied": False}
            server = servers.setdefault(nginx["share_dir"], given)
            server["proxied"] = server["proxied"] or is_proxied(app)
    return list(servers.values())


def is_proxied(app: App) -> bool:
    """Return whether requests for an application go through the server behind the proxy on its host."""
    return app["nginx"]["front"] == "proxy" and not app["nginx"]["backends"]
