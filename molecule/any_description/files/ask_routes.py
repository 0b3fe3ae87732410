"""Ask every route and compare who answers: ask_routes.py < JSON of describe.py. A line for each answer that is not the route's own."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import sys
import typing as t
import urllib.parse

MARK = "X-Any-Route"
SHOWN = 200
# Nothing takes so long, however slow the machine is.
TIMEOUT = 300
# nginx answers with this status where a limit of requests is reached.
TOO_OFTEN = 429


class Answer(t.NamedTuple):
    status: int
    headers: t.Any
    body: str


def ask(host: str, path: str, tls: bool) -> Answer:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", 443 if tls else 80), timeout=TIMEOUT) as plain:
        connection = http.client.HTTPConnection(host, timeout=TIMEOUT)
        # A name with a wildcard has any characters; the handshake takes names alone.
        connection.sock = context.wrap_socket(plain, server_hostname=host) if tls else plain
        connection.request("GET", urllib.parse.quote(path, safe="/"), headers={"Host": host})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read().decode(errors="replace"))


def wrong(request: dict[str, t.Any]) -> str:
    """Return what is wrong with the answer to a request, empty if it is the route's own."""
    host, path = request["host"], request["path"]
    if request["redirect"]:
        moved = ask(host, path, tls=False)
        wanted = f"https://{host}{urllib.parse.quote(path, safe='/')}"
        if moved.status not in (301, 308, TOO_OFTEN) or (moved.status != TOO_OFTEN and moved.headers["Location"] != wanted):
            return f"plain HTTP answered {moved.status} {moved.headers['Location']}, but {wanted} was expected"
    answer = ask(host, path, request["tls"])
    if answer.status not in request["statuses"]:
        return f"answered {answer.status}, but {request['statuses']} was expected: {answer.body[:SHOWN]!r}"
    if request["mark"] and answer.headers[MARK] not in (request["mark"], *([None] if answer.status in request["pages"] else [])):
        return f"{answer.headers[MARK]} answered {answer.status}, but {request['mark']} was expected"
    if answer.status == request["statuses"][0]:
        return wrong_content(request, answer)
    return ""


def wrong_content(request: dict[str, t.Any], answer: Answer) -> str:
    if "file" in request and answer.body != request["file"]:
        return f"has {answer.body[:SHOWN]!r}, but {request['file']!r} was expected"
    if "leads" in request and request["leads"] not in answer.headers.get("Location", ""):
        return f"leads to {answer.headers['Location']}, but {request['leads']} was expected"
    if request.get("cached") and "X-Proxy-Cache" not in answer.headers:
        return "has no X-Proxy-Cache"
    if answer.status == 200 and request["stub"]:
        told = json.loads(answer.body)
        got = [told["stub"], told["sent"].get("SCRIPT_NAME", ""), told["sent"]["PATH_INFO"]]
        wanted = [request["stub"], request["script_name"], request["path_info"]]
        if got != wanted:
            return f"came from {got}, but {wanted} was expected"
    return ""


def main() -> int:
    requests = json.load(sys.stdin)["requests"]
    problems = [f"{request['host']}{request['path']} {problem}" for request in requests if (problem := wrong(request))]
    print(f"{len(requests)} routes were asked", *problems, sep="\n")
    return 1 if problems else 0


sys.exit(main())
