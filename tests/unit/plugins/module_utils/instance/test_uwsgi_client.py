# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The uwsgi protocol, compared with its manual and spoken with a server on a unix socket."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import shown
from ansible_collections.flaskops.stack.plugins.module_utils.instance.uwsgi_client import (
    Answer,
    pack_request,
    parse_response,
    request,
)

# Seconds that a server goes on where nobody hangs up.
PATIENCE = 60


def unpack(packet: bytes) -> dict[str, str]:
    """Read a packet as the manual describes it: modifier1, size (16 bit little endian), modifier2, then pairs of sized strings."""
    modifier1, size, modifier2 = struct.unpack("<BHB", packet[:4])
    assert (modifier1, modifier2) == (0, 0), "a WSGI request"
    block = packet[4:]
    assert len(block) == size
    items: list[str] = []
    while block:
        (length,) = struct.unpack("<H", block[:2])
        items.append(block[2 : 2 + length].decode())
        block = block[2 + length :]
    return dict(zip(items[::2], items[1::2], strict=True))


def test_the_packet_of_the_manual():
    # uWSGI manual, "The uwsgi Protocol".
    assert pack_request({"a": "bc"}) == b"\x00\x07\x00\x00" + b"\x01\x00a" + b"\x02\x00bc"
    assert pack_request({}) == b"\x00\x00\x00\x00"


@pytest.mark.parametrize("value", ["", "x" * 300, "caf\u00e9", "a\nb\0"])
def test_sizes_are_counted_in_bytes(value):
    assert unpack(pack_request({"A": value, "B": ""})) == {"A": value, "B": ""}


