"""The measurements of a benchmark: series of values by round, their medians and ratios, the goals, and the file they are kept in."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import platform
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).resolve().parents[2]
# One file for each part, and the plots beside them.
DIRECTORY = ROOT / "docs" / "benchmarks"

Part = Literal["requests", "deployments", "websockets"]
Direction = Literal["at least", "at most"]


@dataclasses.dataclass(frozen=True)
class Series:
    """One competitor's values of one measure.

    :ivar part: which part measured it
    :ivar measure: what was measured, such as ``plain``; goals refer to it
    :ivar competitor: whose values these are, such as ``ours`` or ``seed``
    :ivar unit: of the values: ``requests/s``, ``s``, ``ms``, ``tasks``, ``%``
    :ivar values: one for each round, in the order of rounds; of two series of a measure, values with the same index were measured
        right after each other
    """

    part: Part
    measure: str
    competitor: str
    unit: str
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        if not self.values:
            raise ValueError(f"{self.measure} of {self.competitor} has no values")

    @property
    def median(self) -> float:
        """The value in the middle."""
        return statistics.median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """The least and the greatest value."""
        return min(self.values), max(self.values)


@dataclasses.dataclass(frozen=True)
class Goal:
    """The value that a measure should reach.

    :ivar id: short name, unique over all parts
    :ivar what: the goal in words, for the report
    :ivar measure: of which series
    :ivar of: the competitor whose values count
    :ivar against: the competitor that its values are divided by, round by round; ``None`` takes the values themselves
    :ivar over: the measure of ``against``, where that is another one; default: the same
    :ivar growth: two more measures, of ``of`` and of ``against``: what the first two have become of them is compared, so that the goal
        is about how both grow
    :ivar every: whether each round has to meet the bound, not the median of them
    :ivar limit: where the goal is out of reach: what the limit is, and the profile that shows it; kept by the report
    """

    id: str
    part: Part
    what: str
    measure: str
    of: str
    against: str | None
    direction: Direction
    bound: float
    over: str | None = None
    growth: tuple[str, str] | None = None
    every: bool = False
    limit: str = ""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The measurement for a goal; ``measured`` is a ratio where the goal has an ``against``, else in the unit of the series.

    :ivar measured: median of the rounds, or the round that is furthest from the goal where every one counts
    :ivar spread: the least and the greatest of the rounds
    """

    goal: Goal
    measured: float
    spread: tuple[float, float]
    met: bool


@dataclasses.dataclass(frozen=True)
class Results:
    """A run of one part.

    :ivar date: ISO date of the run
    :ivar machine: what it ran on, by name
    :ivar versions: of the programs compared, by name
    :ivar notes: facts to be read beside the figures, by name
    """

    part: Part
    series: tuple[Series, ...]
    date: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    notes: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def find(self, measure: str, competitor: str) -> Series | None:
        """Return a series, ``None`` where it was not measured."""
        return next((one for one in self.series if (one.measure, one.competitor) == (measure, competitor)), None)


def ratios(series: Series, other: Series) -> tuple[float, ...]:
    """Return one series divided by another, round by round: what slows both down at a time does not count.

    :raises ValueError: if one has more rounds than the other
    """
    return tuple(mine / theirs for mine, theirs in zip(series.values, other.values, strict=True))


def reached(goal: Goal, value: float) -> bool:
    """Say whether a value meets the bound of a goal; the bound itself does."""
    return value >= goal.bound if goal.direction == "at least" else value <= goal.bound


def judge(goal: Goal, results: Results) -> Verdict | None:
    """Return what was measured for a goal, ``None`` where a series of it is missing."""
    mine = results.find(goal.measure, goal.of)
    theirs = results.find(goal.over or goal.measure, goal.against) if goal.against else None
    if mine is None or (goal.against and theirs is None):
        return None
    values = ratios(mine, theirs) if theirs else mine.values
    if goal.growth and goal.against:
        before, other = results.find(goal.growth[0], goal.of), results.find(goal.growth[1], goal.against)
        if before is None or other is None:
            return None
        values = tuple(now / then for now, then in zip(values, ratios(before, other), strict=True))
    worst = min(values) if goal.direction == "at least" else max(values)
    measured = worst if goal.every else statistics.median(values)
    return Verdict(goal, measured, (min(values), max(values)), reached(goal, measured))


def machine() -> dict[str, str]:
    """Return what this machine is, without its name."""
    cpu = platform.machine()
    cpuinfo, meminfo = Path("/proc/cpuinfo"), Path("/proc/meminfo")
    if cpuinfo.exists():
        models = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        cpu = models[0] if models else cpu
    memory = int(meminfo.read_text().split()[1]) / 2**20 if meminfo.exists() else 0.0
    return {
        "processor": cpu,
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "load before": f"{os.getloadavg()[0]:.1f}",
    }


def today() -> str:
    """Return the date, UTC."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def path(part: Part, directory: Path = DIRECTORY) -> Path:
    """Return the file of a part."""
    return directory / f"{part}.json"


def save(results: Results, directory: Path = DIRECTORY) -> Path:
    """Write the results of a part and return the file; what was there before is gone."""
    target = path(results.part, directory)
    directory.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(dataclasses.asdict(results), indent=2) + "\n")
    return target


def load(part: Part, directory: Path = DIRECTORY) -> Results | None:
    """Return the results of a part as last saved, ``None`` where there are none."""
    source = path(part, directory)
    if not source.exists():
        return None
    document = json.loads(source.read_text())
    series = tuple(Series(**{**one, "values": tuple(one["values"])}) for one in document.pop("series"))
    return Results(series=series, **document)


def rounded(values: Iterable[float], digits: int = 4) -> tuple[float, ...]:
    """Return values as they are worth keeping: with so many significant digits."""
    return tuple(float(f"{value:.{digits}g}") for value in values)
