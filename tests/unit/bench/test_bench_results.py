# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The results of benchmarks: medians, ratios, goals, files."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.tests.bench import results
from ansible_collections.flaskops.stack.tests.bench.results import Goal, Results, Series


def series(competitor: str, *values: float, measure: str = "plain") -> Series:
    return Series("requests", measure, competitor, "requests/s", values)


def run(*found: Series) -> Results:
    return Results("requests", found, "2026-01-02", {"cores": "2"}, {"nginx": "1.26"})


def goal(**changes: object) -> Goal:
    wanted = {"measure": "plain", "of": "ours", "against": "seed", "direction": "at least", "bound": 1.2, **changes}
    return Goal("one", "requests", "plain, against the seed", **wanted)


def test_the_median_and_the_spread_of_rounds():
    one = series("ours", 3, 1, 2)
    assert (one.median, one.spread) == (2, (1, 3))
    with pytest.raises(ValueError, match="plain of ours has no values"):
        series("ours")


def test_ratios_are_of_the_same_round():
    assert results.ratios(series("ours", 10, 40), series("seed", 5, 10)) == (2, 4)
    with pytest.raises(ValueError, match="zip"):
        results.ratios(series("ours", 1), series("seed", 1, 2))


def test_a_goal_is_judged_by_the_median_of_the_ratios_and_not_by_the_ratio_of_the_medians():
    # A machine that was slow in the second round: the medians would say 1.5.
    verdict = results.judge(goal(), run(series("ours", 20, 4, 30), series("seed", 20, 2, 15)))
    assert (verdict.measured, verdict.spread, verdict.met) == (2, (1, 2), True)


@pytest.mark.parametrize(
    ("direction", "bound", "met"),
    [("at least", 2, True), ("at least", 2.01, False), ("at most", 2, True), ("at most", 1.99, False)],
)
def test_the_bound_itself_meets_a_goal(direction, bound, met):
    found = run(series("ours", 1, 2, 3))
    assert results.judge(goal(against=None, direction=direction, bound=bound), found).met is met


def test_where_every_round_counts_the_furthest_one_is_judged():
    found = run(series("ours", 1, 2, 30))
    assert results.judge(goal(against=None, direction="at most", bound=20, every=True), found).measured == 30
    assert results.judge(goal(against=None, direction="at least", bound=1, every=True), found).measured == 1


def test_a_goal_may_compare_two_measures():
    found = run(series("ours", 9), series("ours", 10, measure="return 200"))
    assert results.judge(goal(against="ours", over="return 200"), found).measured == 0.9


def test_a_goal_may_compare_how_two_measures_grow():
    grown = run(
        series("ours", 8),
        series("ours", 4, measure="ping"),
        series("ours", 2, measure="plain, one"),
        series("ours", 2, measure="ping, one"),
    )
    growth = goal(against="ours", over="ping", growth=("plain, one", "ping, one"))
    assert results.judge(growth, grown).measured == 2
    assert results.judge(growth, run(*grown.series[:3])) is None


def test_a_goal_without_figures_is_not_judged():
    assert results.judge(goal(), run(series("ours", 1))) is None
    assert results.judge(goal(), run(series("seed", 1))) is None


def test_a_file_holds_all_of_it(tmp_path):
    assert results.load("requests", tmp_path) is None
    found = run(series("ours", 1.5, 2), series("seed", 1))
    assert results.save(found, tmp_path / "new").name == "requests.json"
    assert results.load("requests", tmp_path / "new") == found


def test_figures_are_kept_as_they_are_worth():
    assert results.rounded([12345.678, 0.00012345678]) == (12350.0, 0.0001235)


def test_the_machine_is_told_without_its_name():
    assert {"processor", "cores", "memory", "kernel"} <= set(results.machine())
