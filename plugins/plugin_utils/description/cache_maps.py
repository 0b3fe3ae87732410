# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The maps by which nginx decides for a cached route which requests are personal and which answers are kept."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence

_EVERY = "*"


class NginxMap(t.TypedDict):
    """A ``map`` of nginx: the text it looks at, the variable it sets, and its lines."""

    source: str
    variable: str
    lines: list[tuple[str, str]]


class CacheMaps(t.TypedDict):
    """Maps of a route: a variable of ``request`` that is 1 makes the request personal, one of ``answer`` keeps the answer from being stored."""

    request: list[NginxMap]
    answer: list[NginxMap]


def cache_maps(route: Mapping[str, t.Any], name: str) -> CacheMaps:
    """Return the maps of a cached route.

    :param name: the beginning of the names of its variables, which no other route has
    """
    request = [_cookies(route, f"${name}_cookies")]
    if route["bypass_headers"]:
        request.append(_headers(route["bypass_headers"], f"${name}_headers"))
    answer = [] if "any" in route["valid"] else [_statuses(route["valid"], f"${name}_unlisted")]
    return {"request": request, "answer": answer}


def _cookies(route: Mapping[str, t.Any], variable: str) -> NginxMap:
    """Return the map of cookies. A cookie that is spelled oddly counts as an unknown one, which matters."""
    chosen, ignored = route.get("bypass_cookies"), route.get("ignore_cookies", ())
    lines = [("default", "1"), ('""', "0")]
    if _EVERY in ignored or chosen == []:
        lines = [("default", "0")]
    elif chosen and _EVERY not in chosen:
        lines = [("default", "0"), (f'"~(^|[;\\s])({_alternatives(chosen)})\\s*(=|;|$)"', "1")]
    elif ignored:
        lines.append((f'"~^([;\\s]|({_alternatives(ignored)})=[^;]*(;|$))*$"', "0"))
    return {"source": "$http_cookie", "variable": variable, "lines": lines}


def _alternatives(names: Sequence[str]) -> str:
    """Return a pattern for any of some names, which may end in a star."""
    return "|".join(re.escape(name.removesuffix("*")).replace(r"\-", "-") + ("[^=;\\s]*" if name.endswith("*") else "") for name in names)


def _headers(headers: Sequence[str], variable: str) -> NginxMap:
    values = "".join(f"${{http_{header.lower().replace('-', '_')}}}" for header in headers)
    return {"source": f'"{values}"', "variable": variable, "lines": [("default", "1"), ('""', "0")]}


def _statuses(valid: Mapping[str, str], variable: str) -> NginxMap:
    """Return the map of statuses. If nginx has asked several backends, the last status is that of the answer."""
    return {"source": "$upstream_status", "variable": variable, "lines": [("default", "1"), (f'"~(^|[ ,:])({"|".join(valid)})$"', "0")]}
