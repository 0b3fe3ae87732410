#!/usr/bin/env python3
"""Send the same requests to the site NAME.test and print what Flask and the client have seen of each, as JSON: semantics.py NAME.

The program judges nothing. tests/requests/verdict.py compares both fronts with each other and with plain nginx before gunicorn, which
listens on another port (semantics.py reference 8100).
"""

from __future__ import annotations

import dataclasses
import json
import sys

from client import HOST, NAME, Answer, send

PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 80
CLOSE = "Connection: close"
LARGE = 100 * 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Case:
    """A request and what of the answer is worth a word.

    :param line: the request line
    :param headers: of the request, with HOST for the site's name
    :param show: fields of what the application tells, headers of the answer in lower case, or `content` for the body
    """

    group: str
    title: str
    line: str
    headers: tuple[str, ...] = ("Host: HOST",)
    body: str = ""
    show: tuple[str, ...] = ()

    def send(self) -> Answer:
        lines = [self.line, *self.headers, *([CLOSE] if "HTTP/1.1" in self.line else []), "", self.body]
        return send("\r\n".join(lines).replace("HOST", HOST), PORT)

    def seen(self) -> str:
        """Return the status and what is worth a word, in one line."""
        try:
            answer = self.send()
        except OSError as error:
            return type(error).__name__
        if not answer.status:
            return "closed"
        told = answer.json() if answer.content and answer.headers.get("content-type") == "application/json" else {}
        words = [f"{name} {found}" for name in self.show if (found := self.found(name, told, answer)) is not None]
        # Ports and names differ by site; all else is to be the same.
        return ", ".join([str(answer.status), *words]).replace(f"{HOST}:{PORT}", "HOST").replace(HOST, "HOST")

    @staticmethod
    def found(name: str, told: dict, answer: Answer) -> object:
        if name == "content":
            return answer.body
        return told.get(name, answer.headers.get(name))


BYTES = ("bytes", "digest")
CHUNKED = ("Host: HOST", "Transfer-Encoding: chunked")
HELLO = "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"


def length(number: int | str, *more: str) -> tuple[str, ...]:
    return ("Host: HOST", f"Content-Length: {number}", *more)


def bodies() -> list[Case]:
    def case(title: str, headers: tuple[str, ...], body: str = "", line: str = "POST /n HTTP/1.1") -> Case:
        return Case("Bodies", title, line, headers, body, BYTES)

    return [
        case("POST without a body and without a length", ("Host: HOST",)),
        case("an empty body", length(0)),
        case("a body with its length", length(11), "hello world"),
        case("a body in chunks", CHUNKED, HELLO),
        case("an empty body in chunks", CHUNKED, "0\r\n\r\n"),
        case("chunks with an extension and a trailer", (*CHUNKED, "Trailer: X-Sum"), "5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"),
        case("64 KB in chunks", CHUNKED, "1000\r\n" + "\r\n1000\r\n".join(["x" * 4096] * 16) + "\r\n0\r\n\r\n"),
        case("1 MB", length(1024 * 1024), "x" * 1024 * 1024),
        case("100 MB", length(LARGE), "x" * LARGE),
        case("a byte more than `max_body_size` allows", length(LARGE + 1), "x"),
        case("bytes that are no text", length(4), "\xff\x00\xfe\n"),
        case("`Expect: 100-continue`", length(11, "Expect: 100-continue"), "hello world"),
        case("another `Expect`", length(11, "Expect: the-unexpected"), "hello world"),
        case("GET with a body", length(11), "hello world", "GET /n HTTP/1.1"),
        case("DELETE with a body", length(11), "hello world", "DELETE /n HTTP/1.1"),
        case("PUT in chunks", CHUNKED, HELLO, "PUT /n HTTP/1.1"),
        case("chunks over HTTP/1.0", CHUNKED, HELLO, "POST /n HTTP/1.0"),
        case("a body that is not read", length(1024 * 1024), "x" * 1024 * 1024, "POST /unread HTTP/1.1"),
        case("length and chunks", (*CHUNKED, "Content-Length: 5"), HELLO),
        case("two lengths", length(5, "Content-Length: 6"), "hello"),
        case("a length that is no number", length("5a"), "hello"),
        case("an unknown transfer encoding", ("Host: HOST", "Transfer-Encoding: gzip"), "hello"),
        case("a chunk without a size", CHUNKED, "nonsense\r\n"),
        Case("Bodies", "JSON in chunks", "POST /json HTTP/1.1", (*CHUNKED, "Content-Type: application/json"), "3\r\n[1]\r\n0\r\n\r\n", ("sum",)),
    ]  # fmt: skip


def methods() -> list[Case]:
    def case(name: str) -> Case:
        return Case(
            "Methods",
            f"`{name}`",
            f"{name} /n HTTP/1.1",
            length(0) if name in ("POST", "PUT", "PATCH") else ("Host: HOST",),
            "",
            ("method",),
        )

    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "REPORT")
    return [case(name) for name in (*known, "TRACE", "CONNECT", "UNKNOWN", "get", "G@T")]


def hosts() -> list[Case]:
    def case(title: str, *headers: str, line: str = "GET /n HTTP/1.1") -> Case:
        return Case("Hosts", title, line, headers, "", ("host", "link"))

    return [
        case("the site's name", "Host: HOST"),
        case("in capitals", f"Host: {HOST.upper()}"),
        case("with a dot at the end", "Host: HOST."),
        case("with a port that nobody listens on", "Host: HOST:1234"),
        case("with a user", "Host: user@HOST"),
        case("an unknown name", "Host: unknown.example"),
        case("an IPv6 address", "Host: [::1]"),
        case("none, HTTP/1.1"),
        case("an empty one", "Host: "),
        case("two", "Host: HOST", "Host: evil.example"),
        case("with a path in it", "Host: HOST/evil"),
        case("HTTP/1.0", "Host: HOST", line="GET /n HTTP/1.0"),
        case("the absolute form", "Host: evil.example", line="GET http://HOST/n HTTP/1.1"),
        Case("Hosts", "a redirect of the application", "GET /away HTTP/1.1", show=("location",)),
        Case("Hosts", "a redirect of Flask to the path with a slash", "GET /folder HTTP/1.1", show=("location",)),
    ]


