"""Requests: what the deployed site gets out of nginx and uWSGI, against the seed's recipe, nginx+gunicorn and nginx+granian.

All of them run in one container on the same cores, with the same application, the same packages and the same nginx program. One stack
is loaded at a time while the others idle, turn by turn, and every round begins with another one.
"""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..harness.host import Host, started
from .deployed import APP, ITEMS, PREFIX, description, interpreter, playbook
from .report import Plot
from .results import Goal, Series, rounded
from .switching import switches

HERE = Path(__file__).parent
# Files that are read and written for each request: code, caches and logs.
VOLUMES = ("/srv", "/var/cache", "/var/log", "/var/www")
# For a look into the container afterwards.
KEEP = bool(os.environ.get("BENCH_KEEP"))
ROUNDS = 5
SECONDS, QUICK_SECONDS = 6, 2
CONNECTIONS = 32
STREAMS = 200
CALLS = 20_000

KEYLESS = "cache hit, no instance in its key"
PINGED = "p99 during a play that only pings"
SHARE, FIRST, P99, FAILED = "plain, share of the application", "first chunk, worst", "p99 during a switch", "failed during a switch"
# Reasons why a goal cannot be reached, with the profile that shows it. The report prints them after every run.
LIMITS: dict[str, str] = {
    "cache-keyless": (
        "a hit has six `readlink` more (counted by strace of the workers), since the id of the live instance is part of the key "
        "(`$realpath_root`), so that a switch is complete without a reload of nginx. Behind a link of two letters on a tmpfs a hit took "
        "0.86 of the limit instead of 0.72. That link would be missing from boot until the application has started, and nginx answers "
        "500 where `$realpath_root` leads nowhere, so `stale: always` would not hold. A store behind a link, with no id in the key, would "
        "take answers of the old release that arrive after the switch. An id in a variable of nginx needs a reload for each switch, "
        "which ends or doubles the workers that hold streams and WebSockets."
    ),
    "cache-seed": (
        "the six `readlink` of a hit take 5 µs of nginx's processor time, and the rest of it takes 1.1 times what the recipe does (13.4 "
        "and 12.1 µs on 2026-11-29): nginx finds out whether the request is personal, and adds a request id, headers and times in the "
        "log. It saves the opening of the file (`openat`, `fstat`, `close`), which is cheap here. The recipe has none of these, stores "
        "personal answers, and serves those of the old release until they expire."
    ),
    "plain-seed": (
        "both run the same programs in the same way. For each request nginx makes 13 system calls in both, and uWSGI makes 7 in ours "
        "and 9 in the recipe (counted by strace). Both spend most of their time in Flask. Ours takes 0.85 to 1.07 times the processor "
        "time of the recipe, and has a request id, headers, and times in the log, which the recipe lacks. `threads: 1` takes 0.92 "
        "times the processor time, but then a worker that waits for a database answers no other request. The five workers of the "
        "recipe keep two processors as busy as 2 x 2 threads do, and the p99 of the recipe is higher."
    ),
    "switch-p99": (
        "the controller and the host share two processors, and the load alone takes more than one. Clients notice the processor time "
        "that the run of Ansible takes. The switch itself, from the start of the candidate to half a second after the rename, is the "
        "quieter part of the run, as the p99 of the whole run shows."
    ),
    "app-share": (
        "nginx makes 14 system calls for a plain request and uWSGI makes 8 to 12, and the view of this application does almost "
        "nothing. 8 of the calls open and close a connection between the two for each request, since the uwsgi protocol keeps no "
        "connections open. Threads add 2 to 4 futex calls. (`threads: 1` takes 0.92 times the processor time, but then a worker "
        "answers one request at a time.) An application that does more for each request has a greater share."
    ),
}
GOALS = tuple(
    Goal(name, "requests", what, measure, of, against, direction, bound, limit=LIMITS.get(name, ""), **more)
    for name, what, measure, of, against, direction, bound, more in (
        (
            "cache-keyless",
            "cache hit, against the same cache without the instance in its key",
            "cache hit",
            "ours",
            "ours",
            "at least",
            0.95,
            {"over": KEYLESS},
        ),
        ("cache-seed", "cache hit, against the seed's recipe", "cache hit", "ours", "seed", "at least", 1.15, {}),
        ("plain-seed", "plain route, against the seed's recipe", "plain", "ours", "seed", "at least", 1.15, {}),
        ("plain-gunicorn", "plain route, against nginx+gunicorn", "plain", "ours", "gunicorn", "at least", 1.9, {}),
        ("plain-granian", "plain route, against nginx+granian", "plain", "ours", "granian", "at least", 1.0, {}),
        ("app-share", "share of the application in the processor time of a request", SHARE, "ours", None, "at least", 60, {}),
        (
            "first-chunk",
            "first streamed chunk through both hops, the slowest stream",
            FIRST,
            "ours, two hops",
            None,
            "at most",
            20,
            {"every": True},
        ),
        (
            "switch-p99",
            "p99 during a switch, against p99 during a play that only pings, at half the peak",
            P99,
            "ours",
            "ours",
            "at most",
            1.5,
            {"over": PINGED},
        ),
        ("switch-failed", "requests that fail during a switch", FAILED, "ours", None, "at most", 0, {"every": True}),
    )
)