@pytest.mark.parametrize(
    ("received", "answer"),
    [
        (b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody", Answer(200, "body")),
        (b"HTTP/1.0 503 Service Unavailable\r\n\r\n", Answer(503, "")),
        (b"HTTP/1.1 204\r\n\r\n", Answer(204, "")),
        (b"HTTP/1.1 200 OK\r\n\r\na\r\n\r\nb", Answer(200, "a\r\n\r\nb")),
        (b"HTTP/1.1 200 OK\r\n\r\ncaf\xe9", Answer(200, "caf\ufffd")),
        (b"HTTP/1.1 200 OK", Answer(200, "")),
    ],
)
def test_an_answer_is_read(received, answer):
    assert parse_response(received) == answer


@pytest.mark.parametrize(
    ("received", "says"),
    [
        (b"", "closed the connection without a response"),
        (b"hello", "answered no HTTP: b'hello'"),
        (b"HTTP/1.1 yes\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1", "no HTTP"),
        (b"x" * 500, "no HTTP"),
        (b"HTTP/1.1 " + b"2" * 5000, "no HTTP"),
        (b"HTTP/1.1 099 A", "no HTTP"),
    ],
)
def test_data_that_is_no_http_response_is_refused(received, says):
    with pytest.raises(ValueError, match=says) as caught:
        parse_response(received)
    assert len(str(caught.value)) < 150


def read_packet(connection: socket.socket) -> dict[str, str]:
    head = connection.recv(4, socket.MSG_WAITALL)
    return unpack(head + connection.recv(struct.unpack("<H", head[1:3])[0], socket.MSG_WAITALL))


def test_a_request_is_answered(server):
    asked: dict[str, str] = {}

    def handle(connection):
        asked.update(read_packet(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nhe")
        connection.sendall(b"llo")

    assert request(server(handle), "/health?deep=1", "shop.example.com", 5, {"X-Token": "t", "Accept": "text/plain"}) == Answer(
        200, "hello"
    )
    wanted = {
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": "/health?deep=1",
        "PATH_INFO": "/health",
        "QUERY_STRING": "deep=1",
        "HTTP_HOST": "shop.example.com",
        "SERVER_NAME": "shop.example.com",
        "HTTP_X_TOKEN": "t",
        "HTTP_ACCEPT": "text/plain",
    }
    assert {name: asked[name] for name in wanted} == wanted
    # PEP 3333 and the CGI variables uWSGI insists on.
    assert {"SERVER_PORT", "SERVER_PROTOCOL", "REMOTE_ADDR"} <= set(asked)


def test_the_prefix_of_an_application_is_sent_as_its_script_name(server):
    asked: dict[str, str] = {}

    def handle(connection):
        asked.update(read_packet(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    request(server(handle), "/health?deep=1", "shop.example.com", 5, script_name="/shop")
    assert (asked["SCRIPT_NAME"], asked["PATH_INFO"], asked["REQUEST_URI"]) == ("/shop", "/health", "/shop/health?deep=1")


def test_a_body_that_comes_later_is_read(server):
    def handle(connection):
        read_packet(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        time.sleep(0.05)
        connection.sendall(b"body")

    assert request(server(handle), "/", "x", 5) == Answer(200, "body")


def test_a_long_answer_is_not_read_to_its_end(server):
    def handle(connection):
        read_packet(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5_000_000)

    answer = request(server(handle), "/", "x", 5)
    assert answer.status == 200
    assert len(answer.body) < 1_000_000


def test_a_stream_is_judged_in_time(server):
    judged = threading.Event()
    ends: list[bool] = []

    def handle(connection):
        read_packet(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _drop in range(PATIENCE * 50):
            if judged.wait(0.02):
                return
            with contextlib.suppress(BrokenPipeError):
                connection.sendall(b"x")
        ends.append(True)

    assert request(server(handle), "/time/", "x", 1).status == 200
    judged.set()
    assert not ends, "the answer came only when the stream had ended"


@pytest.mark.parametrize("answer", [b"", b"garbage"])
def test_a_connection_without_an_http_response_is_refused(server, answer):
    path = server(lambda connection: read_packet(connection) and connection.sendall(answer))
    with pytest.raises(ValueError, match="without a response|no HTTP"):
        request(path, "/", "x", 5)


def test_nobody_waits_longer_than_the_timeout(server):
    given_up = threading.Event()
    waits: list[bool] = []
    path = server(lambda connection: waits.append(given_up.wait(PATIENCE)))
    with pytest.raises(TimeoutError):
        request(path, "/", "x", 0.05)
    assert not waits, "it waited until the server hung up"
    given_up.set()


def test_a_socket_that_nobody_serves_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        request(str(tmp_path / "no.sock"), "/", "x", 1)
    (tmp_path / "file.sock").touch()
    with pytest.raises(OSError, match="non-socket"):
        request(str(tmp_path / "file.sock"), "/", "x", 1)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead.sock"))
    with pytest.raises(ConnectionRefusedError):
        request(str(tmp_path / "dead.sock"), "/", "x", 1)


@pytest.mark.parametrize("target", ["uwsgi.sock", "link.sock"])
def test_a_link_to_the_socket_of_somebody_else_is_not_followed(tmp_path, target):
    with socket.socket(socket.AF_UNIX) as others:
        others.bind(str(tmp_path / "uwsgi.sock"))
        others.listen()
        (tmp_path / "link.sock").symlink_to(target)
        with pytest.raises(OSError, match="link|non-socket"):
            request(str(tmp_path / "link.sock"), "/", "x", 1)


def test_headers_that_come_byte_by_byte_are_not_waited_for(server):
    judged = threading.Event()
    ends: list[bool] = []

    def handle(connection):
        read_packet(connection)
        for byte in b"HTTP/1.1 200 OK\r\n" + b"A" * PATIENCE * 50:
            connection.sendall(bytes([byte]))
            if judged.wait(0.02):
                return
        ends.append(True)

    with pytest.raises(TimeoutError, match="headers"):
        request(server(handle), "/", "x", 1)
    assert not ends, "the answer came only when the headers had ended"
    judged.set()


def test_a_secret_is_not_quoted_from_an_answer_that_is_no_http():
    shown.learn(["hunter2-hunter2"])
    with pytest.raises(ValueError, match="answered no HTTP") as caught:
        parse_response(b"x" * 70 + b"hunter2-hunter2")
    assert "hunter" not in str(caught.value)


def test_a_path_is_decoded(server):
    asked: dict[str, str] = {}

    def handle(connection):
        asked.update(read_packet(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    request(server(handle), "/caf%C3%A9%20au%20lait", "x", 5)
    assert (asked["REQUEST_URI"], asked["PATH_INFO"]) == ("/caf%C3%A9%20au%20lait", "/caf\u00e9 au lait")
