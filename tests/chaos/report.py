"""The table of cases, for a terminal and as Markdown."""

from __future__ import annotations

import platform
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.flaskops.stack.tests.chaos.points import FIRST_ONES, Case
from ansible_collections.flaskops.stack.tests.chaos.proof import Verdict

LETTERS = {
    "a": "both applications answered all the time; after a power cut, they answered after the boot, without another run",
    "b": "every answer came from either the old or the new release, and none mixed the two",
    "c": "the next run converged, and the run after it changed nothing",
    "d": "the broken run and the next one left no instance, unit, process, socket, staged tree, lock, file or directory that an undisturbed run does not leave",
}

_COUNTS = re.compile(r"^(\d+) of (\d+) cases hold\b", re.MULTILINE)


def line(verdict: Verdict) -> str:
    """Return a line for the terminal, and one for each thing that does not hold."""
    marks = " ".join(f"{letter}:{'no' if getattr(verdict, letter) else 'ok'}" for letter in LETTERS)
    texts = [f"      {letter}: {getattr(verdict, letter)}" for letter in LETTERS if getattr(verdict, letter)]
    if texts and verdict.said:
        texts.append(f"      it said: {verdict.said}")
    return "\n".join([f"{marks}  {verdict.requests:>5}  {verdict.case.title}", *texts])


def summary(verdicts: Sequence[Verdict]) -> str:
    """Return the totals by kind."""
    rows = [f"{'':<32} {'cases':>6} {'hold':>6} {'requests':>9}"]
    for kind in [*dict.fromkeys(verdict.case.kind for verdict in verdicts), ""]:
        of_kind = [verdict for verdict in verdicts if kind in ("", verdict.case.kind)]
        holding = sum(verdict.holds for verdict in of_kind)
        rows.append(f"{kind or 'all':<32} {len(of_kind):>6} {holding:>6} {sum(verdict.requests for verdict in of_kind):>9}")
    return "\n".join(rows)


def section(case: Case) -> str:
    """Return the heading that a case is under."""
    name = case.kind.capitalize()
    return f"{name}, {case.operation}" if case.operation and not case.kind.startswith(case.operation) else name


def write(path: Path, verdicts: Sequence[Verdict], cases: Sequence[Case]) -> None:
    """Write the tables as Markdown. Sections of a former report stay as they are if the run has tried none of their cases.

    :param cases: all cases that there are, of which the run may have tried some
    """
    sections = _sections(path.read_text(encoding="utf-8")) if path.exists() else {}
    every = Counter(section(case) for case in cases)
    for heading in dict.fromkeys(section(verdict.case) for verdict in verdicts):
        sections[heading] = _table([verdict for verdict in verdicts if section(verdict.case) == heading], every[heading])
    counts = [found for text in sections.values() for found in _COUNTS.findall(text)]
    holding, tried = (sum(int(found[place]) for found in counts) for place in (0, 1))
    text = [
        "# Killed anywhere",
        "",
        "Written by `make chaos`; do not edit.",
        "",
        "`make chaos` deploys a changed application (other code, another requirement, another route of nginx) beside an application that"
        " does not change. It breaks this deployment at every task of the controller, at every step of every module, and by faults of the"
        " machine below it or of an application on it; and a rollback, a removal, a purge, the first certificate from a CA, a certificate of one's"
        " own and a renewal without Ansible at every step of their modules and of the service that renews. Each case"
        " begins on a fresh copy of the same host and runs over SSH, while clients send requests to both applications all the time.",
        "",
        *(f"- **{letter}**: {meaning}" for letter, meaning in LETTERS.items()),
        "",
        f"All sections together: {holding} of {tried} cases hold. A run may try the cases of some sections, so each"
        " section has a date, and the names that steps had then.",
        "",
        "The steps come from a recorded run. If a step repeats, as in a loop over the files of a virtualenv, the cases break the first"
        f" {FIRST_ONES} repetitions, one in the middle and the last. A power cut ends everything in memory at once, but the disk of a"
        " container keeps data that was not flushed yet. So the unit tests prove that releases and files are on the disk before they get"
        " their names.",
        "",
        *(line for heading, table in sections.items() for line in (f"## {heading}", "", table, "")),
    ]
    path.write_text("\n".join(text).rstrip() + "\n", encoding="utf-8")


def _sections(text: str) -> dict[str, str]:
    """Return the sections of a report by their headings."""
    found = {}
    for part in text.split("\n## ")[1:]:
        heading, _end, table = part.partition("\n")
        found[heading] = table.strip()
    return found


def _table(verdicts: Sequence[Verdict], every: int) -> str:
    """Return a section: how many of its cases hold, and a row for each.

    :param every: how many cases there are
    """
    holding = sum(verdict.holds for verdict in verdicts)
    untried = f" {every - len(verdicts)} more were not tried." if every > len(verdicts) else ""
    rows = [
        f"{holding} of {len(verdicts)} cases hold, {sum(verdict.requests for verdict in verdicts):,} requests."
        f" {time.strftime('%Y-%m-%d')}, {platform.machine()}, Debian 13.{untried}",
        "",
        "| where | a | b | c | d |",
        "|---|---|---|---|---|",
    ]
    for verdict in verdicts:
        marks = " | ".join("no" if getattr(verdict, letter) else "ok" for letter in LETTERS)
        rows.append(f"| {verdict.case.name.replace('|', '/')} | {marks} |")
    return "\n".join(rows)
