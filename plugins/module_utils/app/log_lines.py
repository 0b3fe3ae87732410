# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lines that the units of an application and nginx have logged about it, in one order by time."""

from __future__ import annotations

import datetime as dt
import re
import time
import typing as t

from ..host import systemd
from ..host.journal import messages
from ..host.log_file import last_lines
from ..host.shown import excerpt
from .access_log import LOGS, access_lines, time_of
from .unit_names import all_units, unit_source, units_of_source

# A log grows without a limit, and its last lines are asked for.
_MOST_BYTES = 8 * 2**20
_LINE_SHOWN = 2000
_ERROR_TIME = re.compile(r"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) ")
# In the lines of uWSGI and of nginx, where it comes last; a visitor chooses the path before it.
_LAST_ID = re.compile(r"\brequest(?:_id)?=([A-Za-z0-9._-]{8,128})")
# In the lines of nginx as JSON, where no text of a visitor comes before it.
_JSON_ID = re.compile(r'\{[^{}]*?"request_id":"([A-Za-z0-9._-]{8,128})"')
_SERVER = re.compile(r", server: ([^,]+),")


class LogsOrder(t.TypedDict):
    """An application and the lines that are wanted: of a request, of some sources or of all, and the last ones since a time.

    The time is in seconds since the epoch.
    """

    name: str
    run_dir: str
    server_names: list[str]
    request_id: str
    sources: list[str]
    since: float
    lines: int


class LogLine(t.NamedTuple):
    """A line: its time in seconds since the epoch, what has logged it, the id of its request, which may be empty, and its text."""

    time: float
    source: str
    request_id: str
    text: str

    def as_dict(self) -> dict[str, str]:
        return {"time": self._iso(), "source": self.source, "request_id": self.request_id, "text": self.text}

    def as_text(self) -> str:
        return f"{self._iso()} {self.source} {self.request_id or '-'} {self.text}"

    def _iso(self) -> str:
        return dt.datetime.fromtimestamp(self.time, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def log_lines(order: LogsOrder) -> list[LogLine]:
    """Return the last lines of all logs together, the oldest first.

    :raises SystemdError: if the journal cannot be read
    :raises OSError: if a log of nginx cannot be read
    """
    found = [*_of_units(order), *_of_nginx(order)]
    wanted = [line for line in found if _is_wanted(line, order)]
    # Lines of one second keep the order of their log: the sort is stable.
    last = sorted(wanted, key=lambda line: line.time)[-order["lines"] :]
    return [line._replace(text=excerpt(line.text, _LINE_SHOWN)) for line in last]


def _is_wanted(line: LogLine, order: LogsOrder) -> bool:
    # A worker with several processes has a source for each, such as queue.1.
    if order["sources"] and not {line.source, line.source.partition(".")[0]} & set(order["sources"]):
        return False
    return line.time >= order["since"] and order["request_id"] in ("", line.request_id)


def _of_units(order: LogsOrder) -> t.Iterator[LogLine]:
    # The journal returns its last lines only, so it is asked for no others: a worker that writes much hides the hooks that are asked for.
    units = [unit for source in order["sources"] for unit in units_of_source(order["name"], source)] or all_units(order["name"])
    for entry in systemd.journal_entries(units, order["since"], order["lines"], order["request_id"]):
        unit = _unit(entry)
        for text in "\n".join(messages(entry)).splitlines():
            yield _line(int(entry["__REALTIME_TIMESTAMP"]) / 1e6, unit_source(order["name"], unit), text)


def _unit(entry: t.Mapping[str, t.Any]) -> str:
    """Return the unit that an entry is about.

    Hooks have theirs written by a run, which is root (host/journal.py), and what systemd says of a unit has another field than what the unit
    says. Anybody else who sends these fields is not believed.
    """
    named = [("OBJECT_SYSTEMD_UNIT", entry.get("_UID") == "0"), ("UNIT", entry.get("_PID") == "1"), ("_SYSTEMD_UNIT", True)]
    return next((str(entry[field]) for field, is_believed in named if is_believed and entry.get(field)), "")


def _of_nginx(order: LogsOrder) -> t.Iterator[LogLine]:
    for text in access_lines(order["name"], _MOST_BYTES, order["since"], LOGS):
        at = time_of(text)
        if at is not None:
            yield _line(at, "access", text)
    error = f"{LOGS}/error.log"
    for path in (f"{error}.1", error):
        for text in last_lines(path, _MOST_BYTES):
            found = _ERROR_TIME.match(text)
            if found and _is_about(text, order):
                # nginx writes these in the time of the host (ngx_times.c).
                yield _line(time.mktime(time.strptime(found[1], "%Y/%m/%d %H:%M:%S")), "error", text)


def _is_about(text: str, order: LogsOrder) -> bool:
    """Return whether an error is about a site, by its server, or by the socket of an application that shares one."""
    server = _SERVER.search(text)
    return f"{order['run_dir']}/" in text or bool(server and server[1] in order["server_names"])


def _line(at: float, source: str, text: str) -> LogLine:
    # nginx writes no id into its log of errors.
    return LogLine(at, source, "" if source == "error" else _request_id(text), text)


def _request_id(text: str) -> str:
    """Return the id of the request that a line is about, empty for none."""
    if found := _JSON_ID.match(text):
        return found[1]
    return next(reversed(_LAST_ID.findall(text)), "")
