"""Measure requests, deployments and WebSockets against what one would use otherwise: make bench, or python -m tests.bench at the checkout's top."""

from __future__ import annotations

import argparse
import importlib
import sys
import time

from . import report, results


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", choices=report.MODULES, help="measure one part; the others' figures stay as they are")
    parser.add_argument("--rounds", type=int, default=0, help="rounds of each measurement (default: each part's own)")
    parser.add_argument("--quick", action="store_true", help="short rounds, to see that all of it works; figures mean little")
    parser.add_argument("--report", action="store_true", help="measure nothing: write docs/benchmarks.md anew from the figures there are")
    arguments = parser.parse_args()

    directory = results.ROOT / ".cache" / "benchmarks" if arguments.quick else results.DIRECTORY
    for part, module in report.MODULES.items():
        if arguments.report or (arguments.only and part != arguments.only):
            continue
        bench = importlib.import_module(f".{module}", __package__)
        began = time.monotonic()
        machine = results.machine()
        rounds = arguments.rounds or (1 if arguments.quick else bench.ROUNDS)
        series = bench.measure(rounds, arguments.quick)
        done = results.Results(part, tuple(series), results.today(), machine, bench.versions(), bench.notes())
        print(f"{part}: {(time.monotonic() - began) / 60:.1f} min, written to {results.save(done, directory)}", flush=True)
    print(report.write(directory))
    return 0


if __name__ == "__main__":
    sys.exit(main())
