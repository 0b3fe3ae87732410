"""The effect of a switch on clients: latencies of requests that arrive at a fixed rate, at rest and while a new instance takes over."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..harness.host import Host
from .deployed import description, playbook
from .results import Series, rounded

# So many that none waits for its answer before it is due again: the rate holds, whatever the site does.
CLIENTS = 100
# Before the playbook begins, and after it has ended.
REST_SECONDS = 6
# A run that takes longer than the one before it.
SLACK = 1.6
# A run that changes nothing: it takes the processors which the controller shares with the host.
PING, PING_SECONDS = Path(__file__).parent / "ping.yml", 6
# Time after the rename of a switch in which connections end that were made before it.
AFTER_SECONDS = 0.5
LOG = "/tmp/switching.log"


class Sample(NamedTuple):
    """A request: when it began, in seconds since the epoch; its status, -1 for none; what it took, in milliseconds."""

    began: float
    status: int
    milliseconds: float


def parse(log: str) -> list[Sample]:
    """Return the requests of a log of h2load's; a last line that is not complete does not count."""
    rows = (line.split("\t") for line in log[: log.rfind("\n") + 1].splitlines())
    return [Sample(int(began) / 1e6, int(status), int(took) / 1e3) for began, status, took, *_more in rows]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that so many percent of the values do not exceed (nearest rank).

    :raises ValueError: where there are none
    """
    if not values:
        raise ValueError("no requests in this time")
    return sorted(values)[max(0, math.ceil(len(values) * share / 100) - 1)]


def within(samples: Sequence[Sample], began: float, ended: float) -> list[float]:
    """Return the milliseconds of the requests that began in this time."""
    return [sample.milliseconds for sample in samples if began <= sample.began <= ended]


def moments(target: Host) -> tuple[float, float]:
    """Return when the live instance was started, and when it was switched to, in seconds since the epoch."""
    script = (
        "import os, subprocess, time\n"
        "name = os.readlink('/etc/flask/direct/live').removesuffix('.ini')\n"
        "command = ['systemctl', 'show', '-P', 'InactiveExitTimestampMonotonic', f'flask-direct@{name}.service']\n"
        "ago = time.monotonic() - int(subprocess.check_output(command)) / 1e6\n"
        "print(time.time() - ago, os.lstat('/run/flask/direct/uwsgi.sock').st_mtime)\n"
    )
    started, switched = target.run("python3", "-", given=script).split()
    return float(started), float(switched)


def switches(target: Host, directory: Path, rate: float, rounds: int) -> list[Series]:
    """Switch so many times under load and return latencies and failures; nothing, where every run outlasted its load.

    A switch is the time from the start of the candidate to half a second after the rename. The controller shares the processors with the
    host, which it does not elsewhere, so it runs with the least priority; what it does to the requests all the same is in the whole run.

    :param rate: requests per second
    """
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    began = time.monotonic()
    playbook(target, description({"TURN": "first"}), directory, nice=19)
    usual = time.monotonic() - began
    number = 0
    for attempt in range(2 * rounds):
        seconds = math.ceil(2 * REST_SECONDS + PING_SECONDS + SLACK * usual)
        load = [
            "h2load",
            "--h1",
            "--connect-to=127.0.0.1:80",
            f"-c{CLIENTS}",
            f"--rps={rate / CLIENTS:.3f}",
            f"-D{seconds}",
            f"--log-file={LOG}",
        ]
        target.run("rm", "-f", LOG)
        started = time.time()
        target.start(*load, "http://direct.localhost/")
        time.sleep(REST_SECONDS)
        ping_began = time.time()
        playbook(target, [], directory, nice=19, play=str(PING))
        run_began = time.time()
        playbook(target, description({"TURN": str(attempt)}), directory, nice=19)
        run_ended = time.time()
        time.sleep(max(0.0, started + seconds + 2 - run_ended))
        usual = run_ended - run_began
        if run_ended > started + seconds:
            print(f"requests: a run took {usual:.0f} s and outlasted its load; once more", flush=True)
            continue
        number += 1
        samples = parse(target.run("cat", LOG))
        candidate, switched = moments(target)
        rest = within(samples, started + 1, ping_began)
        during = within(samples, candidate, switched + AFTER_SECONDS)
        found["p99 at rest", "ms"].append(percentile(rest, 99))
        found["p99 during a play that only pings", "ms"].append(percentile(within(samples, ping_began, run_began), 99))
        found["p99 during a switch", "ms"].append(percentile(during, 99))
        found["p99 during the whole run", "ms"].append(percentile(within(samples, run_began, run_ended), 99))
        found["worst during a switch", "ms"].append(max(during))
        found["failed during a switch", "requests"].append(sum(sample.status != 200 for sample in samples))
        found["length of a switch", "s"].append(switched - candidate)
        print(
            f"requests: switch {number} of {rounds} at {len(rest) / max(0.1, ping_began - started - 1):.0f} requests/s: "
            f"{', '.join(f'{measure} {values[-1]:.4g} {unit}' for (measure, unit), values in found.items())}",
            flush=True,
        )
        if number == rounds:
            break
    return [Series("requests", measure, "ours", unit, rounded(values)) for (measure, unit), values in found.items()]
