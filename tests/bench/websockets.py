"""WebSockets: what many open ones cost the pages of the same site, on both fronts."""

from __future__ import annotations

import os
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from ..harness.host import Host, started, until
from .deployed import PREFIX, playbook
from .report import Plot
from .results import ROOT, Goal, Series, rounded
from .switching import parse, percentile

APP = ROOT / "tests" / "apps" / "chat"
INSIDE = Path(__file__).parent / "inside"
# For a look into the container afterwards.
KEEP = bool(os.environ.get("BENCH_KEEP"))
ROUNDS = 5
SECONDS, QUICK_SECONDS = 10, 3
SOCKETS, QUICK_SOCKETS = 1000, 50
# Each WebSocket says something every so many seconds.
PERIOD = 10
# Requests for `/` in a second, from so many clients.
RATE, CLIENTS = 300, 30
LOG, FOUND = "/tmp/websockets.log", "/tmp/websockets.json"
OPEN_SECONDS, END_SECONDS = 120.0, 60.0

SITES = {"ours": "chat.localhost", "ours, two hops": "talk.localhost"}
ALONE, BESIDE, FAILED = "p99 of `/`", "p99 of `/` beside the WebSockets", "requests that failed beside the WebSockets"
CUT, ECHO = "WebSockets that were cut", "p99 of a message there and back"
LIMITS: dict[str, str] = {}
GOALS = (
    *(
        Goal(name, "websockets", what, BESIDE, of, of, "at most", 1.5, over=ALONE, limit=LIMITS.get(name, ""))
        for name, what, of in (
            ("beside", f"p99 of `/` beside {SOCKETS:,} WebSockets, against without", "ours"),
            ("beside-two-hops", "the same through two hops", "ours, two hops"),
        )
    ),
    Goal("cut", "websockets", "WebSockets that were cut", CUT, "ours", None, "at most", 0, every=True),
    Goal("failed", "websockets", "requests that failed beside them", FAILED, "ours", None, "at most", 0, every=True),
)
PLOTS = (Plot("websockets", f"p99 of a page, without and beside {SOCKETS:,} WebSockets", (ALONE, BESIDE)),)
TEXT = f"""\
[`tests/apps/chat`](../tests/apps/chat) has WebSockets of Flask-Sock, in the stream pool with its default of one process, and pages. h2load asks for
{RATE} pages a second from {CLIENTS} clients, with {SOCKETS:,} WebSockets open and without any, in turn. Every WebSocket sends a message each {PERIOD} s and
gets it back. `ours` is `front: direct`. The clients of both kinds use the same processors as the site."""


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"websockets: {text}", flush=True)


def description(count: int) -> list[dict[str, Any]]:
    """Return the applications: the same code twice, reached through one hop and through two."""
    nginx = {
        "routes": [{"path": "/"}, {"path": "/ws/", "mode": "websocket", "probe": "/ws/echo"}],
        # All clients have one address.
        "limit": {"streams": count + 100},
    }
    shared = {"source": {"path": str(APP)}, "wsgi": "app.py", "health": {"timeout": 120}}
    return [
        {**shared, "name": "chat", "nginx": {**nginx, "server_names": [SITES["ours"]]}},
        {**shared, "name": "talk", "nginx": {**nginx, "server_names": [SITES["ours, two hops"]], "front": "proxy"}},
    ]


def ask(target: Host, site: str, seconds: int) -> tuple[float, int]:
    """Ask for pages, and return the p99 in milliseconds and how many requests failed."""
    load = ["h2load", "--h1", "--connect-to=127.0.0.1:80", f"-c{CLIENTS}", f"--rps={RATE / CLIENTS}", f"-D{seconds}", f"--log-file={LOG}"]
    target.run("rm", "-f", LOG)
    target.run(*load, f"http://{site}/")
    samples = parse(target.run("cat", LOG))
    return percentile([sample.milliseconds for sample in samples], 99), sum(sample.status != 200 for sample in samples)


