"""Send requests from inside a host and compare the answers: python3 - 'JSON list of requests'. One line for each difference.

A request is a dict. These keys are sent:

    host      the Host header; or ``socket``: a unix socket that speaks the uwsgi protocol
    from      source address, 127.0.0.1
    port      80
    told_by_proxy  the address of a client, told in the PROXY protocol as a load balancer does
    path      /
    method    GET
    send      further headers
    data      body; or ``size``: a body of so many bytes
    chunked   true to send the body without its length
    over      seconds to spread the body over
    at_once   number of equal requests to send at the same time; each must be answered as expected, all of them with one body
    any_body  true if these bodies may differ
    after     seconds to wait before
    within    seconds to ask again and again until the answer is as expected
    tries     how often to ask at most until all answers are as expected; {try} in the path is the number of the time

These keys are expected, each compared only if it is written:

    status    200 unless written; 0 means closed without an answer
    headers   values by name: a text, a list of texts of which each will do, null for a header that must not be there
    body      the whole body
    has       a text, or a list of texts, in the body
    json      values by dotted path in a JSON body, null where there must be none
    like      regular expressions by dotted path in a JSON body, which must match the whole value
    id        a name for ``same`` and ``differs`` of later requests: whether the body equals that request's
    stream    number of lines "number time" to read; each must be here before the next was sent. Then the client hangs up.
    hang_up   true to hang up after the first line of the body
    meanwhile a request that is sent after the first line of a stream, or after the headers of an answer
"""

from __future__ import annotations

import http.client
import itertools
import json
import re
import socket
import struct
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

SHOWN = 300
# Nothing takes so long, however slow the machine is.
TIMEOUT = 300


class Answer(NamedTuple):
    """Status 0 is a connection closed without an answer, -1 one that failed."""

    status: int = 0
    headers: dict[str, str] = {}
    body: str = ""
    arrivals: list[tuple[str, float]] = []
    meanwhile: list[str] = []


def over_http(request: dict[str, Any]) -> Answer:
    source = (request.get("from", "127.0.0.1"), 0)
    connection = http.client.HTTPConnection("127.0.0.1", request.get("port", 80), timeout=TIMEOUT, source_address=source)
    data = request.get("data", "").encode() or b"x" * request.get("size", 0)
    chunked = request.get("chunked", False)
    try:
        if client := request.get("told_by_proxy"):
            connection.connect()
            family, server = ("TCP6", "::1") if ":" in client else ("TCP4", "127.0.0.1")
            connection.sock.sendall(f"PROXY {family} {client} {server} 40000 80\r\n".encode())
        connection.putrequest(request.get("method", "GET"), request.get("path", "/"), skip_host=True, skip_accept_encoding=True)
        length = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": len(data)} if data else {}
        for name, value in {"Host": request["host"], **length, **request.get("send", {})}.items():
            connection.putheader(name, str(value))
        connection.endheaders(pieces(data, request.get("over", 0)) if data else None, encode_chunked=chunked)
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        if "stream" in request:
            arrivals = [(answer.readline().decode(errors="replace"), time.time())]
            meanwhile = ask(request["meanwhile"], {}) if "meanwhile" in request else []
            arrivals += [(answer.readline().decode(errors="replace"), time.time()) for _line in range(request["stream"] - 1)]
            return Answer(answer.status, headers, "", arrivals, meanwhile)
        meanwhile = ask(request["meanwhile"], {}) if "meanwhile" in request else []
        if request.get("hang_up"):
            return Answer(answer.status, headers, answer.readline().decode())
        return Answer(answer.status, headers, answer.read().decode(errors="replace"), meanwhile=meanwhile)
    except (http.client.RemoteDisconnected, ConnectionResetError):
        return Answer()
    finally:
        connection.close()


