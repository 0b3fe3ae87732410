#!/usr/bin/env python3
"""Judge what the public suite of tests for HTTP caches has found: verdict.py RESULTS [--report FILE].

RESULTS is a directory with a JSON file for each host: `nginx`, its version, and what `suite.mjs` has printed of a cache route (`ours`) and of a
plain nginx beside it (`plain`). The suite tells required tests (RFC 9111 says must) from others; only these are judged. Each one that a
cache route fails needs a reason in reasons.yml, and plain nginx must fail it too.
"""

from __future__ import annotations

import argparse
import dataclasses
import fnmatch
import json
import sys
import typing as t
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parents[1] / "docs" / "caches.md"
# Fewer would be worse than what a cache route had when this was written.
LEAST = 115
HEAD = """\
# Caches, by the public suite

Written by `make http-cache-tests`; do not edit.

[http-cache-tests](https://cache-tests.fyi) is the public suite of tests for RFC 9111, the standard of HTTP caches. It has an origin server of its own, before
which a route with `mode: cache`, `valid: {any: 0s}` and `front: proxy` stands here; with `front: direct` nginx has the same directives for the uwsgi protocol.
Plain nginx is a server with `proxy_cache` and `proxy_cache_revalidate` beside it. Required tests are those of what the standard demands.

"""


@dataclasses.dataclass(frozen=True)
class Reason:
    """Why nginx cannot pass some tests."""

    why: str
    # Patterns of the tests' names.
    tests: tuple[str, ...]
    # The versions of nginx that it is about.
    since: str = "0"
    before: str = "9999"

    def is_about(self, nginx: str) -> bool:
        return _number(self.since) <= _number(nginx) < _number(self.before)

    def explains(self, test: str, nginx: str) -> bool:
        return self.is_about(nginx) and any(fnmatch.fnmatchcase(test, pattern) for pattern in self.tests)


@dataclasses.dataclass(frozen=True)
class Run:
    """The results of the suite on one host."""

    nginx: str
    ours: Mapping[str, t.Any]
    plain: Mapping[str, t.Any]

    def required(self) -> list[str]:
        return [name for name, test in self.ours.items() if test["kind"] == "required"]

    def failing(self) -> list[str]:
        return [name for name in self.required() if self.ours[name]["result"] is not True]

    def passed(self, results: Mapping[str, t.Any]) -> int:
        return sum(results[name]["result"] is True for name in self.required())

    def ours_line(self) -> str:
        """Return the beginning of the line for this version of nginx; the rest is not ours, and a little else each time."""
        return f"| {self.nginx} | {self.passed(self.ours)} of {len(self.required())} |"

    def line(self) -> str:
        return f"{self.ours_line()} {self.passed(self.plain)} of {len(self.required())} |"


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def problems(run: Run, reasons: Sequence[Reason], document: str) -> list[str]:
    """Return what is wrong with the results of a host.

    :param document: the text of the report as it stands
    """
    found = [f"a cache route passes {run.passed(run.ours)} required tests, and {LEAST} are wanted"] if run.passed(run.ours) < LEAST else []
    for name in run.failing():
        said = run.ours[name]["result"]
        if run.plain[name]["result"] is True:
            found.append(f"{name}: plain nginx passes it, a cache route does not: {said}")
        if not any(reason.explains(name, run.nginx) for reason in reasons):
            found.append(f"{name}: {said}; mend it, or write into reasons.yml why nginx cannot")
        elif f"(`{name}`)" not in document:
            found.append(f"{name} is not in {DOCUMENT.name}; run make http-cache-tests")
    for reason in (reason for reason in reasons if reason.is_about(run.nginx)):
        idle = [pattern for pattern in reason.tests if not fnmatch.filter(run.failing(), pattern)]
        found += [f"{pattern} passes; take it out of reasons.yml" for pattern in idle]
    if run.ours_line() not in document:
        found.append(f"{DOCUMENT.name} does not have {run.ours_line()}; run make http-cache-tests")
    return found


def report(runs: Sequence[Run], reasons: Sequence[Reason]) -> str:
    """Return the document: how many tests pass on each version of nginx, and why each of the others does not."""
    lines = ["| nginx | required tests that a cache route passes | that plain nginx passes |", "| --- | --- | --- |"]
    lines += [run.line() for run in sorted(runs, key=lambda run: _number(run.nginx))]
    lines += ["", "These stay:", "", "| test | why |", "| --- | --- |"]
    for reason in reasons:
        names = {name: run.ours[name]["name"] for run in runs for name in run.failing() if reason.explains(name, run.nginx)}
        lines += [f"| {text.replace('|', chr(92) + '|')} (`{name}`) | {reason.why} |" for name, text in names.items()]
    return HEAD + "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--report", type=Path, help="write the table there")
    arguments = parser.parse_args()
    reasons = [Reason(**{**each, "tests": tuple(each["tests"])}) for each in yaml.safe_load((HERE / "reasons.yml").read_text())]
    runs = [Run(**json.loads(file.read_text())) for file in sorted(arguments.results.glob("*.json"))]
    if arguments.report:
        arguments.report.write_text(report(runs, reasons))
    document = DOCUMENT.read_text() if DOCUMENT.exists() else ""
    found = [f"nginx {run.nginx}: {problem}" for run in runs for problem in problems(run, reasons, document)]
    print("\n".join([*(run.line() for run in runs), *found]) if runs else f"no results in {arguments.results}")
    return 1 if found or not runs else 0


if __name__ == "__main__":
    sys.exit(main())