PLOTS = (
    Plot("requests", "Requests per second, 32 connections", ("return 200", "cache hit", "plain")),
    Plot("processor", "Processor time of a plain request", ("plain, nginx", "plain, server", "plain, application")),
    Plot(
        "switch",
        "p99 at half the peak load",
        ("p99 at rest", PINGED, P99, "p99 during the whole run"),
    ),
)
TEXT = """\
All competitors use the same container, the same nginx program, the same packages and the same application, a Flask view that returns a greeting. `ours` is
a deployment of `flaskops.stack.site` with default settings. `seed` is the recipe of [seed.md](seed.md) with its server blocks, its ini with five processes,
its log of every request, and the distribution's `nginx.conf`. gunicorn has 2 × processors + 1 sync workers on a unix socket. granian has a worker for each
processor, and nginx keeps its connections to it open. Both run behind an nginx with the distribution's `nginx.conf`. Every nginx writes its access log. wrk
keeps 32 connections busy from inside the container, so it uses the same processors. Processor time is the time of all processes of nginx and of the
application server for each request. The application's share is the time of the same view, called in a loop without a server. During a switch the rate of
requests is half of the peak rate of the plain route.
"""


@dataclasses.dataclass(frozen=True)
class Target:
    """A stack that is loaded.

    :ivar port: on the loopback
    :ivar host: name of the site
    :ivar web: unit, or the beginning of the names of units, of its nginx
    :ivar app: the same of its application server, empty where the request does not reach it
    """

    measure: str
    competitor: str
    port: int
    host: str
    path: str
    web: str = "nginx.service"
    app: str = ""


def rival(measure: str, name: str, port: int, path: str, app: bool = True) -> Target:
    """Return a target of a competitor that `rivals/install.sh` has set up."""
    return Target(measure, name, port, "www.example.com", path, f"rival-{name}-nginx.service", f"rival-{name}-app.service" if app else "")


TARGETS = (
    Target("return 200", "ours", 80, "direct.localhost", "/fixed"),
    Target("cache hit", "ours", 80, "direct.localhost", "/api"),
    Target("cache hit", "ours, two hops", 80, "proxy.localhost", "/api"),
    Target(KEYLESS, "ours", 80, "keyless.localhost", "/api"),
    rival("cache hit", "seed", 8100, "/api", app=False),
    Target("plain", "ours", 80, "direct.localhost", "/", app="flask-direct@"),
    rival("plain", "seed", 8101, "/"),
    rival("plain", "gunicorn", 8200, "/"),
    rival("plain", "granian", 8300, "/"),
)


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"requests: {text}", flush=True)


