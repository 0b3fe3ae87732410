# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The geometry of the plots of a report: paths for SVG in a box that is ``WIDTH`` wide and ``HEIGHT`` high, whatever its size on the screen.

Labels are no part of the box, since it is stretched to the width of the page and letters must not be. They have places in percent.
"""

from __future__ import annotations

import calendar
import math
import time
import typing as t
from collections.abc import Sequence

from ...module_utils.host.clock import DAY
from .document import CLASSES, ReportedAttempt, ReportedPart, ReportedTraffic

WIDTH = 480
HEIGHT = 100
# Times are drawn on a logarithmic scale that begins here: shorter ones are of no interest to visitors.
_SHORTEST = 0.001
_MOST_TICKS = 5
_STEPS = (300, 600, 900, 1800, 3600, 2 * 3600, 3 * 3600, 6 * 3600, 12 * 3600, DAY, 2 * DAY, 7 * DAY)


class Label(t.NamedTuple):
    """A text beside a plot, and how far from its beginning it stands, in percent."""

    percent: float
    text: str


class Mark(t.NamedTuple):
    """An attempt to deploy: its place in the box, and what came of it."""

    x: float
    is_good: bool
    text: str


def bars(traffic: ReportedTraffic, most: int) -> dict[str, str]:
    """Return a path for each class of status: a bar for each part of the time, above those of the classes before it.

    :param most: the number of requests that a bar of the whole height stands for
    """
    paths: dict[str, list[str]] = {name: [] for name in CLASSES}
    width = WIDTH / len(traffic.parts)
    for number, part in enumerate(traffic.parts):
        below = 0
        for name in CLASSES:
            count = part.statuses[name]
            if count:
                # A single error among a million requests is still to be seen.
                height = max(1.0, HEIGHT * count / most)
                foot = HEIGHT - HEIGHT * below / most
                paths[name].append(f"M{number * width:.1f} {foot:.1f}v-{height:.1f}h{width * 0.85:.1f}v{height:.1f}z")
                below += count
    return {name: "".join(path) for name, path in paths.items() if path}


def line(traffic: ReportedTraffic, value: t.Callable[[ReportedPart], float], longest: float) -> str:
    """Return the path of a time: a level for each part that had requests, joined where they follow each other."""
    path, width, is_drawn = [], WIDTH / len(traffic.parts), False
    for number, part in enumerate(traffic.parts):
        if not part.requests:
            is_drawn = False
            continue
        y = HEIGHT - HEIGHT * level(value(part), longest) / 100
        path.append(f"V{y:.1f}" if is_drawn else f"M{number * width:.1f} {y:.1f}")
        path.append(f"H{(number + 1) * width:.1f}")
        is_drawn = True
    return "".join(path)


def level(seconds: float, longest: float) -> float:
    """Return how high a time stands on the logarithmic scale, in percent."""
    return 100 * math.log(min(max(seconds, _SHORTEST), longest) / _SHORTEST) / math.log(longest / _SHORTEST)


def longest_of(traffics: Sequence[ReportedTraffic]) -> float:
    """Return the end of a scale of times that several plots share: a power of ten, and a tenth of a second at least."""
    slowest = max((part.p99 for traffic in traffics for part in traffic.parts), default=0.0)
    return 10.0 ** max(-1, math.ceil(math.log10(max(slowest, _SHORTEST))))


def most_of(traffics: Sequence[ReportedTraffic]) -> int:
    """Return the end of a scale of requests that several plots share: a round number, and 1 at least."""
    highest = max((part.requests for traffic in traffics for part in traffic.parts), default=0)
    unit = 10 ** max(0, len(str(highest)) - 1)
    return next(step * unit for step in (1, 2, 5, 10) if step * unit >= highest) if highest else 1


def decades(longest: float) -> list[Label]:
    """Return the labels of a scale of times."""
    powers = range(round(math.log10(_SHORTEST)), round(math.log10(longest)) + 1)
    return [Label(level(10.0**power, longest), duration(10.0**power)) for power in powers]


def duration(seconds: float) -> str:
    """Return a time as people write it, such as ``40 ms``."""
    if seconds < _SHORTEST:
        return "< 1 ms"
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def ticks(traffic: ReportedTraffic) -> list[Label]:
    """Return the labels of the time: round times of day in UTC, a date at midnight."""
    length = traffic.end - traffic.begin
    step = next((step for step in _STEPS if length / step <= _MOST_TICKS), length)
    first = -(-traffic.begin // step) * step
    return [Label(100 * (at - traffic.begin) / length, _time_of_day(at)) for at in range(first, traffic.end, step)]


def _time_of_day(seconds: int) -> str:
    moment = time.gmtime(seconds)
    return time.strftime("%m-%d" if seconds % DAY == 0 else "%H:%M", moment)


def unknown_width(traffic: ReportedTraffic) -> float:
    """Return the width of the beginning of the box from which the log has no line."""
    return min(max(WIDTH * (traffic.log_begins - traffic.begin) / (traffic.end - traffic.begin), 0.0), float(WIDTH))


def marks(traffic: ReportedTraffic, attempts: Sequence[ReportedAttempt]) -> list[Mark]:
    """Return the attempts to deploy that fall into the time."""
    found = []
    for attempt in attempts:
        at = _seconds(attempt.time)
        if at is not None and traffic.begin <= at <= traffic.end:
            x = WIDTH * (at - traffic.begin) / (traffic.end - traffic.begin)
            text = f"{attempt.action} of {attempt.release}: {attempt.result}, {attempt.time}"
            found.append(Mark(x, attempt.result == "live", text))
    return found


def _seconds(text: str) -> int | None:
    """Return a time of a history in seconds since the epoch, None for a text that is no time."""
    try:
        return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        return None
