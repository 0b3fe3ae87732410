"""Write docs/benchmarks.md and its plots from the figures of all parts."""

from __future__ import annotations

import dataclasses
import importlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from . import results
from .results import Goal, Part, Results, Series, Verdict

# The module of each part: ROUNDS, GOALS, PLOTS, TEXT, measure(rounds, quick), versions() and notes().
MODULES: dict[Part, str] = {"requests": "serving", "deployments": "deployments", "websockets": "websockets"}
TITLES: dict[Part, str] = {"requests": "Requests", "deployments": "Deployments", "websockets": "WebSockets"}

HEAD = """\
# Benchmarks

    make bench                  # all parts; BENCH_ROUNDS=10 for more rounds, ARGS='--only requests' for one part

Everything runs in containers on one machine. The competitors take turns in the same run, on the same processors. The goals are ratios of two competitors in
the same round, since a machine that is slow for a while slows both. The tables show the median of the rounds, with the least and the greatest value in
parentheses. Other machines give other figures. `make bench` writes this file from `docs/benchmarks/*.json`.
"""


@dataclasses.dataclass(frozen=True)
class Plot:
    """Bars of some measures, one group for each, with a bar for every competitor that has it.

    :ivar name: of the file in docs/benchmarks, without its ending
    :ivar measures: of one unit
    :ivar competitors: in this order; default: all that have a value
    """

    name: str
    title: str
    measures: tuple[str, ...]
    competitors: tuple[str, ...] = ()


def figure(value: float) -> str:
    """Return a figure with three significant digits, thousands set apart."""
    if abs(value) >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


def row(cells: Iterable[str]) -> str:
    """Return a line of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table."""
    head = list(head)
    return "\n".join([row(head), row("---" for _cell in head), *map(row, rows)])


def unit_of(goal: Goal, found: Results) -> str:
    """Return the unit of what is measured for a goal: a multiple of the other competitor's, or the unit of the series."""
    series = found.find(goal.measure, goal.of)
    return " ×" if goal.against else f" {series.unit}" if series else ""


def judged(verdict: Verdict | None, goal: Goal, found: Results) -> list[str]:
    """Return the row of a goal."""
    unit = unit_of(goal, found)
    bound = f"{'≥' if goal.direction == 'at least' else '≤'} {figure(goal.bound)}{unit}"
    if verdict is None:
        return [goal.what, bound, "not measured", ""]
    low, high = map(figure, verdict.spread)
    return [goal.what, bound, f"{figure(verdict.measured)}{unit} ({low}–{high})", "yes" if verdict.met else "**no**"]


def limits(goals: Iterable[Goal], found: Results) -> str:
    """Return why goals are out of reach, those that are."""
    missed = [goal for goal in goals if (verdict := results.judge(goal, found)) and not verdict.met]
    if not missed:
        return ""
    return "These goals are not met, for the following reasons:\n\n" + "\n".join(
        f"- **{goal.what}**: {goal.limit or 'no profile has been made yet.'}" for goal in missed
    )


def measured(series: Iterable[Series]) -> str:
    """Return the table of all figures."""
    rows = ([one.measure, one.competitor, f"{figure(one.median)} {one.unit}", "{}–{}".format(*map(figure, one.spread))] for one in series)
    return table(("what", "of", "median", "rounds"), rows)


def facts(pairs: Mapping[str, Any]) -> str:
    """Return names and values in one line."""
    return ", ".join(f"{name} {value}" for name, value in pairs.items())


def section(part: Part, found: Results, goals: tuple[Goal, ...], text: str, plots: Iterable[Plot], names: str) -> str:
    """Return the part of the report about one part.

    :param text: how it was measured
    :param names: of the directory of the plots, as seen from the report
    """
    verdicts = [judged(results.judge(goal, found), goal, found) for goal in goals]
    rounds = max(len(series.values) for series in found.series)
    about = (
        f"Measured {found.date}, {rounds} rounds, on {facts(found.machine)}. {facts(found.versions)}."
        f"{' ' + facts(found.notes) + '.' if found.notes else ''}"
    )
    pictures = "\n\n".join(f"![{plot.title}]({names}/{plot.name}.svg)" for plot in plots)
    parts = (f"## {TITLES[part]}", text, table(("goal", "at", "measured", "met"), verdicts), limits(goals, found), pictures, about)
    figures = f"<details><summary>All figures</summary>\n\n{measured(found.series)}\n\n</details>"
    return "\n\n".join(block.strip() for block in (*parts, figures) if block.strip())


def chosen(plot: Plot, found: Results) -> dict[str, list[Series | None]]:
    """Return the bars of a plot: by competitor, a series for each measure."""
    names = plot.competitors or tuple(dict.fromkeys(one.competitor for one in found.series if one.measure in plot.measures))
    bars = {name: [found.find(measure, name) for measure in plot.measures] for name in names}
    return {name: series for name, series in bars.items() if any(series)}


def draw(plot: Plot, found: Results, directory: Path) -> None:
    """Write a plot as SVG: horizontal bars of medians with a line from the least to the greatest round."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    import matplotlib as mpl
    from matplotlib import pyplot

    # The same figures give the same file.
    mpl.rcParams.update({"svg.hashsalt": "bench", "svg.fonttype": "none", "font.size": 9})
    bars = chosen(plot, found)
    height = 0.8 / max(1, len(bars))
    axes = pyplot.figure(figsize=(7.5, 0.7 + 0.26 * len(bars) * len(plot.measures) + 0.15 * len(plot.measures)), layout="constrained").gca()
    unit = ""
    for number, (name, series) in enumerate(bars.items()):
        there = [(place, one) for place, one in enumerate(series) if one]
        unit = there[0][1].unit
        medians = [one.median for _place, one in there]
        spreads = [[one.median - one.spread[0] for _place, one in there], [one.spread[1] - one.median for _place, one in there]]
        places = [place + (number - (len(bars) - 1) / 2) * height for place, _one in there]
        drawn = axes.barh(places, medians, height * 0.9, xerr=spreads, label=name, error_kw={"ecolor": "#555", "elinewidth": 0.8})
        axes.bar_label(drawn, [figure(value) for value in medians], padding=4, fontsize=8)
    axes.set_yticks(range(len(plot.measures)), plot.measures)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel(unit)
    axes.set_title(plot.title, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    if len(bars) > 1:
        axes.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    axes.figure.savefig(directory / f"{plot.name}.svg", metadata={"Date": None, "Creator": None})
    pyplot.close(axes.figure)


def summary(found: Iterable[tuple[tuple[Goal, ...], Results]]) -> str:
    """Return the final table for a terminal."""
    lines = []
    for goals, one in found:
        for goal in goals:
            what, bound, figures, met = judged(results.judge(goal, one), goal, one)
            lines.append(f"{met.strip('*') or '-':<4} {what:<72} {bound:<10} {figures}")
    return "\n".join(lines)


def write(directory: Path = results.DIRECTORY) -> str:
    """Write the report beside a directory of figures, and the plots into it; return the table of goals."""
    sections, found = [], []
    for part, name in MODULES.items():
        one = results.load(part, directory)
        if one is None:
            continue
        module = importlib.import_module(f".{name}", __package__)
        for plot in module.PLOTS:
            draw(plot, one, directory)
        sections.append(section(part, one, module.GOALS, module.TEXT, module.PLOTS, directory.name))
        found.append((module.GOALS, one))
    directory.with_name(f"{directory.name}.md").write_text("\n\n".join([HEAD.strip(), *sections]) + "\n")
    return summary(found)
