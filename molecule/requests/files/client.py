"""A client that sends requests byte by byte, since no HTTP library sends those that attackers send, and what a program with it finds wrong.

The first argument of the program is NAME, for the site NAME.test.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import typing as t

NAME = sys.argv[1]
HOST = f"{NAME}.test"
problems: list[str] = []


class Answer(t.NamedTuple):
    """An answer; status 0 is a connection that was closed without one."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> str:
        return self.content.decode(errors="replace")

    def json(self) -> dict[str, t.Any]:
        return json.loads(self.body)


def send(raw: str, port: int = 80, source: str = "127.0.0.1") -> Answer:
    with socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(source, 0)) as connection:
        received = b""
        # A server that refuses a request answers before it has read all of it.
        with contextlib.suppress(ConnectionError):
            connection.sendall(raw.encode("latin-1"))
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(65536):
                received += part
    # nginx answers `Expect: 100-continue` by itself, before the answer.
    received = received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    head, _blank, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    if not lines[0]:
        return Answer(0, {}, b"")
    headers = {name.lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines[1:])}
    if headers.get("transfer-encoding") == "chunked":
        body = unchunked(body)
    return Answer(int(lines[0].split()[1]), headers, body)


def unchunked(body: bytes) -> bytes:
    whole = b""
    while body:
        size, _line, body = body.partition(b"\r\n")
        whole, body = whole + body[: int(size, 16)], body[int(size, 16) + 2 :]
    return whole


def get(path: str, *headers: str, host: str = HOST, version: str = "1.1", **where: t.Any) -> Answer:
    return send(
        "\r\n".join([f"GET {path} HTTP/{version}", *([f"Host: {host}"] if host else []), *headers, "Connection: close", "", ""]), **where
    )


def head(path: str, *headers: str) -> Answer:
    return send("\r\n".join([f"HEAD {path} HTTP/1.1", f"Host: {HOST}", *headers, "Connection: close", "", ""]))


def post(path: str, body: str, *headers: str, method: str = "POST", host: str = HOST) -> Answer:
    return send("\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host}", *headers, "Connection: close", "", body]))


def expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        problems.append(f"{NAME}: {what}: {found!r} instead of {wanted!r}")


def finish(what: str) -> t.NoReturn:
    """Print every difference, or that there is none."""
    print("\n".join(problems) or f"{NAME}: {what}")
    sys.exit(1 if problems else 0)
