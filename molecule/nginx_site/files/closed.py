"""Ask routes of every mode that are not for everybody, on both fronts and below a prefix.

Runs on the host, and prints a line for each answer that is not the expected one. Clients who may see a route ask first, so that a cache
has the answer when the others ask.
"""

from __future__ import annotations

import base64
import http.client
import itertools
import sys

OFFICE, ELSEWHERE = "127.0.0.7", "127.0.0.8"
ANN = {"Authorization": "Basic " + base64.b64encode(b"ann:correct horse").decode()}
WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}
# Name of the host, and the prefix.
SITES = (("closed-direct", ""), ("closed-proxied", ""), ("closed-direct", "/below"))
# Paths that somebody may see, and the status of the answer for them.
BY_PASSWORD = {
    **{"/static/new.css": 200, "/static/old.css": 200, "/static/nothing.css": 404, "/seed": 200, "/seed?a": 200, "/stream?chunks=1": 200},
    "/small": 200,
}
BY_ADDRESS = {
    **{"/docs/": 200, "/docs/index.html": 200, "/docs/guide": 301, "/docs/guide/": 200, "/docs/empty/": 403, "/docs/nothing": 404},
    **{"/spa/": 200, "/spa/index.html": 200, "/spa/deep/link": 200, "/spa/assets/app.css": 200, "/spa/assets/old.js": 200},
    **{"/cached": 200, "/cached?a": 200, "/socket": 426, "/x.json": 200},
}
# Other spellings of the same path.
SPELLINGS = (
    "{}",
    "/{}",
    "/.{}",
    "/x/..{}",
    "/%2e{}",
    "/static/..{}",
    "/static/%2e%2e{}",
    "/docs/..%2f{}",
    "/spa/../x/..{}",
    "/.well-known/..{}",
)
# Headers of requests that a server might answer in another way.
HEADERS = (
    *({}, {"Range": "bytes=0-3"}, {"If-None-Match": "*"}, {"Accept-Encoding": "gzip"}, {"Accept": "application/json"}, {"Cookie": "a=b"}),
    *({"Origin": "https://app.example.com"}, WEBSOCKET, {"User-Agent": "flaskops-probe"}, {"Cache-Control": "only-if-cached"}),
    *({"X-Forwarded-For": OFFICE}, {"X-Real-IP": OFFICE}, {"Forwarded": f"for={OFFICE}"}, {"X-Original-URL": "/"}, {"X-Rewrite-URL": "/"}),
)
METHODS = ("GET", "HEAD", "POST", "OPTIONS", "PROPFIND")
problems: list[str] = []


def ask(host: str, path: str, method: str = "GET", source: str = ELSEWHERE, body: str = "", **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=60, source_address=(source, 0))
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": f"{host}.example.com", "Content-Length": str(len(body)), **headers}.items():
            connection.putheader(name, value)
        connection.endheaders(body.encode() or None)
        return connection.getresponse().status
    finally:
        connection.close()


def expect(what: str, seen: int, *wanted: int) -> None:
    if seen not in wanted:
        problems.append(f"{what}: {seen}, not {wanted}")


def let_in(host: str, prefix: str) -> None:
    """A client who may see a route gets its answer."""
    for _time in range(2):
        for path, status in BY_PASSWORD.items():
            expect(f"{host}{prefix}{path} with a password", ask(host, prefix + path, **ANN), status)
        for path, status in BY_ADDRESS.items():
            expect(f"{host}{prefix}{path} from the office", ask(host, prefix + path, source=OFFICE), status)
    expect(f"a large body for {host}{prefix}/small", ask(host, f"{prefix}/small", "POST", body="x" * 2000, **ANN), 413)


def keep_out(host: str, prefix: str) -> None:
    """Everybody else gets none, whatever was answered before."""
    closed = {**dict.fromkeys(BY_PASSWORD, 401), **dict.fromkeys(BY_ADDRESS, 403)}
    for path, status in closed.items():
        for method, headers in itertools.product(METHODS, HEADERS):
            # A question of a browser before a request, and a request for a WebSocket without its headers, are answered before any rule.
            others = (426,) if path == "/socket" and "Upgrade" not in headers else ()
            others += (426, 400) if path == "/socket" and method != "GET" else ()
            expect(f"{method} {host}{prefix}{path} with {headers}", ask(host, prefix + path, method, **headers), status, *others)
        for spelling in SPELLINGS:
            # An address without a prefix before it is another application's.
            spelled = prefix + spelling.format(path)
            expect(f"{host} {spelled}", ask(host, spelled), status, 426 if path == "/socket" else status)


def main() -> int:
    for site in SITES:
        let_in(*site)
        keep_out(*site)
    print("\n".join(problems[:40]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
