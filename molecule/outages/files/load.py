"""Ask two sites twice a second each, half of it with a body, until a file is there, and print what came: python3 load.py STOP.

The output is JSON: the number of requests, the answers that were no greeting, and the seconds that the slowest request took.
"""

import http.client
import json
import os
import sys
import threading
import time

BODY = b"x" * 100_000
found, failed = [], []


def ask(host, number):
    began = time.monotonic()
    method, body = ("POST", BODY) if number % 2 else ("GET", None)
    connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=300)
    try:
        connection.request(method, "/", body, {"Host": host})
        answer = connection.getresponse()
        status, text = answer.status, answer.read().decode()
    except (OSError, http.client.HTTPException) as error:
        status, text = 0, repr(error)
    finally:
        connection.close()
    found.append(time.monotonic() - began)
    if (status, text) != (200, str(len(body or b""))):
        failed.append([host, status, text[:200]])


threads, number = [], 0
while not os.path.exists(sys.argv[1]):
    for host in ("shop.example.com", "cafe.example.com"):
        threads.append(threading.Thread(target=ask, args=(host, number)))
        threads[-1].start()
    number += 1
    # No more of them wait at a pause than nginx has connections, even where a pause lasts for a minute on a busy machine.
    time.sleep(0.5)
for thread in threads:
    thread.join()
print(json.dumps({"requests": len(found), "failed": failed, "slowest": max(found)}))
