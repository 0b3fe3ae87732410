# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the visitors of a site have fared over hours, in equal parts of the time, by the access log that nginx writes for it."""

from __future__ import annotations

import os
import typing as t

from .access_log import LOGS, LoggedRequest, access_lines, parse, time_of
from .traffic import MOST_BYTES, within

PARTS = 48
# The opening of a WebSocket is answered with 101, which is no class of its own for operators. nginx logs smaller numbers than 100 where a
# client has hung up before it got an answer.
_CLASSES = {1: "2xx", 2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx"}


class TrafficPart(t.NamedTuple):
    """The answers in a part of the time by class of status, and the seconds that 50 % and 99 % of them took at most."""

    statuses: dict[str, int]
    p50: float
    p99: float


def traffic_over_time(name: str, seconds: int, until: float, logs: str = LOGS) -> dict[str, t.Any] | None:
    """Return what the visitors of an application got in a time and in each part of it, or None if its site writes no log.

    ``log_begins`` is later than ``begin`` where the first line that was read is from that time.

    :param seconds: how long the time is
    :param until: when it ends, in seconds since the epoch
    :raises OSError: if a log cannot be read
    """
    if not os.path.exists(os.path.join(logs, f"{name}.access.log")):
        return None
    length = max(1, seconds // PARTS)
    begin = int(until) + 1 - length * PARTS
    lines = access_lines(name, MOST_BYTES, begin, logs).lines
    asked = [request for request in map(parse, lines) if request and begin <= request.when <= until and request.status // 100 in _CLASSES]
    parts: list[list[LoggedRequest]] = [[] for _number in range(PARTS)]
    for request in asked:
        parts[int(request.when - begin) // length].append(request)
    return {
        "begin": begin,
        "part_seconds": length,
        "log_begins": max(begin, int(next(filter(None, map(time_of, lines)), begin))),
        **_part(asked)._asdict(),
        "parts": [_part(some)._asdict() for some in parts],
    }


def _part(asked: t.Sequence[LoggedRequest]) -> TrafficPart:
    statuses: dict[str, int] = {}
    for request in asked:
        answer = _CLASSES[request.status // 100]
        statuses[answer] = statuses.get(answer, 0) + 1
    times = sorted(request.seconds for request in asked)
    return TrafficPart(statuses, within(times, 50), within(times, 99))
