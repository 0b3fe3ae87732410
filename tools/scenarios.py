#!/usr/bin/env python3
"""Run Molecule scenarios side by side: a line for each with what its steps took, the log of each that failed, and at the end why each failed.

Molecule's own --workers wants all hosts created by one scenario; ours each bring their own, so they can run alone too.

A scenario with `SCENARIO_SET: test` in the `provisioner.env` of its molecule.yml is one of `make test`; one with `SCENARIO_SET: request` runs
only if it is named; all others are the rest.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import os
import re
import signal
import subprocess
import sys
import time
import typing as t
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / ".cache" / "molecule"
BIN = ROOT / ".venv" / "bin"
TAIL = 120
# A web page of CI shows only the end of a log, and the reason of every failure has room there.
REASON = 600
# They begin first, so that no long one runs alone at the end.
LONGEST = ("release_lifecycle", "chaos", "uwsgi_service_streams", "default", "nginx_site")
# With every commit CI runs one slice of the rest, so that as many commits in a row see all of it.
SLICES = 3
# Molecule prints such a line when a step begins and when it has ended.
STEP = re.compile(r"\[\w+ > (\w+)\].*\b(Executing|Executed)\b")
# Ansible tells a failure of a host in lines up to an empty one, and at the end which hosts failed in earnest: not those that were rescued.
TOLD = re.compile(r"^(?:fatal|failed): \[([^\]\s]+)[^\n]*(?:\n[^\n]+)*", re.MULTILINE)
LOST = re.compile(r"^(\S+) +: ok=.*(?:unreachable|failed)=[1-9]", re.MULTILINE)
# pytest begins the lines of what it found so.
FOUND = re.compile(r"^E  +\S.*", re.MULTILINE)

running: dict[str, subprocess.Popen[str]] = {}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The result of a scenario."""

    passed: bool
    seconds: float
    # The steps in order, with their seconds.
    steps: tuple[tuple[str, float], ...]

    def line(self, name: str) -> str:
        """Return a line for people; destroy comes first and last, and a step of less than a second is not worth a word."""
        told = ", ".join(f"{step} {seconds:.0f}" for step, seconds in self.steps if seconds >= 1)
        return f"{'passed' if self.passed else 'FAILED'}  {name:<24} {self.seconds:>4.0f} s  {told}"


def available() -> list[str]:
    """Return the names of all scenarios in the order they begin."""
    names = sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))
    return sorted(names, key=lambda name: LONGEST.index(name) if name in LONGEST else len(LONGEST))


def set_of(name: str) -> str:
    """Return which set a scenario belongs to, as it says itself.

    :raises ValueError: if there is no such set
    """
    described = yaml.safe_load((ROOT / "molecule" / name / "molecule.yml").read_text()) or {}
    found = ((described.get("provisioner") or {}).get("env") or {}).get("SCENARIO_SET", "rest")
    if found not in ("test", "rest", "request"):
        raise ValueError(f"molecule/{name}/molecule.yml: SCENARIO_SET is {found!r}, but must be 'test' or 'request' or left out")
    return found


def sliced(names: t.Sequence[str], commit: str) -> list[str]:
    """Return the part of some scenarios that a commit runs; commits that follow each other mostly run different ones."""
    number = int(hashlib.sha256(commit.encode()).hexdigest(), 16) % SLICES
    return list(names[number::SLICES])


def chosen(arguments: argparse.Namespace) -> list[str]:
    """Return the scenarios that the command line asks for, in the order they begin.

    :raises ValueError: if there is no such scenario or set
    """
    names = available()
    if unknown := sorted(set(arguments.names) - set(names)):
        raise ValueError(f"no such scenario: {', '.join(unknown)}; there are: {', '.join(names)}")
    if arguments.names:
        return [name for name in names if name in arguments.names]
    names = [name for name in names if set_of(name) != "request"]
    if not arguments.set:
        return names
    found = [name for name in names if set_of(name) == "test"]
    if arguments.slice:
        more = sliced([name for name in names if name not in found], arguments.slice)
        print(
            f"of the rest, commit {arguments.slice} runs {', '.join(more)}; again with: make molecule SCENARIO='{' '.join(more)}'",
            flush=True,
        )
        found = [name for name in names if name in (*found, *more)]
    return found


