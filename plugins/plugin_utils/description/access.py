# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rules of a site and its routes for those who get an answer: which keys go together, and what follows from them."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Iterator, Mapping

from .validate import Validator, shown

# The name that nginx has read from a request; `auth_basic` has proved it.
_BASIC_VISITOR = "$remote_user"
# Directives of a user's own by which nginx may answer 403.
_KEEPS_OUT = re.compile(r"\s*(allow|deny|auth_\w+|satisfy|internal|secure_link\w*|valid_referers|if|return)\b")
# Headers in which proxies tell more about somebody who has logged in, beside the one with the name: oauth2-proxy, Authelia, authentik. nginx has
# room for some twenty of them before it warns (uwsgi_params_hash).
_TOLD_BESIDE = (
    *("X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Groups", "X-Auth-Request-Preferred-Username"),
    *("X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Preferred-Username"),
    *("Remote-User", "Remote-Name", "Remote-Email", "Remote-Groups", "X-Remote-User"),
    *("X-authentik-username", "X-authentik-groups", "X-authentik-email", "X-authentik-uid"),
)
# The host sends its own requests from this address.
_LOOPBACK = ipaddress.ip_address("127.0.0.1")


def check_access(validator: Validator, where: str, nginx: Mapping[str, t.Any]) -> None:
    """Refuse keys of ``access`` that do not belong together."""
    _check_rules(validator, f"{where}.access", nginx["access"])
    for index, route in enumerate(nginx["routes"]):
        _check_rules(validator, f"{where}.routes[{index}].access", route["access"])


def _check_rules(validator: Validator, where: str, access: Mapping[str, t.Any]) -> None:
    other = [key for key in ("deny", "allow", "basic", "request") if access.get(key)]
    if access.get("public") and other:
        validator.refuse(where, f"has public and {' and '.join(other)}", "keep one of the two")
    elif {"basic", "request"} <= set(other):
        validator.refuse(where, "has basic and request, and a visitor has one name", "keep one of the two")
    asked = access.get("request", {})
    if asked.get("login") and not (asked.get("paths") and asked["login"].startswith(asked["paths"])):
        validator.refuse(f"{where}.request.login", f"is {shown(asked['login'])}, which is not below paths", "write both, such as /oauth2/")


def derive_access(nginx: dict[str, t.Any], name: str) -> None:
    """Complete the rules of a site and its routes.

    Rules get the file with passwords or the location that asks another server. The site and each route get ``visitor``, the variable of nginx
    with the name of who has logged in, which is empty where nobody has to.
    """
    site = nginx["access"]
    _derive_login(site, nginx, name, name)
    # The subject of a certificate that nginx has verified, and nothing in requests without one.
    certified = nginx["tls"]["subject"]
    nginx["visitor"] = site["visitor"] or certified
    for index, route in enumerate(nginx["routes"]):
        own = route["access"]
        _derive_login(own, nginx, name, f"{name}.{index}")
        own["public"] = own.get("public", False)
        # A login of a route takes the place of the site's.
        own["no_basic"] = own["public"] or ("request" in own and "basic" in site)
        own["no_request"] = own["public"] or ("basic" in own and "request" in site)
        login = "" if own["public"] else own["visitor"] or site["visitor"]
        route["visitor"] = login or certified
        # nginx says 403 to those whom a rule keeps out.
        kept_out = any(rules["deny"] or rules["allow"] or "request" in rules for rules in (own, site)) and not own["public"]
        route["guarded"] = bool(kept_out) or any(map(_KEEPS_OUT.match, [*route["extra"], *nginx["extra"]]))
        # nginx lets a level with address rules inherit none.
        addresses = own if own["public"] or own["allow"] or own["deny"] else site
        # The host's own requests cannot log in and have no certificate, and an address rule may keep them out.
        if login or nginx["tls"]["uncertified"] or not _admits_host(addresses):
            route["proof"] = "plain"
    asking = [rules["request"] for rules in _rules(nginx) if "url" in rules.get("request", {})]
    nginx["asking"] = asking
    nginx["identity_headers"] = sorted({asked["user"] for asked in asking})
    nginx["beside_identity"] = [header for header in _TOLD_BESIDE if asking and not _is_named(header, nginx)]
    nginx["previous_places"] = _previous_places(nginx)
    # The login of each server stands at one path.
    nginx["login_servers"] = list({asked["paths"]: asked for asked in asking if asked["paths"]}.values())


