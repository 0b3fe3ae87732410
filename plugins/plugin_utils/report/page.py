# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report about all hosts as one page of HTML that loads nothing."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Sequence
from pathlib import Path

import jinja2

from ...module_utils.host.clock import DAY
from ..ages import age
from . import plot
from .document import ReportedApp, ReportedHost, ReportedTraffic

_TEMPLATE = Path(__file__).parents[3] / "playbooks/templates/report.html.j2"
# Browsers warn of a certificate only when it is over, and renewal is meant to have happened long before.
_CERTIFICATE_SOON = 7 * DAY
_REVISION_SHOWN = 14


class Row(t.NamedTuple):
    """An application on a host, and the name of its place in the page."""

    anchor: str
    host: str
    app: ReportedApp


class Plotted(t.NamedTuple):
    """The traffic of an application on a host, drawn."""

    bars: dict[str, str]
    p50: str
    p99: str
    ticks: list[plot.Label]
    marks: list[plot.Mark]
    unknown: float


class AppSection(t.NamedTuple):
    """An application on all its hosts, whose plots have the same scales so that hosts can be compared."""

    name: str
    rows: list[tuple[Row, Plotted | None]]
    most: int
    part: str
    decades: list[plot.Label]


def report_page(hosts: Sequence[ReportedHost], now: float) -> str:
    """Return the page.

    :param now: when the hosts were asked, in seconds since the epoch
    """
    pairs = [(host.name, app) for host in hosts for app in host.apps]
    rows = [Row(f"a{number}", host, app) for number, (host, app) in enumerate(pairs, 1)]
    # Everything that a host or an application has said is escaped, wherever it stands.
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(
        age=lambda since: age(now - since),
        bytes=_bytes,
        count=_count,
        duration=plot.duration,
        left=lambda until: age(until - now) if until > now else "ended",
        utc=lambda seconds: time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds)),
        short=lambda revision: revision[:_REVISION_SHOWN],
    )
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        made=int(now),
        hosts=hosts,
        rows=rows,
        attention=[(row, text) for row in rows for text in _attention(row.app, now)],
        sections=[_section([row for row in rows if row.app.name == name]) for name in sorted({row.app.name for row in rows})],
        box=(plot.WIDTH, plot.HEIGHT),
        now=now,
    )


def _attention(app: ReportedApp, now: float) -> list[str]:
    """Return what an operator should look at."""
    found = [] if app.state == "active" else [f"is {app.state}" if app.instance else "has no live instance"]
    if app.certificate and app.certificate.not_after - now < _CERTIFICATE_SOON:
        left = app.certificate.not_after - now
        found.append(f"its certificate ends in {age(left)}" if left > 0 else "its certificate has ended")
    if app.attempts and app.attempts[0].result != "live":
        last = app.attempts[0]
        found.append(
            f"the last {last.action} is {last.result}: {last.reason}" if last.reason else f"the last {last.action} is {last.result}"
        )
    return [*found, *app.problems]


def _section(rows: Sequence[Row]) -> AppSection:
    traffics = [row.app.traffic for row in rows if row.app.traffic]
    longest = plot.longest_of(traffics)
    most = plot.most_of(traffics)
    plots = [(row, _plotted(row.app.traffic, row.app, most, longest) if row.app.traffic else None) for row in rows]
    # Every host was asked for the same time.
    length = traffics[0].part_seconds if traffics else 0
    part = f"{length} s" if length % 60 else f"{length // 60} min"
    return AppSection(rows[0].app.name, plots, most, part, plot.decades(longest))


def _plotted(traffic: ReportedTraffic, app: ReportedApp, most: int, longest: float) -> Plotted:
    return Plotted(
        plot.bars(traffic, most),
        plot.line(traffic, lambda part: part.p50, longest),
        plot.line(traffic, lambda part: part.p99, longest),
        plot.ticks(traffic),
        plot.marks(traffic, app.attempts),
        plot.unknown_width(traffic),
    )


def _bytes(number: float) -> str:
    return f"{number / 2**20:,.0f} MB"


def _count(number: int) -> str:
    return f"{number:,}".replace(",", "\N{THIN SPACE}")
