# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Requests that wait for a paused application: each gets its answer, or 503 after its time, and the application sees none of them before."""

from __future__ import annotations

import json
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree import waiting_room

PAGE = "<p>again soon</p>"


class App(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """An application that answers each request with its first ten bytes, and reads no more of it."""

    daemon_threads = True
    request_queue_size = 5

    def __init__(self, place: str) -> None:
        self.asked: list[bytes] = []
        super().__init__(place, Answer)


class Answer(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        said = self.request.recv(10)
        self.server.asked.append(said)
        self.request.sendall(b"answer to " + said)


@pytest.fixture
def app(tmp_path) -> Iterator[App]:
    with App(str(tmp_path / "app.sock")) as app:
        threading.Thread(target=app.serve_forever, args=(0.01,), daemon=True).start()
        yield app
        app.shutdown()


class Room:
    """The program, as systemd starts it."""

    def __init__(self, place, seconds: float) -> None:
        (place / "page.html").write_text(PAGE)
        self.place = str(place / "waiting.sock")
        order = {
            "sockets": {self.place: str(place / "app.sock")},
            "seconds": seconds,
            "pages": [str(place / "none.html"), str(place / "page.html")],
            "retry_after": 7,
        }
        self.process = subprocess.Popen([sys.executable, "-I", waiting_room.__file__, json.dumps(order)])
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                socket.socket(socket.AF_UNIX).connect(self.place)
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("the program does not listen")

    def request(self, said: bytes) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(30)
        client.connect(self.place)
        client.sendall(said)
        return client

    def end(self) -> None:
        self.process.send_signal(signal.SIGUSR1)


@pytest.fixture
def room(tmp_path, app) -> Iterator:
    rooms: list[Room] = []

    def make(seconds: float) -> Room:
        rooms.append(Room(tmp_path, seconds))
        return rooms[-1]

    yield make
    for made in rooms:
        made.process.kill()
        made.process.wait()


def answer(client: socket.socket) -> bytes:
    """Return all that is said until the connection ends; a reset after it is what an application makes that leaves some of a request unread."""
    said = b""
    try:
        while block := client.recv(65536):
            said += block
    except ConnectionResetError:
        pass
    return said


def test_requests_wait_and_are_answered_when_the_pause_is_over(room, app):
    waiting = room(30)
    # More than the queue of the application takes at once.
    clients = [waiting.request(b"%010d" % number) for number in range(60)]
    time.sleep(0.2)
    assert app.asked == [], "the application sees nothing meanwhile"
    waiting.end()
    assert [answer(client) for client in clients] == [b"answer to %010d" % number for number in range(60)]
    assert answer(waiting.request(b"a late one")) == b"answer to a late one"


def test_an_answer_counts_if_the_application_leaves_some_of_the_request_unread(room, app):
    waiting = room(30)
    client = waiting.request(b"x" * 100_000)
    waiting.end()
    assert answer(client) == b"answer to xxxxxxxxxx"


def test_who_has_waited_too_long_is_told_when_to_come_back(room, app):
    waiting = room(0.3)
    head, _blank, body = answer(waiting.request(b"0123456789")).decode().partition("\r\n\r\n")
    assert head.splitlines()[0] == "HTTP/1.1 503 Service Unavailable"
    assert {"Retry-After: 7", "Cache-Control: no-store"} <= set(head.splitlines())
    assert (body, app.asked) == (PAGE, [])
    waiting.end()
    assert answer(waiting.request(b"0123456789")) == b"answer to 0123456789"


def test_the_application_need_not_do_what_nobody_waits_for(room, app):
    waiting = room(30)
    waiting.request(b"gone away ").close()
    client = waiting.request(b"0123456789")
    time.sleep(0.2)
    waiting.end()
    assert answer(client) == b"answer to 0123456789"
    assert app.asked == [b"0123456789"]


def test_the_program_ends_when_nobody_comes_any_more(tmp_path, app, monkeypatch):
    monkeypatch.setattr(waiting_room, "_IDLE_SECONDS", 1)
    order = {"sockets": {str(tmp_path / "w.sock"): str(tmp_path / "app.sock")}, "seconds": 1, "pages": [], "retry_after": 1}
    made = waiting_room.WaitingRoom(order)

    async def run() -> None:
        made.end()
        await made.run()

    waiting_room.asyncio.run(waiting_room.asyncio.wait_for(run(), 30))
