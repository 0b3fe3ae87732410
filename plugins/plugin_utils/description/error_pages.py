# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pages of a release that nginx sends in place of its own, by the name of the page: a status, or ``closed``."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ..keys.modes import MODES
from .validate import Validator

_CLOSED = "closed"


def derive_error_pages(nginx: dict[str, t.Any], name: str) -> None:
    """Fill in where nginx finds the pages: ``pages_url`` is the beginning of their URLs, empty without such pages."""
    nginx["pages_url"] = f"/.flaskops/{name}/" if release_pages(nginx) else ""


def release_pages(nginx: Mapping[str, t.Any]) -> dict[str, str]:
    """Return the path of each page in the release by its name."""
    page = nginx["maintenance"].get("page")
    return {**nginx["error_pages"], **({_CLOSED: page} if page else {})}


def check_error_pages(validator: Validator, where: str, app: Mapping[str, t.Any]) -> None:
    """Refuse pages that nginx could not find or must not send.

    :param where: the key ``nginx`` of the application
    """
    nginx = app["nginx"]
    if release_pages(nginx) and "source" not in app and not nginx["backends"]:
        key = "error_pages" if nginx["error_pages"] else "maintenance.page"
        validator.refuse(
            f"{where}.{key}", "names files of the release, and this description has no source", "write source, or remove the key"
        )
    if "401" in nginx["error_pages"] and any("login" in rules.get("request", {}) for rules in _access(nginx)):
        validator.refuse(f"{where}.error_pages.401", "has a page, and access.request.login is what answers 401", "keep one of them")
    if not nginx["intercept_errors"] or nginx["front"] == "proxy":
        return
    for index, route in enumerate(nginx["routes"]):
        if route["mode"] in MODES and MODES[route["mode"]].stores and route["error_pages"]:
            # ngx_http_upstream_intercept_errors stores the status without asking whether the answer was personal.
            says = f"is a cache route of front: {nginx['front']} with intercept_errors, where nginx would store the error of one visitor for all"
            validator.refuse(f"{where}.routes[{index}]", says, "set front: proxy, or error_pages: false on the route")


def _access(nginx: Mapping[str, t.Any]) -> list[Mapping[str, t.Any]]:
    return [nginx["access"], *(route["access"] for route in nginx["routes"])]
