# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report of the benchmarks."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.tests.bench import report, results, serving
from ansible_collections.flaskops.stack.tests.bench.report import Plot
from ansible_collections.flaskops.stack.tests.bench.results import Goal, Results, Series

GOALS = (
    Goal("met", "requests", "plain", "plain", "ours", "seed", "at least", 1.15),
    Goal("missed", "requests", "share | app", "share", "ours", None, "at least", 60, limit="Python takes the rest: see the profile."),
    Goal("later", "requests", "switch", "switch", "ours", None, "at most", 1),
)
FOUND = Results(
    "requests",
    (
        Series("requests", "plain", "ours", "requests/s", (6000, 6600)),
        Series("requests", "plain", "seed", "requests/s", (5000, 5000)),
        Series("requests", "share", "ours", "%", (41.26,)),
    ),
    "2026-01-02",
    {"cores": "2"},
    {"nginx": "1.26"},
    {"connections": 32},
)


@pytest.mark.parametrize(
    ("value", "text"), [(31234.5, "31,200"), (1000, "1,000"), (999, "999"), (1.1549, "1.15"), (0.012345, "0.0123"), (0, "0"), (60, "60")]
)
def test_a_figure_has_three_digits(value, text):
    assert report.figure(value) == text


def test_a_section_tells_goals_limits_and_all_figures():
    text = report.section("requests", FOUND, GOALS, "How.", [Plot("plain", "Plain", ("plain",))], "benchmarks")
    assert "| plain | ≥ 1.15 × | 1.26 × (1.2–1.32) | yes |" in text
    assert "| share \\| app | ≥ 60 % | 41.3 % (41.3–41.3) | **no** |" in text
    assert "| switch | ≤ 1 | not measured |  |" in text
    assert "- **share | app**: Python takes the rest: see the profile." in text
    assert "![Plain](benchmarks/plain.svg)" in text
    assert "Measured 2026-01-02, 2 rounds, on cores 2. nginx 1.26. connections 32." in text
    assert "| plain | seed | 5,000 requests/s | 5,000–5,000 |" in text


def test_without_a_missed_goal_nothing_is_out_of_reach():
    assert "These goals are not met" not in report.section("requests", FOUND, GOALS[:1], "How.", (), "benchmarks")


def test_the_terminal_gets_a_line_for_each_goal():
    lines = report.summary([(GOALS, FOUND)]).splitlines()
    assert [line.split()[0] for line in lines] == ["yes", "no", "-"]


def test_a_plot_has_a_bar_for_each_competitor_that_has_one():
    assert list(report.chosen(Plot("p", "P", ("plain", "share")), FOUND)) == ["ours", "seed"]
    assert report.chosen(Plot("p", "P", ("plain", "share"), ("seed", "granian")), FOUND) == {"seed": [FOUND.series[1], None]}


def test_nothing_measured_gives_a_report_without_sections(tmp_path):
    assert report.write(tmp_path / "benchmarks") == ""
    assert (tmp_path / "benchmarks.md").read_text() == report.HEAD


def test_goals_plots_and_targets_speak_of_the_same_measures():
    switch = {
        "p99 at rest",
        "p99 during a play that only pings",
        "p99 during a switch",
        "p99 during the whole run",
        "failed during a switch",
    }
    known = {one.measure for one in serving.TARGETS} | {serving.SHARE, serving.FIRST} | switch
    assert {name for goal in serving.GOALS for name in (goal.measure, goal.over) if name} <= known
    assert set(serving.LIMITS) <= {goal.id for goal in serving.GOALS}
    known |= {f"{one.measure}, {kind}" for one in serving.TARGETS for kind in ("nginx", "server", "application")}
    assert {name for plot in serving.PLOTS for name in plot.measures} <= known


def test_every_round_loads_all_targets_and_begins_with_another_one():
    rounds = [list(serving.turn(number)) for number in range(len(serving.TARGETS))]
    assert all(sorted(one, key=serving.TARGETS.index) == list(serving.TARGETS) for one in rounds)
    assert [one[0] for one in rounds] == list(serving.TARGETS)


def test_figures_that_were_committed_belong_to_the_report():
    if results.load("requests"):
        assert (results.DIRECTORY.parent / "benchmarks.md").read_text().startswith(report.HEAD.strip())