def prepare(target: Host, directory: Path) -> None:
    """Install nginx and the tools, deploy ours, set up the competitors, and see that all answer the same."""
    say("installing nginx, wrk and h2load in the container")
    packages = "nginx logrotate wrk nghttp2-client python3-venv"
    target.shell(
        f"export DEBIAN_FRONTEND=noninteractive; apt-get -qq update; apt-get -qq install -y --no-install-recommends {packages} >/dev/null"
    )
    target.shell("mkdir -p /opt/rivals && cp /etc/nginx/nginx.conf /opt/rivals/nginx.conf.dist")
    target.copy(HERE / "inside", "/opt/inside")
    say("deploying with the collection")
    playbook(target, description(), directory)
    say("setting up the seed's recipe, nginx+gunicorn and nginx+granian")
    for file in (*sorted((HERE / "rivals").iterdir()), APP):
        target.copy(file, "/opt/rivals/")
    # The same server once more, but for the live instance in the key of its cache: what a hit costs then is the limit of a hit with it.
    target.shell(
        "sed -n '/^server {/,$p' /etc/nginx/sites-available/direct.conf"
        " | sed -e 's/direct\\.localhost/keyless.localhost/' -e '/_cache_key/s/\\$realpath_root //' >/etc/nginx/sites-enabled/keyless.conf"
        " && nginx -t -q && systemctl reload nginx"
    )
    frozen = "import importlib.metadata as m; print('\\n'.join(f'{d.name}=={d.version}' for d in m.distributions()))"
    target.write("/opt/rivals/frozen.txt", target.run(interpreter(target), "-c", frozen))
    target.run("sh", "/opt/rivals/install.sh")
    for one in TARGETS:
        answer = wait_for(target, one)
        if one.path != "/" and answer != ITEMS:
            raise RuntimeError(f"{one.measure} of {one.competitor} has another body: {answer[:200]}")


def wait_for(target: Host, one: Target) -> str:
    """Return the body that a target answers, as soon as it does.

    :raises Failed: if it does not within 20 seconds
    """
    script = (
        "import sys, time, urllib.request\n"
        "end = time.monotonic() + 20\n"
        "while True:\n"
        "    try:\n"
        "        print(urllib.request.urlopen(urllib.request.Request(sys.argv[1], headers={'Host': sys.argv[2]}), timeout=5).read().decode(), end='')\n"
        "        break\n"
        "    except OSError:\n"
        "        if time.monotonic() > end: raise\n"
        "        time.sleep(0.2)\n"
    )
    return target.run("python3", "-", f"http://127.0.0.1:{one.port}{one.path}", one.host, given=script)


# Measurements


def load(target: Host, one: Target, seconds: float) -> dict[str, Any]:
    """Load one target; what comes back is described in `inside/load.py`."""
    units = [unit for unit in (one.web, one.app) if unit]
    url = f"http://127.0.0.1:{one.port}{one.path}"
    return json.loads(
        target.run("python3", "/opt/inside/load.py", url, one.host, str(seconds), str(CONNECTIONS), *units, timeout=seconds + 60)
    )


def turn(number: int) -> Iterator[Target]:
    """Yield the targets of a round: every round begins with another one, every second round goes backwards."""
    step = 1 if number % 2 == 0 else -1
    yield from (TARGETS[(number + step * place) % len(TARGETS)] for place in range(len(TARGETS)))


