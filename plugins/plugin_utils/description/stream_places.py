# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How many streams an application can hold open, and how many of them one client may have."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ..keys.access import MOST_CONNECTIONS

# The places of a server that somebody else runs are unknown.
STREAMS_ELSEWHERE = 100
_AT_LEAST = 10
_FEWEST_PROCESSES = 2  # uwsgi.processes is one for each processor, at least 2


def stream_places(uwsgi: Mapping[str, t.Any]) -> int:
    """Return the number of places for streams, of a host with few processors where the description does not say.

    :param uwsgi: the key ``uwsgi`` of a description, with the kind of the pool
    """
    stream = uwsgi["stream"]
    if stream["pool"] == "none":
        return uwsgi.get("processes", _FEWEST_PROCESSES) * uwsgi.get("greenlets", uwsgi["threads"])
    return stream["processes"] * stream["greenlets" if stream["pool"] == "gevent" else "threads"]


def streams_for_each(places: int) -> int:
    """Return how many streams one client may have, so that others find a place."""
    return min(max(_AT_LEAST, places // 10), max(1, places // 2), MOST_CONNECTIONS)
