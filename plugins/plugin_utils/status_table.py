# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The state of applications on hosts as a table, or as paragraphs where a terminal is too narrow for the table."""

from __future__ import annotations

import enum
import textwrap
import typing as t

from .ages import age

_COLUMNS = (
    "host",
    "app",
    "state",
    "release",
    "revision",
    "age",
    "workers",
    "busy",
    "streams",
    "memory",
    "requests",
    "earlier",
    "tls",
    "last attempt",
    "notes",
)
_STATE = _COLUMNS.index("state")
# A paragraph begins with these.
_HEAD = 4
_REVISION_SHOWN = 14
_NOTHING = "-"
_INDENT = "  "
_GLUE = "\N{NO-BREAK SPACE}"


class Health(enum.Enum):
    """The health of an application on a host: it decides the colour."""

    GOOD = enum.auto()
    NOTED = enum.auto()
    BAD = enum.auto()


# Gives a text the colour of a health.
Paint = t.Callable[[str, Health], str]


class StatusRow(t.NamedTuple):
    """An application on a host: its cells, and its health."""

    cells: tuple[str, ...]
    health: Health


def status_rows(hosts: t.Mapping[str, t.Mapping[str, t.Any]], now: float) -> list[StatusRow]:
    """Return a row for each application of each host.

    :param hosts: by host, the return value ``apps`` of ``flaskops.stack.uwsgi_info``
    :param now: seconds since the epoch that ages are counted to
    """
    return [row for host, apps in sorted(hosts.items()) for row in _rows(host, apps, now)]


def _rows(host: str, apps: t.Mapping[str, t.Mapping[str, t.Any]], now: float) -> list[StatusRow]:
    """Return the rows of a host; one that somebody else rules may answer anything, and the others are shown all the same."""
    try:
        return [_row(host, name, app, now) for name, app in sorted(apps.items())]
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        says = f"gave an answer that makes no sense ({type(error).__name__}: {error})"
        return [StatusRow((host, *[_NOTHING] * (len(_COLUMNS) - 2), says), Health.BAD)]


def status_table(rows: t.Sequence[StatusRow], paint: Paint = lambda text, _health: text) -> list[str]:
    """Return the lines of a table: its head, and one for each row."""
    widths = [max(len(cells[column]) for cells in (_COLUMNS, *(row.cells for row in rows))) for column in range(len(_COLUMNS))]
    padded = [[cell.ljust(width) for cell, width in zip(row.cells, widths, strict=True)] for row in rows]
    for cells, row in zip(padded, rows, strict=True):
        cells[_STATE] = paint(cells[_STATE], row.health)
    head = [name.ljust(width) for name, width in zip(_COLUMNS, widths, strict=True)]
    return ["  ".join(cells).rstrip() for cells in (head, *padded)]


def status_lines(rows: t.Sequence[StatusRow], columns: int, paint: Paint) -> list[str]:
    """Return the table, or a paragraph for each row if the table is wider than the terminal."""
    if not rows or max(map(len, status_table(rows))) <= columns:
        return status_table(rows, paint)
    return [line for row in rows for line in _paragraph(row, columns, paint)]


def _paragraph(row: StatusRow, columns: int, paint: Paint) -> t.Iterator[str]:
    """Yield what a row says in lines of the terminal's width; what the row does not have is left out."""
    head = list(row.cells[:_HEAD])
    head[_STATE] = paint(head[_STATE], row.health)
    yield "  ".join(head)
    said = [f"{name} {cell}" for name, cell in list(zip(_COLUMNS, row.cells, strict=True))[_HEAD:] if cell != _NOTHING]
    # Words of one cell stay together where they fit into a line.
    glued = "  ".join(text.replace(" ", _GLUE) if len(text) + len(_INDENT) <= columns else text for text in said)
    for line in textwrap.wrap(
        glued, columns, initial_indent=_INDENT, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False
    ):
        yield line.replace(_GLUE, " ")


def _row(host: str, name: str, app: t.Mapping[str, t.Any], now: float) -> StatusRow:
    live = app["instances"].get(app["live"], {})
    stream = live.get("stream")
    earlier = sorted({item["release"] for key, item in app["instances"].items() if key != app["live"]} - {app["release"]["id"], ""})
    last = app["history"][0] if app["history"] else None
    cells = (
        host,
        name,
        live.get("active", "nothing live"),
        app["release"]["id"] or _NOTHING,
        app["release"]["revision"][:_REVISION_SHOWN] or _NOTHING,
        age(now - app["release"]["built"]) if app["release"]["built"] else _NOTHING,
        str(len(live.get("workers", []))),
        _busy(live),
        _busy(stream) if stream else _NOTHING,
        f"{sum(item.get('memory', 0) for item in (live, stream or {})) / 2**20:.0f}M",
        str(live.get("requests", 0)),
        " ".join(earlier) or _NOTHING,
        _left(app.get("certificate"), now),
        f"{last['action']} {last['result']} {last['time']} by {last['who']}" if last else _NOTHING,
        _notes(app) or _NOTHING,
    )
    texts = tuple(map(str, cells))
    return StatusRow(texts, _health(texts))


def _health(cells: t.Sequence[str]) -> Health:
    if cells[_STATE] != "active" or cells[_COLUMNS.index("tls")] == "expired":
        return Health.BAD
    return Health.GOOD if cells[-1] == _NOTHING else Health.NOTED


def _left(certificate: t.Mapping[str, t.Any] | None, now: float) -> str:
    """Return how long a certificate is still valid."""
    if not certificate:
        return _NOTHING
    return age(certificate["not_after"] - now) if certificate["not_after"] > now else "expired"


def _busy(uwsgi: t.Mapping[str, t.Any]) -> str:
    """Return the number of running requests and the number of possible ones, such as 3/4."""
    return f"{uwsgi.get('busy', 0)}/{uwsgi.get('slots', 0)}"


def _notes(app: t.Mapping[str, t.Any]) -> str:
    notes = [*app["problems"]]
    notes += [f"changed by hand: {path}" for path in app["changed_by_hand"]]
    again = [worker for worker in app.get("workers", []) if worker["restarts"]]
    notes += [f"worker {worker['name']} was started again {worker['restarts']} times" for worker in again]
    notes += [f"rejected: {name}" for name in sorted(app["rejected"])]
    return "; ".join(notes)
