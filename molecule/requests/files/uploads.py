#!/usr/bin/env python3
"""Upload slowly to proxy.test, ten at a time, until the file STOP is there: uploads.py STOP. Every upload that fails is a line.

nginx passes a request on once it has the whole body, so an upload that began before a reload is passed on after it, by the old configuration.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time

STOP = sys.argv[1]
BODY = b"x" * 20
HEAD = b"POST /n HTTP/1.1\r\nHost: proxy.test\r\nContent-Length: 20\r\nConnection: close\r\n\r\n"
answers: list[str] = []


def upload() -> str:
    """Return the status line, or the name of the error."""
    try:
        with socket.create_connection(("127.0.0.1", 80), timeout=120) as connection:
            connection.sendall(HEAD)
            for byte in BODY:
                connection.sendall(bytes([byte]))
                time.sleep(0.15)
            return connection.makefile("rb").readline().decode().strip()
    except OSError as error:
        return type(error).__name__


def keep_uploading() -> None:
    end = time.monotonic() + 1200
    while not os.path.exists(STOP) and time.monotonic() < end:
        answers.append(upload())


threads = [threading.Thread(target=keep_uploading) for _number in range(10)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
failed = [answer for answer in answers if " 200 " not in answer]
print(f"{len(answers)} uploads, {len(failed)} failed: {failed[:3]}")
sys.exit(1 if failed or not answers else 0)
