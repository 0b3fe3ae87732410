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
# nginx logs a visitor with this status who has gone before there was an answer. Some go at once, as where they click on.
_GONE = 499
_PATIENCE_SECONDS = 1.0
# nginx logs a request at its end, so a site on which pages hang has fewer of them: less than a tenth, where there were so many before. Visitors may
# have gone home as well, so the instance must be answering at least half of those that are missing, or of those that it can answer at once.
_REQUESTS_TO_MISS = 50
_SHARE_LEFT = 0.1
_SHARE_WAITING = 0.5


class Traffic(t.NamedTuple):
    """The requests of visitors in some time.

    :param errors: how many of them were server errors
    :param p99: the seconds that 99 % of them took at most
    :param gone: how many visitors have waited for longer than usual, and have gone before there was an answer
    """

    requests: int
    errors: int
    p99: float
    gone: int = 0

    @property
    def patience(self) -> float:
        """Return the seconds for which visitors wait at least before the site is to blame for those who go."""
        return max(_PATIENCE_SECONDS, self.p99 * _TIMES_SLOWER + _SECONDS_SLOWER)


class InFlight(t.NamedTuple):
    """The requests that an instance is answering at the moment, and how many it can answer at once."""

    answering: int
    places: int


def traffic(name: str, since: float, until: float, before: Traffic | None = None, logs: str = LOGS) -> Traffic | None:
    """Return what the visitors of an application got in a time, or None if its site writes no log.

    :param since: seconds since the epoch, as is ``until``; both belong to the time
    :param before: the traffic before, which says what is usual; without it, the traffic itself does
    :raises OSError: if a log cannot be read
    """
    if not os.path.exists(os.path.join(logs, f"{name}.access.log")):
        return None
    lines = access_lines(name, MOST_BYTES, since, logs).lines
    asked = [request for request in map(parse, lines) if request and since <= request.when <= until]
    times = sorted(request.seconds for request in asked)
    errors = sum(request.status >= 500 for request in asked)
    found = Traffic(len(asked), errors, within(times, 99))
    patience = (before or found).patience
    return found._replace(gone=sum(request.status == _GONE and request.seconds > patience for request in asked))


def within(times: t.Sequence[float], percent: int) -> float:
    """Return the time that so many percent of the sorted times do not exceed, 0 if there are none."""
    return times[min(len(times) - 1, len(times) * percent // 100)] if times else 0.0


def _waiting(before: Traffic, after: Traffic, now: InFlight | None) -> str:
    """Return in words that requests wait for their answers which had one before, or may do so; empty if they do not."""
    missing = before.requests - after.requests
    if before.requests < _REQUESTS_TO_MISS or after.requests >= before.requests * _SHARE_LEFT:
        return ""
    told = f"{after.requests} requests had an answer, and {before.requests} before"
    if now is None:
        return f"{told}, and the statistics of the instance, which would tell whether others wait for theirs, cannot be read"
    waits = now.answering > 0 and now.answering >= min(missing, now.places) * _SHARE_WAITING
    return f"{told}, and {now.answering} wait for theirs" if waits else ""


def worse(before: Traffic, after: Traffic, now: InFlight | None) -> str:
    """Return in which way visitors fare worse than before, in words for an operator; empty if they do not.

    :param now: what the live instance is answering at the end of ``after``, ``None`` where nobody can say
    """
    if _are_more(before.errors, before.requests, after.errors, after.requests):
        return f"{after.errors} of {after.requests} requests were answered with a server error, and {before.errors} of {before.requests} before"
    if _are_more(before.gone, before.requests, after.gone, after.requests):
        return (
            f"{after.gone} of {after.requests} visitors have gone without an answer after {before.patience:.1f} s or more, and {before.gone} of"
            f" {before.requests} before"
        )
    if waiting := _waiting(before, after, now):
        return waiting
    enough = min(before.requests, after.requests) >= _FEWEST_REQUESTS
    if enough and after.p99 > before.p99 * _TIMES_SLOWER + _SECONDS_SLOWER:
        return f"99 % of the requests were answered within {after.p99:.2f} s, and within {before.p99:.2f} s before"
    return ""


def _are_more(before: int, of_before: int, after: int, of_after: int) -> bool:
    """Return whether some of the requests are a greater part of all than before, and enough of them to say so."""
    shares = [100 * some / of if of else 0.0 for some, of in ((before, of_before), (after, of_after))]
    return after >= _FEWEST_ERRORS and shares[1] > shares[0] + _MORE_ERRORS
