# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Static routes with pages: which file answers for a directory, or for a path that has no file."""

from __future__ import annotations

import typing as t


def derive_pages(route: dict[str, t.Any], name: str, previous: str) -> None:
    """Fill in how nginx looks for the files of a static route.

    ``pages`` says whether the route has pages, ``lost`` is where a path without a file leads, and ``fallback_path`` is the URL of the fallback.

    :param name: the beginning of the names of its variables, which no other route has
    :param previous: the location of the files of the previous release
    """
    route["pages"] = "index" in route or "fallback" in route
    route["previous"] = previous
    route["lost"] = f"${name}_lost" if "fallback" in route else previous
    route["expires"] = f"${name}_expires" if route["pages"] else route["max_age"]
    route["fallback_path"] = f"{route['path'].rstrip('/')}/{route['fallback']}" if "fallback" in route else ""