def pieces(data: bytes, seconds: float) -> Iterator[bytes]:
    """Yield a body in four parts, or large ones, with pauses between them."""
    size = max(1, -(-len(data) // 4)) if seconds else 1 << 20
    for start in range(0, len(data), size):
        time.sleep(seconds / 4)
        yield data[start : start + size]


def over_uwsgi(request: dict[str, Any]) -> Answer:
    path, _mark, query = request.get("path", "/").partition("?")
    variables = {
        "REQUEST_METHOD": request.get("method", "GET"),
        "REQUEST_URI": request.get("path", "/"),
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "ask",
        "SERVER_PORT": "80",
        "HTTP_HOST": "ask",
    }
    block = b"".join(struct.pack("<H", len(word)) + word.encode() for item in variables.items() for word in item)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIMEOUT)
        connection.connect(request["socket"])
        connection.sendall(struct.pack("<BHB", 0, len(block), 0) + block)
        received = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    if not received:
        return Answer()
    head, _blank, body = received.partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    return Answer(int(status.split()[1]), {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body)


def differences(request: dict[str, Any], answer: Answer, earlier: dict[str, str]) -> list[str]:
    """Return what is not as expected."""
    wrong = [f"status {answer.status} instead of {wanted}" for wanted in [request.get("status", 200)] if answer.status != wanted]
    for name, value in request.get("headers", {}).items():
        if (found := answer.headers.get(name.lower())) not in (value if isinstance(value, list) else [value]):
            wrong.append(f"header {name} is {found!r} instead of {value!r}")
    if "body" in request and answer.body != request["body"]:
        wrong.append(f"the body is not {request['body']!r}")
    for text in [request["has"]] if isinstance(request.get("has"), str) else request.get("has", []):
        if text not in answer.body:
            wrong.append(f"the body has no {text!r}")
    for path, value in request.get("json", {}).items():
        if (found := look_up(answer.body, path)) != value:
            wrong.append(f"{path} is {found!r} instead of {value!r}")
    for path, pattern in request.get("like", {}).items():
        if not re.fullmatch(pattern, str(found := look_up(answer.body, path))):
            wrong.append(f"{path} is {found!r}, which is not like {pattern!r}")
    if "same" in request and answer.body != earlier[request["same"]]:
        wrong.append(f"the body is not the one of {request['same']!r}: {earlier[request['same']][:SHOWN]!r}")
    if "differs" in request and answer.body == earlier[request["differs"]]:
        wrong.append(f"the body is still the one of {request['differs']!r}")
    return wrong + late_lines(answer) + answer.meanwhile


def look_up(body: str, path: str) -> object:
    """Return the value at a dotted path of a JSON document, None where there is none."""
    try:
        found: Any = json.loads(body)
    except ValueError:
        return None
    for key in path.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return found


def late_lines(answer: Answer) -> list[str]:
    """Return which lines of a stream came after the next one was sent."""
    wrong = [f"a line of the stream is {line!r}" for line, _arrived in answer.arrivals if len(line.split()) != 2]
    if wrong:
        return wrong
    for (line, arrived), (later, _arrived) in itertools.pairwise(answer.arrivals):
        late = arrived - float(later.split()[1])
        if late >= 0:
            wrong.append(f"line {line.split()[0]} came {late:.2f} s after the next one was sent")
    return wrong


def ask(request: dict[str, Any], earlier: dict[str, str]) -> list[str]:
    """Send one request, or several at once, as often as there are tries, and return a message for each difference of the last time."""
    wrong: list[str] = []
    for number in range(request.get("tries", 1)):
        wrong = ask_together({**request, "path": request.get("path", "/").replace("{try}", str(number))}, earlier)
        if not wrong:
            break
    return wrong


def ask_together(request: dict[str, Any], earlier: dict[str, str]) -> list[str]:
    """Send one request, or several at once, and return a message for each difference."""
    count = request.get("at_once", 1)
    if count == 1:
        return ask_once(request, earlier)
    ids = [f"{request.get('id', '')} {number}" for number in range(count)]
    with ThreadPoolExecutor(count) as pool:
        wrong = [line for lines in pool.map(lambda name: ask_once({**request, "id": name}, earlier), ids) for line in lines]
    bodies = {earlier[name] for name in ids}
    return wrong + [f"{request.get('what', 'requests')}: {len(bodies)} different bodies instead of one"] * (
        len(bodies) > 1 and not request.get("any_body")
    )


def ask_once(request: dict[str, Any], earlier: dict[str, str]) -> list[str]:
    time.sleep(request.get("after", 0))
    until = time.monotonic() + request.get("within", 0)
    while True:
        try:
            answer = over_uwsgi(request) if "socket" in request else over_http(request)
        except OSError as error:
            answer = Answer(-1, body=str(error))
        wrong = differences(request, answer, earlier)
        if not wrong or time.monotonic() > until:
            break
        time.sleep(0.1)
    earlier[request.get("id", "")] = answer.body
    asked = f"{request.get('method', 'GET')} {request.get('host') or request['socket']}{request.get('path', '/')} {request.get('send', '')}"
    body = f"; body: {answer.body[:SHOWN]!r}" if answer.body else ""
    return [f"{request.get('what', 'request')} ({asked.strip()}): {difference}{body}" for difference in wrong]


def main() -> int:
    earlier: dict[str, str] = {}
    wrong = [line for request in json.loads(sys.argv[1]) for line in ask(request, earlier)]
    print("\n".join(wrong))
    return 1 if wrong else 0


sys.exit(main())
