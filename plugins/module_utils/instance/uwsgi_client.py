# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Talk to a uWSGI instance over its own sockets: a request in the uwsgi protocol, and its statistics."""

from __future__ import annotations

import json
import socket
import struct
import time
import typing as t
import urllib.parse

# A health page is small: more than this is not needed to judge it.
_MOST_BYTES = 64 * 1024


class Answer(t.NamedTuple):
    """Status and the beginning of the body of an HTTP response."""

    status: int
    body: str


def pack_request(variables: t.Mapping[str, str | bytes]) -> bytes:
    """Return a uwsgi packet (uWSGI manual, "The uwsgi Protocol"): modifier 0, size of the block, then the variables."""
    block = b""
    for name, value in variables.items():
        for item in (name.encode(), value.encode() if isinstance(value, str) else value):
            block += struct.pack("<H", len(item)) + item
    return struct.pack("<BHB", 0, len(block), 0) + block


def request(path: str, url: str, host: str, timeout: float, headers: t.Mapping[str, str] | None = None, script_name: str = "") -> Answer:
    """Ask the instance behind a socket for ``url`` and return what it answers.

    :param path: the unix socket
    :param script_name: the prefix that the application is mounted under, not part of ``url``
    :param timeout: seconds for the whole exchange; if the answer has not ended then, the part that has arrived is judged
    :param headers: further headers
    :raises OSError: when it does not answer
    :raises ValueError: when the answer is no HTTP response
    """
    variables: dict[str, str | bytes] = {
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": script_name + url,
        "SCRIPT_NAME": script_name,
        "PATH_INFO": urllib.parse.unquote_to_bytes(url.partition("?")[0]),
        "QUERY_STRING": url.partition("?")[2],
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": host,
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "0",
        "CONTENT_TYPE": "",
        "CONTENT_LENGTH": "",
        "HTTP_HOST": host,
        "HTTP_USER_AGENT": "flaskops-health",
        **{f"HTTP_{name.upper().replace('-', '_')}": str(value) for name, value in (headers or {}).items()},
    }
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        connection.connect(path)
        connection.sendall(pack_request(variables))
        return parse_response(_receive(connection, time.monotonic() + timeout))


def _receive(connection: socket.socket, until: float) -> bytes:
    received = b""
    while len(received) < _MOST_BYTES:
        left = until - time.monotonic()
        if left <= 0 and b"\r\n\r\n" in received:
            break
        connection.settimeout(max(left, 0.001))
        try:
            part = connection.recv(65536)
        except TimeoutError:
            if b"\r\n\r\n" in received:
                break
            raise
        if not part:
            break
        received += part
    return received


def parse_response(received: bytes) -> Answer:
    """Return status and body of a raw HTTP response."""
    head, _separator, body = received.partition(b"\r\n\r\n")
    words = head.split(b"\r\n")[0].split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        raise ValueError("closed the connection without a response" if not received else f"answered no HTTP: {received[:80]!r}")
    return Answer(int(words[1]), body.decode(errors="replace"))


def read_stats(path: str, timeout: float = 2.0) -> dict[str, t.Any] | None:
    """Return the statistics of an instance, ``None`` if it does not give any."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(path)
            parts = list(iter(lambda: connection.recv(65536), b""))
        return json.loads(b"".join(parts))
    except (OSError, ValueError):
        return None
