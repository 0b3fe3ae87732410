#!/usr/bin/env python3
"""Judge what became of the same requests on both fronts and on plain nginx before gunicorn: verdict.py RESULTS [--report FILE].

RESULTS is a directory with a JSON file for each host: `nginx`, its version, and what `semantics.py` has printed of the sites `direct`, `proxy`
and `reference`. The fronts must treat each request in the same way, and where plain nginx treats it in another, reasons.yml says why.
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
DOCUMENT = HERE.parents[1] / "docs" / "requests.md"
SITES = ("direct", "proxy", "reference")
HEAD = """\
# Requests, as Flask sees them

Written by `make request-table`; do not edit.

The scenario `requests` sends each of these requests to the same Flask application on both fronts, and to plain nginx before gunicorn, as the documentation of
gunicorn has it. A cell has the status of the answer, and what Flask tells of the request or the client gets. `HOST` is the name of the site; bodies are told
by their number of bytes and a digest.
"""


@dataclasses.dataclass(frozen=True)
class Row:
    """A request and what was seen of it on each site."""

    group: str
    title: str
    seen: Mapping[str, str]

    def same_fronts(self) -> bool:
        return self.seen["direct"] == self.seen["proxy"]

    def as_reference(self) -> bool:
        return self.seen["direct"] == self.seen["reference"]

    def line(self, why: str) -> str:
        cells = [self.seen["direct"], *("the same" if self.seen[site] == self.seen["direct"] else self.seen[site] for site in SITES[1:])]
        return "| " + " | ".join(_plain(cell) for cell in (self.title, *cells, "" if self.as_reference() else why)) + " |"


def _plain(cell: str) -> str:
    """Return a text that keeps to its cell of a Markdown table."""
    return cell.encode("unicode_escape").decode().replace("|", "\\|") if not cell.isprintable() else cell.replace("|", "\\|")


def rows(found: Mapping[str, Sequence[Mapping[str, str]]]) -> list[Row]:
    """Return the requests of a host's results, in their order."""
    return [Row(own["group"], own["title"], dict(zip(SITES, (own["seen"], *(case["seen"] for case in others)), strict=True)))
            for own, *others in zip(*(found[site] for site in SITES), strict=True)]  # fmt: skip


def settled(row: Row, reasons: Sequence[Mapping[str, t.Any]]) -> Row:
    """Return the row with all answers of plain nginx that ``reasons`` names, if it gave one of them, so that each run says the same."""
    answers = next((reason["reference"] for reason in reasons if "reference" in reason and row.title in reason["cases"]), ())
    known = row.seen["reference"] in answers
    return dataclasses.replace(row, seen={**row.seen, "reference": " or ".join(answers)}) if known else row


def why(row: Row, reasons: Sequence[Mapping[str, object]]) -> str:
    """Return why plain nginx treats a request in another way; empty where nobody knows."""
    return next((str(reason["why"]) for reason in reasons if any(fnmatch.fnmatchcase(row.title, one) for one in reason["cases"])), "")


def problems(found: Sequence[Row], reasons: Sequence[Mapping[str, object]]) -> list[str]:
    """Return what is wrong with the results of a host."""
    apart = [
        f"{row.group}, {row.title}: direct {row.seen['direct']!r}, proxy {row.seen['proxy']!r}" for row in found if not row.same_fronts()
    ]
    other = [
        f"{row.group}, {row.title}: {row.seen['direct']!r}, and plain nginx {row.seen['reference']!r}; mend it, or write into reasons.yml why"
        for row in found
        if not row.as_reference() and not why(row, reasons)
    ]
    return apart + other


def report(found: Sequence[Row], reasons: Sequence[Mapping[str, object]], nginx: str) -> str:
    """Return the document."""
    lines = [HEAD, f"Seen with nginx {nginx}.", ""]
    for group in dict.fromkeys(row.group for row in found):
        lines += [
            f"## {group}",
            "",
            "| request | `front: direct` | `front: proxy` | plain nginx before gunicorn | why it differs |",
            "| --- " * 5 + "|",
        ]
        lines += [row.line(why(row, reasons)) for row in found if row.group == group]
        lines.append("")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--report", type=Path, help="write the table there, of the newest nginx among the results")
    arguments = parser.parse_args()
    reasons = yaml.safe_load((HERE / "reasons.yml").read_text())
    runs = [json.loads(file.read_text()) for file in sorted(arguments.results.glob("*.json"))]
    if not runs:
        print(f"no results in {arguments.results}")
        return 1
    tables = {
        run["nginx"]: [settled(row, reasons) for row in rows(run)]
        for run in sorted(runs, key=lambda run: [int(part) for part in run["nginx"].split(".")])
    }
    if arguments.report:
        nginx, newest = list(tables.items())[-1]
        arguments.report.write_text(report(newest, reasons, nginx))
    found = [f"nginx {nginx}: {problem}" for nginx, table in tables.items() for problem in problems(table, reasons)]
    document = DOCUMENT.read_text() if DOCUMENT.exists() else ""
    for nginx, table in tables.items():
        if f"nginx {nginx}." in document and report(table, reasons, nginx) != document:
            found.append(f"{DOCUMENT.name} says something else of nginx {nginx}; run make request-table")
    print("\n".join([*(f"nginx {nginx}: {len(table)} requests" for nginx, table in tables.items()), *found]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
