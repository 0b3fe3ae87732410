"""Answers in the uwsgi protocol for the sites of one scenario: stub.py SOCKET…, one name.sock for each application.

/…?status=404&header=Vary: Cookie     JSON of a counter, of how often this was asked for, and of what nginx sent, with that status and those headers
/…?first=A: b&later=A: c              the same, with the header A: b in the first answer, and A: c in all others
/…?pause=2                            the same, after two seconds
/…?gather=9                           the same; all answers but the first wait until nine requests have come
/…?chunks=3                           a chunk each half second with the time it was sent at
/…?open                               how many of those streams have a client
/…?size=1000                          so many bytes
/…?busy                               how many requests for the same application are being answered, this one not counted
"""

from __future__ import annotations

import collections
import itertools
import json
import os
import socket
import socketserver
import struct
import sys
import threading
import time
from typing import Any
from urllib.parse import parse_qs

PAUSE = 0.5
# A body that comes as slowly was not held by nginx until it was whole.
SLOW = 1.0
# So long an answer waits for other requests.
GATHER_SECONDS = 50
counting = threading.Lock()
counter = itertools.count(1)
asked: collections.Counter[str] = collections.Counter()
streams: list[str] = []
busy: list[str] = []


class Handler(socketserver.StreamRequestHandler):
    """One request: a packet of variables (uWSGI manual, "The uwsgi Protocol"), then the body."""

    def handle(self) -> None:
        head = self.rfile.read(4)
        began = time.monotonic()
        _modifier, size, _modifier2 = struct.unpack("<BHB", head)
        variables = unpack(self.rfile.read(size))
        body = self.rfile.read(int(variables.get("CONTENT_LENGTH") or 0))
        arrived = {"bytes": len(body), "slowly": time.monotonic() - began > SLOW}
        query = parse_qs(variables["QUERY_STRING"], keep_blank_values=True)
        name = os.path.basename(str(self.server.server_address)).removesuffix(".sock")
        busy.append(name)
        try:
            self.react(name, query, {"stub": name, "sent": variables, "arrived": arrived})
        finally:
            busy.remove(name)

    def react(self, name: str, query: dict[str, list[str]], told: dict[str, Any]) -> None:
        if "chunks" in query:
            self.stream(name, int(query["chunks"][0]))
        elif "open" in query:
            self.answer("200", [], json.dumps({"open": streams.count(name)}))
        elif "busy" in query:
            self.answer("200", [], json.dumps({"busy": busy.count(name) - 1}))
        elif "size" in query:
            self.answer("200", [], "x" * int(query["size"][0]))
        else:
            uri = f"{name} {told['sent']['REQUEST_URI']}"
            with counting:
                asked[uri] += 1
                told["asked"] = asked[uri]
            time.sleep(int(query.get("pause", ["0"])[0]))
            if told["asked"] > 1:
                gather(uri, int(query.get("gather", ["0"])[0]))
            told["number"] = next(counter)
            headers = [*query.get("header", []), *query.get("first" if told["asked"] == 1 else "later", [])]
            self.answer(query.get("status", ["200"])[0], headers, json.dumps(told))

    def answer(self, status: str, headers: list[str], body: str = "", kind: str = "application/json") -> None:
        lines = [f"HTTP/1.1 {status} Stub", f"Content-Type: {kind}", *headers, "", body]
        self.wfile.write("\r\n".join(lines).encode())

    def stream(self, name: str, chunks: int) -> None:
        streams.append(name)
        try:
            # Compressible, as nginx sees it.
            self.answer("200", [], kind="text/html")
            for number in range(1, chunks + 1):
                self.wfile.write(f"{number} {time.time()}\n".encode())
                time.sleep(PAUSE)
        except OSError:  # the client hung up
            pass
        finally:
            streams.remove(name)


def gather(uri: str, number: int) -> None:
    """Wait until so many requests for a path have come."""
    end = time.monotonic() + GATHER_SECONDS
    while asked[uri] < number and time.monotonic() < end:
        time.sleep(0.05)


def unpack(block: bytes) -> dict[str, str]:
    items: list[str] = []
    while block:
        size = int.from_bytes(block[:2], "little")
        items.append(block[2 : 2 + size].decode())
        block = block[2 + size :]
    return dict(zip(items[::2], items[1::2], strict=True))


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


def main() -> None:
    for path in sys.argv[1:]:
        if os.path.exists(path):
            os.unlink(path)
        threading.Thread(target=Server(path, Handler).serve_forever).start()
    # systemd takes the service for started from this message on.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])


main()
