# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the visitors of a site have fared lately, by the access log that nginx writes for it."""

from __future__ import annotations

import os
import typing as t

from .access_log import LOGS, access_lines, parse

# A busy site writes some 250 bytes for each request, so this is the end of a log with about 260,000 requests.
MOST_BYTES = 64 * 1024**2
# Fewer errors than this, or times of fewer requests than this, say nothing about a release.
_FEWEST_ERRORS = 2
_FEWEST_REQUESTS = 100
# So many more percent of server errors are worse, and so many times the time of before with a tenth of a second on top.
_MORE_ERRORS = 1.0
_TIMES_SLOWER = 2.0
_SECONDS_SLOWER = 0.1


class Traffic(t.NamedTuple):
    """The requests of visitors in some time, how many of them were server errors, and the seconds that 99 % of them took at most."""

    requests: int
    errors: int
    p99: float

    @property
    def percent(self) -> float:
        """Return the share of server errors, in percent of the requests."""
        return 100 * self.errors / self.requests if self.requests else 0.0


def traffic(name: str, since: float, until: float, logs: str = LOGS) -> Traffic | None:
    """Return what the visitors of an application got in a time, or None if its site writes no log.

    :param since: seconds since the epoch, as is ``until``; both belong to the time
    :raises OSError: if a log cannot be read
    """
    if not os.path.exists(os.path.join(logs, f"{name}.access.log")):
        return None
    lines = access_lines(name, MOST_BYTES, since, logs).lines
    asked = [request for request in map(parse, lines) if request and since <= request.when <= until]
    times = sorted(request.seconds for request in asked)
    errors = sum(request.status >= 500 for request in asked)
    return Traffic(len(asked), errors, within(times, 99))


def within(times: t.Sequence[float], percent: int) -> float:
    """Return the time that so many percent of the sorted times do not exceed, 0 if there are none."""
    return times[min(len(times) - 1, len(times) * percent // 100)] if times else 0.0


def worse(before: Traffic, after: Traffic) -> str:
    """Return in which way visitors fare worse than before, in words for an operator; empty if they do not."""
    if after.errors >= _FEWEST_ERRORS and after.percent > before.percent + _MORE_ERRORS:
        return f"{after.errors} of {after.requests} requests were answered with a server error, and {before.errors} of {before.requests} before"
    enough = min(before.requests, after.requests) >= _FEWEST_REQUESTS
    if enough and after.p99 > before.p99 * _TIMES_SLOWER + _SECONDS_SLOWER:
        return f"99 % of the requests were answered within {after.p99:.2f} s, and within {before.p99:.2f} s before"
    return ""