def requests(target: Host, rounds: int, seconds: int) -> list[Series]:
    """Return requests per second, latencies and processor time of all targets."""
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for one in TARGETS:
        load(target, one, 1)
    for number in range(rounds):
        for one in turn(number):
            got = load(target, one, seconds)
            if got["failed"]:
                say(f"{one.measure}, {one.competitor}: {got['failed']} of {got['requests']} requests failed")
            rate, name = got["requests"] / got["seconds"], one.competitor
            spent = {unit: taken / got["requests"] * 1e6 for unit, taken in got["processor"].items()}
            found[one.measure, name, "requests/s"].append(rate)
            found[f"{one.measure}, p99", name, "ms"].append(got["p99"])
            found[f"{one.measure}, nginx", name, "µs"].append(spent[one.web])
            if one.app:
                found[f"{one.measure}, server", name, "µs"].append(spent[one.app])
            costs = "  ".join(f"{unit.split('.')[0]} {cost:.0f} µs" for unit, cost in spent.items())
            say(f"round {number + 1} of {rounds}: {one.measure:<11} {name:<15} {rate:>7.0f} requests/s  {costs}")
        call = float(target.run(interpreter(target), "/opt/inside/call.py", "/opt/rivals/app", "/", str(CALLS)))
        found["plain, application", "ours", "µs"].append(call)
        total = found["plain, nginx", "ours", "µs"][-1] + found["plain, server", "ours", "µs"][-1]
        found["plain, share of the application", "ours", "%"].append(call / total * 100)
    return [Series("requests", measure, name, unit, rounded(values)) for (measure, name, unit), values in found.items()]


def streams(target: Host, rounds: int) -> list[Series]:
    """Return what the first chunk of a stream takes from the application to the client, through one hop and through two."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for _number in range(rounds):
        for competitor, site in (("ours", "direct.localhost"), ("ours, two hops", "proxy.localhost")):
            taken = json.loads(target.run("python3", "/opt/inside/stream.py", "80", site, "/time/", str(max(1, STREAMS // rounds))))
            found["first chunk, p50", competitor].append(statistics.median(taken))
            found["first chunk, worst", competitor].append(max(taken))
    say(
        "first chunk, worst: "
        + ", ".join(f"{name} {max(values):.1f} ms" for (measure, name), values in found.items() if "worst" in measure)
    )
    return [Series("requests", measure, name, "ms", rounded(values)) for (measure, name), values in found.items()]


_versions: dict[str, str] = {}


def versions() -> dict[str, str]:
    """Return the versions of what was compared, by name; after `measure`."""
    return _versions


def notes() -> dict[str, Any]:
    """Return what is to be read beside the figures; after `measure`."""
    return {"connections": CONNECTIONS}


def ask_versions(target: Host) -> dict[str, str]:
    """Return the versions of what runs in the container."""
    names = "['Flask', 'Werkzeug', 'pyuwsgi', 'gunicorn', 'granian']"
    script = f"import importlib.metadata as m; print('\\n'.join(f'{{n}} {{m.version(n)}}' for n in {names}))"
    packages = dict(line.split() for line in target.run("/opt/rivals/venv/bin/python", "-c", script).splitlines())
    debian = target.shell("cat /etc/debian_version").strip()
    nginx = target.shell("nginx -v 2>&1").strip().rpartition("/")[2]
    return {"Debian": debian, "nginx": nginx, "Python": target.shell("python3 -V").split()[1], **packages}


def measure(rounds: int, quick: bool) -> list[Series]:
    """Deploy, load and return the series.

    :param quick: two seconds for each load instead of six
    """
    seconds = QUICK_SECONDS if quick else SECONDS
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory, started("serving", f"{PREFIX}serving", keep=KEEP, volumes=VOLUMES) as target:
        prepare(target, Path(directory))
        _versions.update(ask_versions(target))
        say(f"ready after {time.monotonic() - began:.0f} s; {rounds} rounds of {len(TARGETS)} loads of {seconds} s")
        loaded = requests(target, rounds, seconds)
        peak = next(one.median for one in loaded if (one.measure, one.competitor) == ("plain", "ours"))
        found = [*loaded, *streams(target, rounds)]
        try:
            found += switches(target, Path(directory), peak / 2, rounds)
        except RuntimeError as error:
            # The earlier measurements are kept; the report says that those of switches are missing.
            say(f"no figures of switches: {error}")
        return found