def targets() -> list[Case]:
    plain = [
        *(
            "/",
            "/a%2Fb",
            "/a%2fb%2F",
            "//a//b",
            "/a/../b",
            "/a/./b",
            "/a/%2e%2e/b",
            "/../a",
            "/a%20b",
            "/a+b",
            "/a;b=c",
            "/a%3Fb",
            "/a%25b",
        ),
        *("/%C3%BC", "/%FF", "/a%", "/a%zz", "/a\\b", "/a%5Cb", "/a|b", '/a"b', "/a%0ab", "/a%00b", "/.hidden", "/.well-known/a", "/a:b@c"),
    ]
    queries = ("/q?a=b", "/q?a=b&a=c", "/q?a=%C3%BC", "/q?a=b+c%2B", "/q?a=%0a", "/q?%", "/q??a", "/q?a=b#c", "/q?")
    return [
        *(Case("Paths", f"`{path}`", f"GET {path} HTTP/1.1", show=("path",)) for path in plain),
        Case("Paths", "bytes of UTF-8 as they are", "GET /\xc3\xbc HTTP/1.1", show=("path",)),
        Case("Paths", "`*`", "OPTIONS * HTTP/1.1", show=("path",)),
        Case("Paths", "8,000 characters", f"GET /{'x' * 8000} HTTP/1.1"),
        Case("Paths", "40,000 characters", f"GET /{'x' * 40000} HTTP/1.1"),
        *(Case("Queries", f"`{path}`", f"GET {path} HTTP/1.1", show=("query", "arguments")) for path in queries),
    ]


def headers() -> list[Case]:
    def case(title: str, *more: str, line: str = "GET /n HTTP/1.1") -> Case:
        return Case("Headers", title, line, ("Host: HOST", *more))

    return [
        case("a cookie of 4 KB", f"Cookie: a={'x' * 4000}"),
        case("a cookie of 16 KB", f"Cookie: a={'x' * 16000}"),
        case("a cookie of 40 KB", f"Cookie: a={'x' * 40000}"),
        case("three headers of 16 KB", *(f"X-{number}: {'x' * 16000}" for number in range(3))),
        case("a line and a header of 19 KB", f"X-A: {'x' * 19000}", line=f"GET /n?{'x' * 19000} HTTP/1.1"),
        case("60 headers", *(f"X-{number}: x" for number in range(60))),
        case("500 headers", *(f"X-{number}: x" for number in range(500))),
        case("a name with an underscore", "X_Y: x"),
        case("a line that is folded", "X-A: a", " b"),
        case("a space before the colon", "X-A : a"),
        Case("Headers", "an answer with a header of 12 KB", f"GET /answer?header=X-A:%20{'x' * 12000} HTTP/1.1"),
        Case("Headers", "an answer with two cookies", "GET /answer?header=Set-Cookie:%20a=b&header=Set-Cookie:%20c=d HTTP/1.1", show=("set-cookie",)),
    ]  # fmt: skip


def answers() -> list[Case]:
    def case(title: str, line: str, *more: str, show: tuple[str, ...] = ("content",)) -> Case:
        return Case("Answers", title, line, ("Host: HOST", *more), "", show)

    parts = ("content-range", "content-length", "content")
    return [
        *(case(f"status {status}", f"GET /answer?status={status}&body=x HTTP/1.1") for status in (200, 201, 204, 301, 401, 404, 418, 429, 500, 503)),
        case("a page that fails", "GET /fails HTTP/1.1", show=()),
        case("HEAD", "HEAD /file HTTP/1.1", show=("content-length", "content")),
        case("HEAD of a stream", "HEAD /pieces HTTP/1.1"),
        case("an unknown length", "GET /pieces HTTP/1.1", show=("transfer-encoding", "content")),
        case("an unknown length over HTTP/1.0", "GET /pieces HTTP/1.0", show=("transfer-encoding", "content")),
        case("`Range: bytes=2-4`", "GET /file HTTP/1.1", "Range: bytes=2-4", show=parts),
        case("`Range: bytes=-2`", "GET /file HTTP/1.1", "Range: bytes=-2", show=parts),
        case("`Range: bytes=99-`", "GET /file HTTP/1.1", "Range: bytes=99-", show=("content-range",)),
        case("`Range` with `If-Range` of another file", "GET /file HTTP/1.1", "Range: bytes=2-4", 'If-Range: "x"', show=parts),
        case("`If-None-Match` of the same file", "GET /file HTTP/1.1", 'If-None-Match: "abc"', show=("etag", "content")),
        case("`If-None-Match` of another file", "GET /file HTTP/1.1", 'If-None-Match: "x"', show=("etag", "content")),
        case("`If-Modified-Since` the same moment", "GET /file HTTP/1.1", "If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT"),
        case("`If-Modified-Since` before", "GET /file HTTP/1.1", "If-Modified-Since: Mon, 13 Nov 2023 22:13:20 GMT"),
    ]  # fmt: skip


def every() -> list[Case]:
    return [case for group in (bodies, methods, hosts, targets, headers, answers) for case in group()]


if __name__ == "__main__":
    cases = every()
    print(json.dumps({NAME: [{"group": case.group, "title": case.title, "seen": case.seen()} for case in cases]}))
