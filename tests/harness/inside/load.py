"""Ask a site through nginx at a fixed rate until FILE.stop is there: python3 load.py HOST RATE FILE. Run inside a host.

A line of JSON for each request: when it was due, seconds from then to the end of the answer, status (0: none), body. Requests do not
wait for each other, so a site that stands still makes many of them late.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import sys
import threading
import time

THREADS = 16
TIMEOUT = 60


def ask(host: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=TIMEOUT)
    try:
        connection.request("GET", "/", headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except (OSError, http.client.HTTPException) as error:
        return 0, repr(error)
    finally:
        connection.close()


def work(host: str, ticks: itertools.count[int], began: float, rate: float) -> None:
    while not os.path.exists(f"{sys.argv[3]}.stop"):
        due = began + next(ticks) / rate
        time.sleep(max(0.0, due - time.time()))
        status, body = ask(host)
        # One call, so that lines of threads do not mix.
        os.write(output, json.dumps([due, round(time.time() - due, 4), status, body]).encode() + b"\n")


host, rate = sys.argv[1], float(sys.argv[2])
output = os.open(sys.argv[3], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
ticks, began = itertools.count(), time.time()
workers = [threading.Thread(target=work, args=(host, ticks, began, rate)) for _number in range(THREADS)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
