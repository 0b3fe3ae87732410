# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the visitors of a site have fared lately, by the access log that nginx writes for it."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import re
import typing as t

LOGS = "/var/log/nginx"
# A busy site writes some 250 bytes for each request, so this is the end of a log with about 130,000 requests.
MOST_BYTES = 32 * 1024**2
# Fewer errors than this, or times of fewer requests than this, say nothing about a release.
_FEWEST_ERRORS = 2
_FEWEST_REQUESTS = 100
# So many more percent of server errors are worse, and so many times the time of before with a tenth of a second on top.
_MORE_ERRORS = 1.0
_TIMES_SLOWER = 2.0
_SECONDS_SLOWER = 0.1

_MONTHS = {
    name: number for number, name in enumerate(["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1)
}
# nginx writes a quotation mark in a field as \x22, so a visitor cannot end one (ngx_http_log_module, log_format, escape).
_COMBINED = re.compile(
    r'\S+ - [^"]* \[(\d\d)/(\w{3})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d\d)(\d\d)\] "[^"]*" (\d{3}) \d+ "[^"]*" "[^"]*" seconds=(\d+\.\d+) '
)


class LoggedRequest(t.NamedTuple):
    """One line of an access log: when nginx had answered in seconds since the epoch, the status, and how many seconds it took."""

    when: float
    status: int
    seconds: float


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

    The log of before the last rotation counts too, if it is not compressed.

    :param since: seconds since the epoch, as is ``until``; both belong to the time
    """
    path = os.path.join(logs, f"{name}.access.log")
    if not os.path.exists(path):
        return None
    lines = [line for file in (f"{path}.1", path) for line in _last_lines(file, since)]
    asked = [request for request in map(parse, lines) if request and since <= request.when <= until]
    times = sorted(request.seconds for request in asked)
    errors = sum(request.status >= 500 for request in asked)
    return Traffic(len(asked), errors, times[min(len(times) - 1, len(times) * 99 // 100)] if times else 0.0)


def parse(line: str) -> LoggedRequest | None:
    """Return the answer that a line of either format tells of, or None for any other line, as one that is cut at its beginning."""
    if line.startswith("{"):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            fields = json.loads(line)
            return LoggedRequest(dt.datetime.fromisoformat(fields["time"]).timestamp(), int(fields["status"]), float(fields["seconds"]))
        return None
    found = _COMBINED.match(line)
    if not found:
        return None
    day, month, year, hour, minute, second, ahead, ahead_minutes, status, seconds = found.groups()
    try:
        offset = dt.timedelta(hours=int(ahead), minutes=int(ahead[0] + ahead_minutes))
        moment = dt.datetime(int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second), tzinfo=dt.timezone(offset))
    except (ValueError, KeyError):
        return None
    return LoggedRequest(moment.timestamp(), int(status), float(seconds))


def worse(before: Traffic, after: Traffic) -> str:
    """Return in which way visitors fare worse than before, in words for an operator; empty if they do not."""
    if after.errors >= _FEWEST_ERRORS and after.percent > before.percent + _MORE_ERRORS:
        return f"{after.errors} of {after.requests} requests were answered with a server error, and {before.errors} of {before.requests} before"
    enough = min(before.requests, after.requests) >= _FEWEST_REQUESTS
    if enough and after.p99 > before.p99 * _TIMES_SLOWER + _SECONDS_SLOWER:
        return f"99 % of the requests were answered within {after.p99:.2f} s, and within {before.p99:.2f} s before"
    return ""


def _last_lines(path: str, since: float) -> list[str]:
    """Return the last lines of a log that was written to since then."""
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            if status.st_mtime < since:
                return []
            file.seek(max(0, status.st_size - MOST_BYTES))
            return file.read(MOST_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