def beside(target: Host, site: str, seconds: int, count: int) -> tuple[float, int, dict[str, Any]]:
    """Ask for pages while so many WebSockets are open, and return the same, with what became of these."""
    # The pages begin when all are open, and end before.
    more = [site, "/ws/echo", str(count), str(PERIOD), str(seconds + PERIOD)]
    target.start("prlimit", "--nofile=20000", "python3", "/opt/inside/sockets.py", *more, output=FOUND)
    if not until(lambda: bool(target.lines(FOUND)), OPEN_SECONDS):
        raise RuntimeError(f"the WebSockets of {site} did not open: {target.run('cat', FOUND)}")
    p99, failed = ask(target, site, seconds)
    if not until(lambda: len(target.lines(FOUND)) == 2, seconds + PERIOD + END_SECONDS):
        raise RuntimeError(f"the WebSockets of {site} did not end: {target.run('cat', FOUND)}")
    return p99, failed, target.lines(FOUND)[1]


_versions: dict[str, str] = {}


def versions() -> dict[str, str]:
    """Return the versions of what was measured, by name; after `measure`."""
    return _versions


def notes() -> dict[str, Any]:
    """Return what is to be read beside the figures."""
    return {}


def ask_versions(target: Host) -> dict[str, str]:
    """Return the versions of what runs in the container."""
    script = (
        "import importlib.metadata as m; print('\\n'.join(f'{n} {m.version(n)}' for n in ['Flask', 'flask-sock', 'gevent', 'pyuwsgi']))"
    )
    python = target.shell("ls -d /srv/flask/chat/venvs/*/bin/python | head -n 1").strip()
    packages = dict(line.split() for line in target.run(python, "-c", script).splitlines())
    nginx = target.shell("nginx -v 2>&1").strip().rpartition("/")[2]
    return {"Debian": target.shell("cat /etc/debian_version").strip(), "nginx": nginx, **packages}


def rounds_of(target: Host, rounds: int, seconds: int, count: int) -> list[Series]:
    """Measure without and with WebSockets in turn; every second round begins with them."""
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for number in range(rounds):
        for name, site in SITES.items():
            if number % 2 == 0:
                alone, _failed = ask(target, site, seconds)
            p99, failed, sockets = beside(target, site, seconds, count)
            if number % 2:
                alone, _failed = ask(target, site, seconds)
            if sockets["wrong"]:
                say(f"{name}: {sockets['wrong']}")
            found[ALONE, name, "ms"].append(alone)
            found[BESIDE, name, "ms"].append(p99)
            found[FAILED, name, "requests"].append(failed)
            found[CUT, name, "WebSockets"].append(count - sockets["held"])
            found[ECHO, name, "ms"].append(percentile(sockets["took"], 99))
            figures = ", ".join(f"{what} {values[-1]:.4g} {unit}" for (what, who, unit), values in found.items() if who == name)
            say(f"round {number + 1} of {rounds}, {name}: {figures}")
    return [Series("websockets", measure, name, unit, rounded(values)) for (measure, name, unit), values in found.items()]


def measure(rounds: int, quick: bool) -> list[Series]:
    """Deploy, measure and return the series.

    :param quick: fewer WebSockets and seconds
    """
    seconds, count = (QUICK_SECONDS, QUICK_SOCKETS) if quick else (SECONDS, SOCKETS)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory, started("serving", f"{PREFIX}websockets", keep=KEEP) as target:
        say("installing h2load in the container and deploying")
        packages = "nghttp2-client python3-venv"
        target.shell(
            f"export DEBIAN_FRONTEND=noninteractive; apt-get -qq update; apt-get -qq install -y --no-install-recommends {packages} >/dev/null"
        )
        target.copy(INSIDE, "/opt/inside")
        playbook(target, description(count), Path(directory))
        _versions.update(ask_versions(target))
        say(f"ready after {time.monotonic() - began:.0f} s")
        for site in SITES.values():
            ask(target, site, 1)
        return rounds_of(target, rounds, seconds, count)
