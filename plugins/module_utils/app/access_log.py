# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The access log that nginx writes for the site of an application, in either of its formats (``nginx.log``)."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import typing as t

from ..host.log_file import LogEnd, last_lines

LOGS = "/var/log/nginx"
# nginx names months in English, whatever the locale of the host is.
_MONTHS = {
    name: number for number, name in enumerate(["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1)
}
# A visitor chooses the user's name before the time. nginx writes a quotation mark in a field as \x22, so he cannot begin the request there
# (ngx_http_log_module, log_format, escape).
_TIME = re.compile(r'\S+ - [^"]* \[(\d\d)/(\w{3})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d\d)(\d\d)\] "')
_ANSWER = re.compile(r'[^"]*" (\d{3}) \d+ "[^"]*" "[^"]*" seconds=(\d+\.\d+) ')


class LoggedRequest(t.NamedTuple):
    """One line of an access log: when nginx had answered in seconds since the epoch, the status, and how many seconds it took."""

    when: float
    status: int
    seconds: float


def access_lines(name: str, most: int, since: float, logs: str = LOGS) -> LogEnd:
    """Return the last lines of an application's log, with those of before its rotations.

    :param most: the number of bytes that are read
    :param since: seconds since the epoch; a file that was not written to since then is left out
    :raises OSError: if a log cannot be read
    """
    return last_lines(os.path.join(logs, f"{name}.access.log"), most, since)


def time_of(line: str) -> float | None:
    """Return when nginx wrote a line, or None for a line that is cut or of another format."""
    found = _TIME.match(line)
    try:
        if not found:
            return dt.datetime.fromisoformat(json.loads(line)["time"]).timestamp()
        day, month, year, hour, minute, second, ahead, ahead_minutes = found.groups()
        zone = dt.timezone(dt.timedelta(hours=int(ahead), minutes=int(ahead[0] + ahead_minutes)))
        return dt.datetime(int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second), tzinfo=zone).timestamp()
    except (ValueError, KeyError, TypeError):
        return None


def parse(line: str) -> LoggedRequest | None:
    """Return the request that a line tells of, or None for a line that is cut or of another format."""
    when = time_of(line)
    if when is None:
        return None
    found = _TIME.match(line)
    if found:
        answer = _ANSWER.match(line, found.end())
        return LoggedRequest(when, int(answer[1]), float(answer[2])) if answer else None
    fields = json.loads(line)
    try:
        return LoggedRequest(when, int(fields["status"]), float(fields["seconds"]))
    except (ValueError, KeyError, TypeError):
        return None
