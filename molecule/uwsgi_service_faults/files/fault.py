"""Make something go wrong while somebody asks, through nginx: python3 - 'FAULT AS JSON'. One line for each thing that is not as expected.

A fault has its name ``is``, texts ``says`` that must be among what systemd, uWSGI, the application and nginx log meanwhile, and ``between``,
by name the least and the most of:

    refused           answers other than 200 to a bystander who asks ten times a second
    outage            seconds from the first of them to the next 200; 0 without one
    masters           processes that were master
    victim.status     of the request that did it, and
    victim.seconds    how long it took
    queued.STATUS     answers to the requests of a burst
    answering         workers that answer afterwards
"""

from __future__ import annotations

import collections
import concurrent.futures
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

AWAY = Path("/var/lib/faulty/away")
BUSY = AWAY.with_name("busy")
# Without a remedy about one worker in three that is forked beside a busy thread hangs.
FORKS = 8
NGINX_LOG = Path("/var/log/nginx/error.log")
PAUSE = 0.1
# uWSGI's master looks after its workers once a second.
SETTLED = 20
# No service takes so long to come back, and no line to come to the journal, however slow the machine is.
PATIENCE = 300


def get(app: str, path: str = "/") -> tuple[int, dict[str, int]]:
    """Return the status of an answer and the processes that made it."""
    connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers={"Host": app})
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body) if answer.status == 200 else {}
    finally:
        connection.close()


class Bystander(threading.Thread):
    """Asks all the time."""

    def __init__(self, app: str) -> None:
        super().__init__(daemon=True)
        self.app, self.done = app, threading.Event()
        self.seen: list[tuple[float, int, dict[str, int]]] = []

    def run(self) -> None:
        while not self.done.is_set():
            self.seen.append((time.monotonic(), *get(self.app)))
            time.sleep(PAUSE)

    def outage(self) -> float:
        """Return the longest time from a bad answer to the next good one."""
        longest, since = 0.0, None
        for when, status, _by in self.seen:
            if status != 200:
                since = since or when
            elif since:
                longest, since = max(longest, when - since), None
        return float("inf") if since else longest


def unit(app: str) -> str:
    return f"flask-{app}@{os.readlink(f'/run/flask/{app}/uwsgi.sock').removesuffix('.sock')}.service"


def timed(app: str, path: str) -> dict[str, object]:
    began = time.monotonic()
    status, _by = get(app, path)
    return {"victim": {"status": status, "seconds": round(time.monotonic() - began, 1)}}


def kill_worker() -> dict[str, object]:
    os.kill(get("wide")[1]["worker"], signal.SIGKILL)
    return {}


def fork_beside_a_thread() -> dict[str, object]:
    """Have workers forked while a thread that the application has started in the master runs."""
    BUSY.touch()
    for _fork in range(FORKS):
        os.kill(get("wide")[1]["worker"], signal.SIGKILL)
        time.sleep(2)
    BUSY.unlink()
    # One request at a time occupies a worker.
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _number: get("wide", "/slow?1")[1], range(2)))
    return {"answering": len({answer["worker"] for answer in answers})}


def kill_master() -> dict[str, object]:
    os.kill(get("wide")[1]["master"], signal.SIGKILL)
    return {}


def stuck() -> dict[str, object]:
    return timed("wide", "/stuck")


def out_of_memory() -> dict[str, object]:
    return timed("wide", "/allocate?800")


def leak() -> dict[str, object]:
    for _request in range(8):
        get("wide", "/leak?40")
    return {}


def burst() -> dict[str, object]:
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda _number: get("narrow", "/slow?3")[0], range(20)))
    return {"queued": collections.Counter(map(str, statuses))}


def late_database() -> dict[str, object]:
    """Longer than systemd's own five tries."""
    AWAY.touch()
    os.kill(get("wide")[1]["master"], signal.SIGKILL)
    time.sleep(12)
    AWAY.unlink()
    return {}


FAULTS = {
    "worker killed": ("wide", kill_worker),
    "workers forked beside a thread": ("wide", fork_beside_a_thread),
    "master killed": ("wide", kill_master),
    "worker stuck": ("wide", stuck),
    "out of memory": ("wide", out_of_memory),
    "worker leaks": ("wide", leak),
    "listen queue full": ("narrow", burst),
    "database late": ("wide", late_database),
}


def logged(app: str, since: int, size: int) -> Iterator[str]:
    """Yield the lines that are new in the journal and in nginx's log."""
    command = ["journalctl", "--output=cat", "--no-pager", f"--unit={unit(app)}", f"--since=@{since}"]
    yield from subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    yield from NGINX_LOG.read_text()[size:].splitlines()


def unsaid(texts: Sequence[str], log: Sequence[str]) -> list[str]:
    """Return the texts that are in no line of a log."""
    return [text for text in texts if not any(text in line for line in log)]


def value_of(found: Mapping[str, Any], path: str) -> float:
    """Return the number at a dotted path, 0 where there is none."""
    for key in path.split("."):
        found = found.get(key, 0)
    return float(found)


def main() -> int:
    expected = json.loads(sys.argv[1])
    app, fault = FAULTS[expected["is"]]
    began = int(time.time())
    size = len(NGINX_LOG.read_text())
    bystander = Bystander(app)
    bystander.start()
    time.sleep(0.5)
    told = fault()
    asked = len(bystander.seen)
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up and [status for _when, status, _by in bystander.seen[asked:][-SETTLED:]] != [200] * SETTLED:
        time.sleep(PAUSE)
    bystander.done.set()
    bystander.join()
    found = {
        "refused": sum(status != 200 for _when, status, _by in bystander.seen),
        "outage": round(bystander.outage(), 1),
        "masters": len({by["master"] for _when, _status, by in bystander.seen if by}),
        **told,
    }
    log = list(logged(app, began, size))
    # The journal may be behind.
    while time.monotonic() < give_up and unsaid(expected["says"], log):
        time.sleep(1)
        log = list(logged(app, began, size))
    wrong = [
        f"{name} is {value_of(found, name)}"
        for name, (low, high) in expected["between"].items()
        if not low <= value_of(found, name) <= high
    ]
    wrong += [f"nobody says {text!r}" for text in unsaid(expected["says"], log)]
    print(json.dumps(found), *wrong, *(log if wrong else []), sep="\n")
    return 1 if wrong else 0


sys.exit(main())
