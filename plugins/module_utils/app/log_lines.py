# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lines that the units of an application and nginx have logged about it, in one order by time."""

from __future__ import annotations

import datetime as dt
import math
import re
import time
import typing as t

from ..host import journal
from ..host.log_file import LogEnd, last_lines
from ..host.shown import excerpt
from .access_log import LOGS, access_lines, time_of
from .unit_names import all_units, unit_source, units_of_source

# A log grows without a limit, and its last lines are asked for.
_MOST_BYTES = 16 * 2**20
_LINE_SHOWN = 2000
# The sources of lines that are not in the journal.
_OF_NGINX = ("access", "error")
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
        return {"time": _iso(self.time), "source": self.source, "request_id": self.request_id, "text": self.text}

    def as_text(self) -> str:
        return f"{_iso(self.time)} {self.source} {self.request_id or '-'} {self.text}"


def _iso(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class FoundLines(t.NamedTuple):
    """Lines, the oldest first, and sentences about those that may be missing among them."""

    lines: list[LogLine]
    left_out: list[str]


def log_lines(order: LogsOrder) -> FoundLines:
    """Return the last lines of all logs together.

    :raises SystemdError: if the journal cannot be read
    :raises OSError: if a log of nginx cannot be read
    """
    units, logs = _of_units(order), _of_nginx(order)
    found = [*units.lines, *(line for log in logs.values() for line in log.lines)]
    wanted = [line for line in found if _is_wanted(line, order)]
    # Lines of one second keep the order of their log: the sort is stable.
    last = sorted(wanted, key=lambda line: line.time)[-order["lines"] :]
    shown = [line._replace(text=excerpt(line.text, _LINE_SHOWN)) for line in last]
    # Where as many lines as were asked for are found, older ones are not missing.
    oldest = last[0].time if len(last) == order["lines"] else order["since"]
    left_out = [_left_out_of_journal(units.begin, order)] if units.lacks(oldest) else []
    left_out += [_left_out_of_nginx(log.begin, source) for source, log in logs.items() if log.lacks(oldest) and _may_have(source, order)]
    return FoundLines(shown, left_out)


class _Log(t.NamedTuple):
    """The lines of a log about an application, and since when the log was read, in seconds since the epoch; 0 for from its beginning."""

    lines: list[LogLine]
    begin: float

    def lacks(self, since: float) -> bool:
        return self.begin > since


def _left_out_of_nginx(begin: float, source: str) -> str:
    before = f" before {_iso(begin)}" if begin < math.inf else ""
    return (
        f"lines of the source {source}{before} are not among these: its log is too long or damaged, or goes on in a file that is not read,"
        f" because of its name or its compression; read it on the server, below {LOGS}"
    )


def _left_out_of_journal(begin: float, order: LogsOrder) -> str:
    asked = [source for source in order["sources"] if source not in _OF_NGINX]
    of = f"the source{'s' * (len(asked) > 1)} {', '.join(asked)}" if asked else f"all sources but {' and '.join(_OF_NGINX)}"
    units = " ".join(f"--unit='{unit}'" for unit in _units(order))
    return (
        f"lines of {of} before {_iso(begin)} are not among these: the journal has more text there than is read at once; ask for single sources"
        f" (-e sources=NAME), or read them on the server: journalctl --until=@{math.ceil(begin)} {units}"
    )


def _may_have(source: str, order: LogsOrder) -> bool:
    """Return whether lines of a log of nginx are asked for; those of the error log have no id of a request."""
    return source in (order["sources"] or [source]) and not (source == "error" and order["request_id"])


def _is_wanted(line: LogLine, order: LogsOrder) -> bool:
    # A worker with several processes has a source for each, such as queue.1.
    if order["sources"] and not {line.source, line.source.partition(".")[0]} & set(order["sources"]):
        return False
    return line.time >= order["since"] and order["request_id"] in ("", line.request_id)


def _of_units(order: LogsOrder) -> _Log:
    found = journal.entries(_units(order), order["since"], order["lines"], order["request_id"])
    lines = [
        _line(_time_of_entry(entry), unit_source(order["name"], _unit(entry)), text)
        for entry in found.found
        for text in "\n".join(journal.messages(entry)).splitlines()
    ]
    # journalctl begins with the youngest entry where it looks for an id (journalctl(1), --grep).
    return _Log(lines, min(map(_time_of_entry, found.found), default=0) if found.is_cut else 0)


def _units(order: LogsOrder) -> list[str]:
    """Return the units of the sources that are asked for.

    The journal returns its last lines only, so it is asked for no others: a worker that writes much hides the hooks that are asked for.
    """
    return [unit for source in order["sources"] for unit in units_of_source(order["name"], source)] or all_units(order["name"])


def _time_of_entry(entry: t.Mapping[str, t.Any]) -> float:
    return int(entry["__REALTIME_TIMESTAMP"]) / 1e6


def _unit(entry: t.Mapping[str, t.Any]) -> str:
    """Return the unit that an entry is about.

    Hooks have theirs written by a run, which is root (host/journal.py), and what systemd says of a unit has another field than what the unit
    says. Anybody else who sends these fields is not believed.
    """
    named = [("OBJECT_SYSTEMD_UNIT", entry.get("_UID") == "0"), ("UNIT", entry.get("_PID") == "1"), ("_SYSTEMD_UNIT", True)]
    return next((str(entry[field]) for field, is_believed in named if is_believed and entry.get(field)), "")


def _of_nginx(order: LogsOrder) -> dict[str, _Log]:
    """Return the logs of nginx by source."""
    access = access_lines(order["name"], _MOST_BYTES, order["since"], LOGS)
    errors = last_lines(f"{LOGS}/error.log", _MOST_BYTES, order["since"])
    return {
        "access": _log_of_nginx("access", access, time_of, lambda _text: True),
        "error": _log_of_nginx("error", errors, _time_of_error, lambda text: _is_about(text, order)),
    }


def _log_of_nginx(source: str, log: LogEnd, when: t.Callable[[str], float | None], is_about: t.Callable[[str], bool]) -> _Log:
    """Return the lines of a log that are about a site.

    :param when: returns the time of a line, or None for one that is cut or of another format
    """
    lines = [_line(at, source, text) for text in log.lines if is_about(text) and (at := when(text)) is not None]
    begin = next((at for text in log.lines if (at := when(text)) is not None), math.inf)
    return _Log(lines, 0 if log.is_whole else begin)


def _time_of_error(text: str) -> float | None:
    found = _ERROR_TIME.match(text)
    # nginx writes these in the time of the host (ngx_times.c).
    return time.mktime(time.strptime(found[1], "%Y/%m/%d %H:%M:%S")) if found else None


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