def molecule(*arguments: str) -> subprocess.Popen[str]:
    """Start Molecule in a process group of its own, so that Ctrl-C reaches us alone and we can clean up."""
    environment = {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
    }
    return subprocess.Popen(
        [BIN / "molecule", *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
        errors="replace",
    )


def follow(process: subprocess.Popen[str], log: Path) -> list[tuple[str, float]]:
    """Write what a run of Molecule says to a log until it ends, and return its steps with their seconds."""
    began: dict[str, float] = {}
    steps: list[tuple[str, float]] = []
    assert process.stdout is not None
    with log.open("a", encoding="utf-8", buffering=1) as output:
        for line in process.stdout:
            output.write(line)
            if found := STEP.search(line):
                step, what = found.groups()
                if what == "Executing":
                    began[step] = time.monotonic()
                elif step in began:
                    steps.append((step, time.monotonic() - began.pop(step)))
    return steps


def run(name: str, suite: str) -> Outcome:
    """Run one scenario."""
    log = LOGS / f"{name}.log"
    log.unlink(missing_ok=True)
    # The controller stays in, for plays on it.
    limit = ["--", "--limit", f"*{suite},localhost"] if suite else []
    started = time.monotonic()
    running[name] = molecule("test", "-s", name, *limit)
    steps = follow(running[name], log)
    passed = running[name].wait() == 0
    del running[name]
    return Outcome(passed, time.monotonic() - started, tuple(steps))


def show(name: str) -> None:
    """Print the log of a failed scenario, all of it where nobody can open the file afterwards."""
    log = LOGS / f"{name}.log"
    lines = log.read_text(errors="replace").splitlines()
    shown = lines if os.environ.get("CI") else lines[-TAIL:]
    print(f"--- {log.relative_to(ROOT)}, {len(shown)} of {len(lines)} lines", *shown, f"--- end of {name}", sep="\n", flush=True)


def reason(said: str) -> str:
    """Return from the log of a failed scenario what the task or the test that failed said, cut to some lines of a page."""
    lost = set(LOST.findall(said))
    tasks = [told.group(0) for told in TOLD.finditer(said) if told.group(1) in lost]
    last = FOUND.findall(said)[:3] or tasks[-1:] or said.strip().splitlines()[-3:]
    named = re.findall(r"^TASK \[([^\n]*)\] \*", said[: said.rfind(last[-1])], re.MULTILINE)
    told = " ".join(" ".join(last).split())
    return f"{named[-1]}: {told}"[:REASON] if named else told[:REASON]


def stop() -> None:
    """End what we started and remove its hosts."""
    print(f"interrupted: removing the hosts of {', '.join(running) or 'nothing'}", flush=True)
    interrupted = dict(running)
    for process in interrupted.values():
        os.killpg(process.pid, signal.SIGTERM)
    for process in interrupted.values():
        process.wait()
    for name, process in [(name, molecule("destroy", "-s", name)) for name in interrupted]:
        follow(process, LOGS / f"{name}.log")
        process.wait()


def parse() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="SCENARIO", help="default: all but those of the set request")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (%(default)s)")
    parser.add_argument("--suite", default="", help="only the hosts of this Debian release, e.g. trixie")
    parser.add_argument("--set", choices=["test"], help="those of `make test` only")
    parser.add_argument("--slice", default="", metavar="COMMIT", help="with --set, also the part of the rest that belongs to this commit")
    parser.add_argument("--list", action="store_true", help="print the names, run nothing")
    return parser


def main() -> int:
    parser = parse()
    arguments = parser.parse_args()
    try:
        names = chosen(arguments)
    except ValueError as error:
        parser.error(str(error))
    if arguments.list:
        print(*names, sep="\n")
        return 0

    LOGS.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    failed: dict[str, str] = {}
    with ThreadPoolExecutor(max(1, arguments.jobs)) as pool:
        runs: dict[Future[Outcome], str] = {pool.submit(run, name, arguments.suite): name for name in names}
        try:
            for done in as_completed(runs):
                outcome = done.result()
                print(outcome.line(runs[done]), flush=True)
                if not outcome.passed:
                    show(runs[done])
                    failed[runs[done]] = reason((LOGS / f"{runs[done]}.log").read_text(errors="replace"))
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            stop()
            return 130

    print(
        f"{len(names) - len(failed)} passed, {len(failed)} failed",
        *(f"{name}: {why}" for name, why in failed.items()),
        sep="\n",
        flush=True,
    )
    return 1 if failed or not names else 0


if __name__ == "__main__":
    sys.exit(main())
