#!/usr/bin/env python3
"""Run Molecule scenarios side by side: one line for each, the log of each that failed, and a plain count at the end.

Molecule's own --workers wants all hosts created by one scenario; ours each bring their own, so they can run alone too.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / ".cache" / "molecule"
BIN = ROOT / ".venv" / "bin"
TAIL = 120
# They begin first, so that no long one runs alone at the end.
LONGEST = ("release_lifecycle", "default", "flask_app")

running: dict[str, subprocess.Popen[bytes]] = {}


def available() -> list[str]:
    """Names of all scenarios in the order they begin."""
    names = sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))
    return sorted(names, key=lambda name: LONGEST.index(name) if name in LONGEST else len(LONGEST))


def molecule(*arguments: str, log: Path) -> subprocess.Popen[bytes]:
    """Start Molecule in a process group of its own, so that Ctrl-C reaches us alone and we can clean up."""
    environment = {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
        "NO_COLOR": "1",
    }
    with log.open("ab") as output:
        return subprocess.Popen(
            [BIN / "molecule", *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def run(name: str, suite: str) -> tuple[bool, int]:
    """Run one scenario; say whether it passed, and in how many seconds."""
    log = LOGS / f"{name}.log"
    log.unlink(missing_ok=True)
    # The controller stays in, for plays on it.
    limit = ["--", "--limit", f"*{suite},localhost"] if suite else []
    started = time.monotonic()
    running[name] = molecule("test", "-s", name, *limit, log=log)
    passed = running[name].wait() == 0
    del running[name]
    return passed, round(time.monotonic() - started)


def show(name: str) -> None:
    """Print the log of a failed scenario, all of it where nobody can open the file afterwards."""
    log = LOGS / f"{name}.log"
    lines = log.read_text(errors="replace").splitlines()
    shown = lines if os.environ.get("CI") else lines[-TAIL:]
    print(f"--- {log.relative_to(ROOT)}, {len(shown)} of {len(lines)} lines", *shown, f"--- end of {name}", sep="\n", flush=True)


def stop() -> None:
    """End what we started and remove its hosts."""
    print(f"interrupted: removing the hosts of {', '.join(running) or 'nothing'}", flush=True)
    interrupted = dict(running)
    for process in interrupted.values():
        os.killpg(process.pid, signal.SIGTERM)
    for process in interrupted.values():
        process.wait()
    for process in [molecule("destroy", "-s", name, log=LOGS / f"{name}.log") for name in interrupted]:
        process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="SCENARIO", help="default: all")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (%(default)s)")
    parser.add_argument("--suite", default="", help="only the hosts of this Debian release, e.g. trixie")
    arguments = parser.parse_args()

    names = arguments.names or available()
    if unknown := sorted(set(names) - set(available())):
        parser.error(f"no such scenario: {', '.join(unknown)}; there are: {', '.join(available())}")

    LOGS.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    failed = 0
    with ThreadPoolExecutor(max(1, arguments.jobs)) as pool:
        runs: dict[Future[tuple[bool, int]], str] = {pool.submit(run, name, arguments.suite): name for name in names}
        try:
            for done in as_completed(runs):
                passed, seconds = done.result()
                print(f"{'passed' if passed else 'FAILED'}  {runs[done]:<24} {seconds:>4} s", flush=True)
                if not passed:
                    failed += 1
                    show(runs[done])
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            stop()
            return 130

    print(f"{len(names) - failed} passed, {failed} failed", flush=True)
    return 1 if failed or not names else 0


if __name__ == "__main__":
    sys.exit(main())
