"""The table of cases, for a terminal and as Markdown."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.flaskops.stack.tests.chaos.points import FIRST_ONES
from ansible_collections.flaskops.stack.tests.chaos.proof import Verdict

LETTERS = {
    "a": "both applications answered all the time; after a power cut, they answered after the boot, without another run",
    "b": "every answer came from either the old or the new release, and none mixed the two",
    "c": "the next run converged, and the run after it changed nothing",
    "d": "the broken run and the next one left no instance, unit, process, socket, staged tree, lock, file or directory that an undisturbed run does not leave",
}


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


def write(path: Path, verdicts: Sequence[Verdict], every: int) -> None:
    """Write the table as Markdown.

    :param every: how many cases there are
    """
    requests = sum(verdict.requests for verdict in verdicts)
    holding = sum(verdict.holds for verdict in verdicts)
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
        f"{holding} of {len(verdicts)} cases hold, {requests:,} requests. There are {every} cases."
        f" {time.strftime('%Y-%m-%d')}, {platform.machine()}, Debian 13.",
        "",
        "The steps come from a recorded run. If a step repeats, as in a loop over the files of a virtualenv, the cases break the first"
        f" {FIRST_ONES} repetitions, one in the middle and the last. A power cut ends everything in memory at once, but the disk of a"
        " container keeps data that was not flushed yet. So the unit tests prove that releases and files are on the disk before they get"
        " their names.",
        "",
    ]
    for kind in dict.fromkeys(verdict.case.kind for verdict in verdicts):
        text += [f"## {kind.capitalize()}", "", "| where | a | b | c | d |", "|---|---|---|---|---|"]
        for verdict in (verdict for verdict in verdicts if verdict.case.kind == kind):
            marks = " | ".join("no" if getattr(verdict, letter) else "ok" for letter in LETTERS)
            text.append(f"| {verdict.case.name.replace('|', '/')} | {marks} |")
        text.append("")
    path.write_text("\n".join(text).rstrip() + "\n", encoding="utf-8")
