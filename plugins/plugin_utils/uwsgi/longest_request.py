# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long a request may take by the routes of nginx, so that uWSGI does not end it earlier."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence

# Units of nginx's times; a number alone is seconds (nginx.org, Configuration file measurement units).
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def seconds(duration: str) -> int:
    """Return an nginx time in seconds.

    :raises ValueError: for a text that is none
    """
    found = re.fullmatch(r"([0-9]+)([smhdw]?)", duration)
    if not found:
        raise ValueError(f"{duration!r} is no time of nginx")
    return int(found[1]) * _SECONDS[found[2]]


def longest_request(routes: Sequence[Mapping[str, t.Any]]) -> int:
    """Return the longest ``read_timeout`` of the routes that have a limit, in seconds; 0 if there is none.

    :param routes: complete routes; streams have no limit
    """
    return max((seconds(route["read_timeout"]) for route in routes if route["passes"] and not route["streams"]), default=0)
