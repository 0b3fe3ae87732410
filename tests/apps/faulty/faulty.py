"""An application that fails on request: plain WSGI, so that a virtualenv needs uWSGI only.

/                    the process that answers, and its parent
/stuck               never answers
/slow?SECONDS        answers late
/leak?MEGABYTES      keeps so much more memory
/allocate?MEGABYTES  takes so much memory at once

It cannot be imported while there is a file ``away`` in its home, as if its database were. Its import starts a thread, as a library that sends
reports does, which runs code all the time while there is a file ``busy`` beside that one.
"""

import json
import os
import pathlib
import threading
import time

AWAY = pathlib.Path(os.environ["AWAY"])
if AWAY.exists():
    raise RuntimeError("the database is away")


def report():
    busy = AWAY.with_name("busy")
    while True:
        if busy.exists():
            sum(range(100_000))
        else:
            time.sleep(0.2)


threading.Thread(target=report, daemon=True).start()
kept = []


def memory(megabytes):
    # Written to, or the kernel gives none.
    return bytearray(os.urandom(1_000_000)) * megabytes


def application(environ, start_response):
    number = int(environ["QUERY_STRING"] or 0)
    match environ["PATH_INFO"]:
        case "/stuck":
            while True:
                time.sleep(1)
        case "/slow":
            time.sleep(number)
        case "/leak":
            kept.append(memory(number))
        case "/allocate":
            memory(number)
    body = json.dumps({"worker": os.getpid(), "master": os.getppid()}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
