# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Routes are proved by requests; here to a web server on the loopback that keeps or breaks its promises."""

from __future__ import annotations

import base64
import hashlib
import http.server
import socket
import threading
from types import SimpleNamespace

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.nginx import probe
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.probe import Prober


class Clock:
    """The prober's clock. It stands still, and the server moves it; so no busy machine can make pieces come at once, or apart."""

    def __init__(self) -> None:
        self.now = 0.0
        self.reads = 0
        self.first_piece_was_read = threading.Event()

    def monotonic(self) -> float:
        """Tell the time: the prober asks before the first piece, after it and after the second."""
        self.reads += 1
        if self.reads % 3 == 2:
            self.first_piece_was_read.set()
        return self.now


class Site(http.server.BaseHTTPRequestHandler):
    """Answers by path; remembers the requests."""

    asked: list[tuple[str, str]] = []
    clock: Clock
    # How many first answers of the paths with `late` come as those of a busy host.
    late = 0

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.clock.first_piece_was_read.clear()
        known = self.path in [url for _host, url in self.asked]
        self.asked.append((self.headers["Host"], self.path))
        is_late = (
            path.startswith("/late") and len({url for _host, url in self.asked} if path == "/late-cached" else self.asked) <= self.late
        )
        if path in ("/socket", "/no-socket"):
            self._open_a_websocket(self.headers["Sec-WebSocket-Key"] if path == "/socket" else "another key")
            return
        if path == "/broken":
            self.close_connection = True
            return
        self.send_response(int(path[1:]) if path[1:].isdigit() else 200)
        if path in ("/cached", "/private", "/late-cached"):
            self.send_header("X-Proxy-Cache", "HIT" if known and path != "/private" and not is_late else "MISS")
        if path == "/private":
            self.send_header("Cache-Control", "private")
        self.end_headers()
        if path == "/stream" or path == "/late" and not is_late:
            self.wfile.write(b"one\n")
            assert self.clock.first_piece_was_read.wait(60)
            self.clock.now += 0.08
            self.wfile.write(b"two\n")
        elif path != "/empty":
            self.wfile.write(b"all at once")

    def _open_a_websocket(self, key: str) -> None:
        assert (self.headers["Upgrade"], self.headers["Connection"], self.headers["Sec-WebSocket-Version"]) == (
            "websocket",
            "Upgrade",
            "13",
        )
        self.send_response(101)
        # RFC 6455, section 4.2.2
        digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(digest).decode())
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def check(monkeypatch):
    Site.asked, Site.clock, Site.late = [], Clock(), 0
    monkeypatch.setattr(probe, "time", SimpleNamespace(monotonic=Site.clock.monotonic))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    prober = Prober(server.server_address, 60)
    yield lambda mode, path: prober.check("shop", "shop.example.com", mode, path)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(("path", "ok"), [("/", True), ("/404", True), ("/403", True), ("/500", False), ("/502", False)])
def test_a_plain_route_answers_without_an_error_of_the_server(check, path, ok):
    found = check("plain", path)
    assert found.ok == ok
    assert Site.asked == [("shop.example.com", path)]
    assert found.as_dict()["line"] == f"shop: plain route shop.example.com{path} answered {path[1:] or 200}"


def test_a_cached_route_is_stored_and_then_answered_from_the_store(check):
    found = check("cache", "/cached")
    assert (found.ok, found.says) == (True, "answered 200, X-Proxy-Cache MISS then HIT")
    # A query of its own, so that nothing of the users' is measured or replaced.
    (first, second) = [path for _host, path in Site.asked]
    assert first == second
    assert first.startswith("/cached?flaskops-validate=")
    check("cache", "/cached")
    assert Site.asked[2][1] != first


def test_a_query_is_kept(check):
    check("cache", "/cached?page=2")
    assert Site.asked[0][1].startswith("/cached?page=2&flaskops-validate=")


@pytest.mark.parametrize(
    ("path", "says"),
    [("/private", "Cache-Control: private"), ("/", "X-Proxy-Cache none then none"), ("/500", "is the status one of `valid`?")],
)
def test_a_cached_route_that_is_not_stored_is_told_why(check, path, says):
    found = check("cache", path)
    assert not found.ok
    assert says in found.says


def test_a_stream_comes_in_pieces(check):
    found = check("stream", "/stream")
    assert found.ok
    assert "first chunk" in found.says


@pytest.mark.parametrize(
    ("path", "says"), [("/", "the whole answer came at once"), ("/empty", "the answer was empty"), ("/404", "answered 404, but a stream")]
)
def test_a_stream_that_is_none_is_told(check, path, says):
    found = check("stream", path)
    assert not found.ok
    assert says in found.says


@pytest.mark.parametrize("mode", ["plain", "cache", "stream"])
def test_no_answer_is_an_answer_too(check, mode):
    found = check(mode, "/broken")
    assert not found.ok
    assert found.says.startswith("gave no answer (RemoteDisconnected: ")


def test_a_path_that_is_no_ascii_is_asked_for(check):
    assert "answered" in check("plain", "/caf\u00e9").says


def test_nobody_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found = Prober(free.getsockname(), 1).check("shop", "x", "plain", "/")
    assert (found.ok, found.says.startswith("took no connection (ConnectionRefusedError: ")) == (False, True)


@pytest.mark.parametrize(
    ("path", "ok", "says"),
    [
        ("/socket", True, "opened a WebSocket"),
        ("/no-socket", False, "answered 101 without the key of the request, so what answers is no WebSocket server"),
        ("/426", False, "answered 426, but 101 was expected (name a path that opens a WebSocket in `probe`)"),
    ],
)
def test_a_websocket_is_opened(check, path, ok, says):
    found = check("websocket", path)
    assert (found.ok, found.says) == (ok, says)


def test_pieces_that_a_busy_host_reads_together_once_are_asked_for_again(check):
    Site.late = 2
    found = check("stream", "/late")
    assert found.ok
    assert len(Site.asked) == 3


def test_an_answer_whose_time_is_over_before_the_second_request_is_asked_for_again(check):
    Site.late = 1
    found = check("cache", "/late-cached")
    assert (found.ok, found.says) == (True, "answered 200, X-Proxy-Cache MISS then HIT")
    assert len({path for _host, path in Site.asked}) == 2
