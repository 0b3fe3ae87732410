# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one way to ask a web server of the host, here against sockets of the tests."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.http_client import (
    HttpClient,
    NoAnswerError,
    NoConnectionError,
    ascii_path,
    is_of_this_host,
    parse_listen,
)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"


@pytest.fixture
def serve():
    """Start a server that answers one request with some bytes and closes; ``asked`` is what it was sent.

    ``then`` is sent again and again until the client hangs up.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    asked: list[bytes] = []
    threads: list[threading.Thread] = []

    def serve(answer: bytes, timeout: float = 60, then: bytes = b"") -> HttpClient:
        def once() -> None:
            connection, _address = listening.accept()
            with connection:
                asked.append(connection.recv(65536))
                connection.sendall(answer)
                with contextlib.suppress(OSError):
                    while then:
                        connection.sendall(then)
                        time.sleep(0.01)

        threads.append(threading.Thread(target=once))
        threads[-1].start()
        return HttpClient(listening.getsockname(), timeout)

    serve.asked = asked
    yield serve
    for thread in threads:
        thread.join()
    listening.close()


def test_a_request_names_the_site_and_who_asks(serve):
    with serve(HEAD + b"0123456789").get("shop.example.com", "/caf\u00e9?a=b") as answer:
        assert (answer.status, answer.read()) == (200, b"0123456789")
    lines = serve.asked[0].decode().split("\r\n")
    assert lines[0] == "GET /caf%C3%A9?a=b HTTP/1.1"
    assert {"Host: shop.example.com", "User-Agent: flaskops-probe"} <= set(lines)


def read(client: HttpClient) -> None:
    with client.get("shop", "/") as answer:
        client.read_to_end(answer)


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"0123456789",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 200_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
    ],
)
def test_an_answer_is_read_to_its_end(serve, answer):
    read(serve(answer))


@pytest.mark.parametrize("answer", [HEAD + b"012", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab"])
def test_an_answer_that_breaks_off_is_told(serve, answer):
    with pytest.raises(NoAnswerError, match="gave no answer .IncompleteRead"):
        read(serve(answer))


@pytest.mark.parametrize("part", [b"x", b"x" * 65536], ids=["slow", "fast"])
def test_an_answer_without_an_end_is_not_read_for_ever(serve, part):
    began, client = time.monotonic(), serve(b"HTTP/1.1 200 OK\r\n\r\n", timeout=0.8, then=part)
    with pytest.raises(NoAnswerError, match=r"had no end after 0\.8 s"):
        read(client)
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("part", [b"x", b"HTTP/1.1 100 Continue\r\n\r\n"], ids=["a long line", "answers before the answer"])
def test_headers_without_an_end_are_not_read_for_ever(serve, part):
    began, client = time.monotonic(), serve(b"HTTP/1.1 100 Continue\r\n\r\n", timeout=0.8, then=part)
    with pytest.raises(NoAnswerError, match=r"^gave no whole answer within 1\.6 s$"), client.get("x", "/"):
        pytest.fail("an answer")
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(("then", "most", "wanted"), [(b"", 4, b"0123"), (b"", 100, b"0123456789"), (b"x", 12, b"0123456789xx")])
def test_the_beginning_of_an_answer_is_read(serve, then, most, wanted):
    client = serve(b"HTTP/1.1 200 OK\r\n\r\n0123456789", then=then)
    with client.get("x", "/") as answer:
        assert client.read_beginning(answer, most) == wanted


def test_the_beginning_of_an_answer_is_not_waited_for_without_end(serve):
    began, client = time.monotonic(), serve(b"HTTP/1.1 200 OK\r\n\r\n", timeout=0.8, then=b"x")
    with pytest.raises(NoAnswerError, match=r"had no end after 0\.8 s"), client.get("x", "/") as answer:
        client.read_beginning(answer, 100_000)
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("answer", "says"),
    [(b"", "RemoteDisconnected: Remote end closed"), (b"SSH-2.0\r\n", "BadStatusLine: SSH-2.0"), (HEAD, "IncompleteRead: ")],
)
def test_a_connection_without_a_whole_answer_is_told(serve, answer, says):
    client = serve(answer)
    with pytest.raises(NoAnswerError) as told, client.get("x", "/") as answer:
        answer.read()
    assert str(told.value).startswith(f"gave no answer ({says}")
    assert not isinstance(told.value, NoConnectionError)


def test_a_server_that_says_nothing_is_not_waited_for_without_end():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = HttpClient(silent.getsockname(), 0.5)
        with pytest.raises(NoAnswerError, match=r"^gave no answer \(TimeoutError: timed out\)$"), client.get("x", "/"):
            pytest.fail("an answer")


def test_an_address_where_nobody_listens_takes_no_connection():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        client = HttpClient(free.getsockname())
        with pytest.raises(NoConnectionError, match=r"^took no connection \(ConnectionRefusedError: "), client.get("x", "/"):
            pytest.fail("an answer")


@pytest.mark.parametrize(
    ("path", "asked"),
    [("/caf\u00e9", "/caf%C3%A9"), ("/a%20b?c=d&e=%C3%A9#~", "/a%20b?c=d&e=%C3%A9#~"), ("/[x]:@!$'()*+,;=", "/[x]:@!$'()*+,;=")],
)
def test_a_path_is_asked_for_in_ascii(path, asked):
    assert ascii_path(path) == asked


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("80", ("127.0.0.1", 80)),
        ("127.0.0.1:8000", ("127.0.0.1", 8000)),
        ("*:80", ("127.0.0.1", 80)),
        ("0.0.0.0:80", ("127.0.0.1", 80)),
        ("[::]:80", ("::1", 80)),
        ("[2001:db8::1]:8080", ("2001:db8::1", 8080)),
        ("192.0.2.1:80", ("192.0.2.1", 80)),
    ],
)
def test_where_a_listening_server_is_reached(listen, address):
    assert parse_listen(listen) == address


@pytest.mark.parametrize("listen", ["unix:/run/x.sock", "localhost", "", "80 ssl"])
def test_what_is_no_address_is_told(listen):
    with pytest.raises(ValueError, match="is no address and port of nginx"):
        parse_listen(listen)


@pytest.mark.parametrize(("address", "ours"), [(("127.0.0.1", 80), True), (("localhost", 80), True), (("192.0.2.1", 80), False)])
def test_whether_an_address_is_of_this_host(address, ours):
    assert is_of_this_host(address) is ours
