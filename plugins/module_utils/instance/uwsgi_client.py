# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Send a uWSGI instance a request over its own socket, in the uwsgi protocol."""

from __future__ import annotations

import re
import struct
import typing as t
import urllib.parse

from ..host.shown import excerpt
from ..host.unix_socket import exchange

# A health page is small: more than this is not needed to judge it.
_MOST_BYTES = 64 * 1024
_SHOWN = 80
# RFC 9110, 15: three digits.
_STATUS_LINE = re.compile(rb"HTTP/\S*[ \t]+([1-9]\d\d)(\s|$)")


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
    received = exchange(path, pack_request(variables), _MOST_BYTES, timeout)
    if b"\r\n\r\n" not in received and not received.ended and len(received) < _MOST_BYTES:
        raise TimeoutError("timed out in the middle of its headers")
    return parse_response(received)


def parse_response(received: bytes) -> Answer:
    """Return status and body of a raw HTTP response."""
    head, _separator, body = received.partition(b"\r\n\r\n")
    status = _STATUS_LINE.match(head)
    if not status:
        raise ValueError(
            "closed the connection without a response" if not received else f"answered no HTTP: {excerpt(repr(received), _SHOWN)}"
        )
    return Answer(int(status[1]), body.decode(errors="replace"))
