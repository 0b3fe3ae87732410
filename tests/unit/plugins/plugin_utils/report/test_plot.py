# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The plots of a report: each bar, line, label and mark has its place."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.report import plot
from ansible_collections.flaskops.stack.plugins.plugin_utils.report.document import ReportedTraffic, reported_hosts
from ansible_collections.flaskops.stack.tests.unit.answers import DAY, NOW, app, attempt, part, traffic


def reported(*parts, attempts=(), **changes) -> ReportedTraffic:
    (host,) = reported_hosts({"web1": {"apps": {"shop": app(traffic=traffic(list(parts), **changes), history=list(attempts))}}})
    return host.apps[0].traffic


def test_bars_stand_on_each_other():
    drawn = plot.bars(reported(part(), part(100, 25)), 100)
    assert drawn == {"2xx": "M240.0 100.0v-75.0h204.0v75.0z", "5xx": "M240.0 25.0v-25.0h204.0v25.0z"}


def test_a_single_error_is_seen():
    assert "v-1.0h" in plot.bars(reported(part(1_000_000, 1)), 1_000_000)["5xx"]


def test_a_line_has_gaps_where_nobody_came():
    line = plot.line(reported(part(1, p99=0.01), part(1, p99=0.1), part(), part(1, p99=10)), lambda each: each.p99, 10)
    assert line == "M0.0 75.0H120.0V50.0H240.0M360.0 0.0H480.0"


@pytest.mark.parametrize(("seconds", "percent"), [(0, 0), (0.0005, 0), (0.001, 0), (0.1, 50), (10, 100), (99, 100)])
def test_times_stand_on_a_logarithmic_scale(seconds, percent):
    assert plot.level(seconds, 10) == pytest.approx(percent)


@pytest.mark.parametrize(("p99", "longest"), [(0, 0.1), (0.02, 0.1), (0.1, 0.1), (0.11, 1), (2, 10), (60, 100)])
def test_the_scale_of_times_ends_with_a_power_of_ten(p99, longest):
    assert plot.longest_of([reported(part(1, p99=p99))]) == pytest.approx(longest)
    assert plot.longest_of([]) == pytest.approx(0.1)


@pytest.mark.parametrize(("requests", "most"), [(0, 1), (1, 1), (3, 5), (10, 10), (11, 20), (99, 100), (501, 1000)])
def test_the_scale_of_requests_ends_with_a_round_number(requests, most):
    assert plot.most_of([reported(part(requests)), reported(part())]) == most


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "< 1 ms"), (0.001, "1 ms"), (0.0415, "41.5 ms"), (0.9994, "999 ms"), (1, "1 s"), (3.21, "3.21 s"), (63, "63 s")],
)
def test_durations(seconds, said):
    assert plot.duration(seconds) == said


def test_decades_are_labelled():
    assert [label.text for label in plot.decades(10)] == ["1 ms", "10 ms", "100 ms", "1 s", "10 s"]
    assert [label.percent for label in plot.decades(10)] == pytest.approx([0, 25, 50, 75, 100])


@pytest.mark.parametrize(
    ("hours", "labels"),
    [
        (24, ["11-28", "06:00", "12:00", "18:00"]),
        (1, ["21:00", "21:15", "21:30", "21:45"]),
        (72, ["11-26", "11-27", "11-28"]),
        (48, ["11-27", "12:00", "11-28", "12:00"]),
    ],
)
def test_ticks_are_round_times(hours, labels):
    drawn = plot.ticks(reported(*[part(1)] * 60, begin=NOW - hours * 3600, part_seconds=hours * 60))
    assert [tick.text for tick in drawn] == labels
    assert all(0 <= tick.percent < 100 for tick in drawn)


def test_the_time_before_the_log_is_told():
    assert plot.unknown_width(reported(part(1))) == 0
    assert plot.unknown_width(reported(part(1), log_begins=NOW - DAY // 4)) == pytest.approx(plot.WIDTH * 3 / 4)
    assert plot.unknown_width(reported(part(1), log_begins=NOW + DAY)) == plot.WIDTH


def test_attempts_of_the_time_are_marked():
    good, bad, old, odd = (
        attempt(time="2026-11-28T16:00:00Z"),
        attempt(time="2026-11-28T10:00:00Z", result="failed"),
        attempt(time="2026-11-20T10:00:00Z"),
        attempt(time="yesterday"),
    )
    (host,) = reported_hosts({"web1": {"apps": {"shop": app(history=[good, bad, old, odd])}}})
    shop = host.apps[0]
    assert [(mark.x, mark.is_good) for mark in plot.marks(shop.traffic, shop.attempts)] == [(360.0, True), (240.0, False)]