def _is_named(header: str, nginx: Mapping[str, t.Any]) -> bool:
    """Return whether a site sends a header itself: with the name of the visitor, or by a directive of the user's own."""
    named = [name.lower() for name in nginx["identity_headers"]]
    pattern = re.compile(rf"\b(HTTP_{header.replace('-', '_')}|{header})\b", re.IGNORECASE)
    return header.lower() in named or any(map(pattern.search, nginx["extra"]))


def previous_place(nginx: Mapping[str, t.Any], index: int) -> str:
    """Return the location for files that a static route has had in the former release: a route with rules has one of its own."""
    own = nginx["routes"][index]["access"]
    has_rules = any(own.get(key) for key in ("public", "deny", "allow", "basic", "request"))
    return f"{nginx['previous']}.{index}" if has_rules else nginx["previous"]


def _previous_places(nginx: Mapping[str, t.Any]) -> dict[str, Mapping[str, t.Any]]:
    """Return the rules of these locations by name. They stand on the server, which below a prefix has the rules of another application."""
    site: Mapping[str, t.Any] = nginx["access"] if nginx["prefix"] else {"deny": (), "allow": (), "user_file": ""}
    found: dict[str, Mapping[str, t.Any]] = {}
    for index, route in enumerate(nginx["routes"]):
        if route.get("files"):
            own = route["access"]
            rules = {**own} if own["public"] or own["deny"] or own["allow"] else {**own, "deny": site["deny"], "allow": site["allow"]}
            if not (own["public"] or "basic" in own or "request" in own):
                rules |= {key: site[key] for key in ("user_file", "basic", "request", "visitor") if key in site}
            if "basic" in rules:
                rules["basic"] = {"realm": rules["basic"]["realm"]}
            found[previous_place(nginx, index)] = rules
    return found


def _admits_host(rules: Mapping[str, t.Any]) -> bool:
    """Return whether address rules let the host's own requests through. nginx takes the first one that fits, and ``deny`` comes first."""
    if any(_has_loopback(client) for client in rules["deny"]):
        return False
    return not rules["allow"] or any(_has_loopback(client) for client in rules["allow"])


def _has_loopback(client: str) -> bool:
    if client == "all":
        return True
    try:
        return _LOOPBACK in ipaddress.ip_network(client, strict=False)
    except ValueError:
        return False  # the check refuses what is no network


def _derive_login(access: dict[str, t.Any], nginx: Mapping[str, t.Any], name: str, place: str) -> None:
    """Complete the login of rules.

    :param name: the application
    :param place: a name for the site or the route, which no other one has
    """
    access["user_file"] = f"flaskops/{place}.users" if "basic" in access else ""
    access["visitor"] = _BASIC_VISITOR if "basic" in access else ""
    asked = access.get("request", {})
    if "url" in asked:
        access["visitor"] = f"${nginx['variable']}_visitor"
        asked["location"] = f"/.flaskops/asked.{place}"
        asked["told"] = f"$upstream_http_{asked['user'].lower().replace('-', '_')}"
        asked["server"] = asked["url"].partition("//")[0] + "//" + asked["url"].partition("//")[2].partition("/")[0]
        if asked["paths"]:
            asked["paths"] = nginx["prefix"] + asked["paths"]
            asked["login"] = asked["login"] and nginx["prefix"] + asked["login"]


def _rules(nginx: Mapping[str, t.Any]) -> Iterator[Mapping[str, t.Any]]:
    yield nginx["access"]
    for route in nginx["routes"]:
        yield route["access"]


def logins(nginx: Mapping[str, t.Any]) -> list[Mapping[str, t.Any]]:
    """Return the rules of a site and of its routes that have passwords: each with ``user_file`` and ``basic``."""
    return [rules for rules in _rules(nginx) if "basic" in rules]


def private_values_of_access(nginx: Mapping[str, t.Any]) -> list[str]:
    """Return the passwords, which no message may show."""
    return [str(password) for rules in logins(nginx) for password in rules["basic"]["users"].values()]


def without_passwords(nginx: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the keys of nginx as templates see them, since messages may show the variables of a template."""
    routes = [{**route, "access": _without(route["access"])} for route in nginx["routes"]]
    return {**nginx, "access": _without(nginx["access"]), "routes": routes}


def _without(access: Mapping[str, t.Any]) -> dict[str, t.Any]:
    if "basic" not in access:
        return dict(access)
    return {**access, "basic": {key: value for key, value in access["basic"].items() if key != "users"}}
