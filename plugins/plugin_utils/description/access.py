# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rules of a site and its routes for those who get an answer: which keys go together, and what follows from them."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from .validate import Validator

# The name that nginx has read from a request; `auth_basic` has proved it.
_BASIC_VISITOR = "$remote_user"


def check_access(validator: Validator, where: str, nginx: Mapping[str, t.Any]) -> None:
    """Refuse keys of ``access`` that do not belong together."""
    for index, route in enumerate(nginx["routes"]):
        access = route["access"]
        other = [key for key in ("deny", "allow", "basic") if access.get(key)]
        if access.get("public") and other:
            validator.refuse(f"{where}.routes[{index}].access", f"has public and {' and '.join(other)}", "keep one of the two")


def derive_access(nginx: dict[str, t.Any], name: str) -> None:
    """Name the files with passwords, and for the site and each route ``visitor``: the variable of nginx with the name of who has logged in."""
    site = nginx["access"]
    _derive_login(site, f"flaskops/{name}.users")
    nginx["visitor"] = site["visitor"]
    for index, route in enumerate(nginx["routes"]):
        own = route["access"]
        _derive_login(own, f"flaskops/{name}.{index}.users")
        # A login of a route takes the place of the site's.
        route["visitor"] = "" if own.get("public") else own["visitor"] or site["visitor"]
        # nginx says 403 to those whom a rule keeps out.
        route["guarded"] = not own.get("public") and any(rules["deny"] or rules["allow"] for rules in (own, site))
        if route["visitor"]:
            # The host cannot log in, and is answered 401.
            route["proof"] = "plain"


def _derive_login(access: dict[str, t.Any], user_file: str) -> None:
    access["user_file"] = user_file if "basic" in access else ""
    access["visitor"] = _BASIC_VISITOR if "basic" in access else ""


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
