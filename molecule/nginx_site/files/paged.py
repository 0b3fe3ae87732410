"""Ask for files and error pages of a release where another server says who may pass, and where routes have rules of their own.

Runs on the host, where it also plays that server, and prints a line for each answer that is not the expected one.
"""

from __future__ import annotations

import base64
import http.client
import http.server
import itertools
import sys
import threading

NOBODY: dict[str, str] = {}
VISITOR = {"Cookie": "session=eve"}
ANN = {"Authorization": "Basic " + base64.b64encode(b"ann:correct horse").decode()}
# By path: who gets which status and, where it is a page of the release, that page. A file of the former release has "old" in its name.
EVERYBODY = {"/static/new.css": 200, "/static/old.css": 200, "/static/none.css": 404, "/gone": 410}
BY_LOGIN = {
    **{"/": 200, "/docs/": 200, "/docs/guide": 301, "/docs/guide/": 200, "/docs/old.html": 200, "/docs/none": 404, "/docs/empty/": 403},
    **{"/api?status=404": 404, "/?status=404": 404},
}
BY_PASSWORD = {"/spa/": 200, "/spa/deep/link": 200, "/spa/assets/app.css": 200, "/spa/assets/old.js": 200, "/spa/none.js": 404}
# Answers of the application itself, which no page takes the place of.
OF_APPLICATION = ("/api?status=404", "/?status=404")
METHODS = ("GET", "HEAD", "POST", "OPTIONS")
HEADERS = ({}, {"Range": "bytes=0-3"}, {"If-None-Match": "*"}, {"Accept": "application/json"}, {"X-Original-URI": "/static/new.css"})
problems: list[str] = []


class Judge(http.server.BaseHTTPRequestHandler):
    """Lets those pass who have a session."""

    def do_GET(self) -> None:
        self.send_response(204 if "session=" in self.headers.get("Cookie", "") else 401)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        pass


def ask(host: str, path: str, headers: dict[str, str], method: str = "GET", body: bytes = b"") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=60)
    connection.request(method, path, body or None, {"Host": f"{host}.example.com", **headers})
    answer = connection.getresponse()
    return answer.status, answer.read().decode(errors="replace")


def expect(what: str, seen: object, wanted: object) -> None:
    if seen != wanted:
        problems.append(f"{what}: {seen!r}, not {wanted!r}")


def let_in(host: str) -> None:
    for allowed, paths in ((NOBODY, EVERYBODY), (VISITOR, {**EVERYBODY, **BY_LOGIN}), (ANN, {**EVERYBODY, **BY_PASSWORD})):
        for path, status in paths.items():
            seen, body = ask(host, path, allowed)
            expect(f"{host}{path} with {allowed}", seen, status)
            if status >= 400 and path not in OF_APPLICATION:
                expect(f"the page for {host}{path} with {allowed}", body, f"page for {status}\n")


def keep_out(host: str) -> None:
    """A page tells nobody whether there is a file."""
    for kept_out, paths in ((NOBODY, [*BY_LOGIN, *BY_PASSWORD]), (VISITOR, BY_PASSWORD), (ANN, BY_LOGIN)):
        for path, method, headers in itertools.product(paths, METHODS, HEADERS):
            status, body = ask(host, path, {**kept_out, **headers}, method)
            expect(f"{method} {host}{path} with {kept_out} and {headers}", status, 401)
            expect(f"a page for {method} {host}{path}", "page for" in body, False)
    for path in (f"/.flaskops/{host}/404.html", "/.flaskops/502.html", f"/.flaskops/asked.{host}", f"/static/../.flaskops/{host}/404.html"):
        expect(f"{host}{path} itself", ask(host, path, VISITOR)[0], 404)
    expect(f"a large body for {host}", ask(host, "/small", NOBODY, "POST", b"x" * 2000), (413, "page for 413\n"))


def main() -> int:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 4181), Judge)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for host in ("paged-direct", "paged-proxied"):
        let_in(host)
        keep_out(host)
    server.shutdown()
    server.server_close()
    for host in ("paged-direct", "paged-proxied"):
        expect(f"{host}/docs/ where nobody can be asked", ask(host, "/docs/none", VISITOR)[0], 500)
        expect(f"{host}/static/ where nobody can be asked", ask(host, "/static/old.css", NOBODY)[0], 200)
    print("\n".join(problems[:40]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
