# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Scripts of other sites that may read the answers of a route (CORS, as the Fetch standard has it)."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from .validate import Validator

ANY = "*"


def check_cors(validator: Validator, where: str, route: Mapping[str, t.Any]) -> None:
    """Refuse what browsers would not accept."""
    cors = route.get("cors", {})
    origins = cors.get("origins", ())
    if ANY not in origins:
        return
    if len(origins) > 1:
        validator.refuse(f"{where}.origins", "has '*' beside others, and '*' is every site", "keep one of the two")
    if cors.get("credentials"):
        says = "is true for every site, which browsers do not accept"
        validator.refuse(f"{where}.credentials", says, "name the sites in origins, or remove it")


def derive_cors(route: dict[str, t.Any], variable: str) -> None:
    """Name the variables of nginx with the site that may read an answer, empty for any other one, and with whether a request only asks for that.

    :param variable: the beginning of the names of the route's variables, without a dollar
    """
    if "origins" in route.get("cors", {}):
        route["cors"] |= {"origin": f"${variable}_origin", "preflight": f"${variable}_preflight", "any": ANY in route["cors"]["origins"]}
