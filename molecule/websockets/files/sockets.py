"""Open WebSockets to a site of this host as clients of others do, and print what was found as JSON.

The argument is an order in JSON. ``what`` is ``talk``, which tries everything once, or ``hold``, which keeps ``count`` sockets open for
``seconds`` at most, sends through each of them once a second and asks for pages beside. ``host`` is the site, ``tls`` whether to use TLS, and
``opened`` a file to make when all of them are open.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import pathlib
import socket
import ssl
import sys
import time
import typing as t

import socketio
import websocket

ORDER = json.loads(sys.argv[1])
HOST, TLS = ORDER["host"], ORDER.get("tls", False)
# Nothing takes so long, however slow the machine is.
TIMEOUT = 120
OPENING = {"Upgrade": "websocket", "Connection": "Upgrade"}
KEY = {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
# No DNS knows the site.
resolve = socket.getaddrinfo
socket.getaddrinfo = lambda host, *more, **options: resolve("127.0.0.1" if host == HOST else host, *more, **options)


def connect() -> socket.socket:
    plain = socket.create_connection(("127.0.0.1", 443 if TLS else 80), timeout=TIMEOUT)
    return ssl._create_unverified_context().wrap_socket(plain, server_hostname=HOST) if TLS else plain


def opened(path: str, **options: t.Any) -> websocket.WebSocket:
    return websocket.create_connection(f"{'wss' if TLS else 'ws'}://{HOST}{path}", socket=connect(), timeout=TIMEOUT, **options)


def status_of_opening(**options: t.Any) -> int:
    """Return the status that an opening is answered with."""
    try:
        opened("/ws/echo", **options).close()
    except websocket.WebSocketBadStatusException as error:
        return error.status_code
    return 101


def ask(path: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    """Ask for a page."""
    connection = http.client.HTTPConnection(HOST, timeout=TIMEOUT)
    connection.sock = connect()
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def expect(what: str, found: t.Any, wanted: t.Any) -> None:
    if found != wanted:
        sys.exit(f"{HOST}, TLS {TLS}, {what}: {found!r} was found instead of {wanted!r}")


def talk() -> dict[str, t.Any]:
    talk_to_flask_sock()
    refusals()
    idle()
    talk_to_socketio()
    return {"host": HOST, "talked": True}


def talk_to_flask_sock() -> None:
    ws = opened("/ws/echo")
    ws.send("hello")
    expect("an echo", ws.recv(), "hello")
    ws.send_binary(bytes(200_000))
    expect("a large echo", len(ws.recv()), 200_000)
    ws.ping("are you there")
    expect("a pong", ws.recv_data(control_frame=True), (websocket.ABNF.OPCODE_PONG, b"are you there"))
    ws.close()
    ws = opened("/ws/about", subprotocols=["chat.v1", "chat.v2"])
    expect("the subprotocol", ws.subprotocol, "chat.v1")
    expect("what the application knows", ws.recv().split()[1:], ["chat.v1", "https" if TLS else "http", HOST, "127.0.0.1"])
    expect("the end", ws.recv_data(), (websocket.ABNF.OPCODE_CLOSE, (1000).to_bytes(2, "big")))
    expect("the end of the connection", ws.sock.recv(100), b"")
    ws = opened("/ws/large")
    ws.send("5000000")
    expect("a very large message", len(ws.recv()), 5_000_000)
    ws.close()


def refusals() -> None:
    for origin, status in [(f"https://{HOST}", 101), ("https://friend.example.com", 101), ("https://evil.example.com", 403), ("null", 403)]:
        expect(f"an opening from {origin}", status_of_opening(origin=origin), status)
    answer = ask("/ws/echo")
    expect("a request for a page", (answer.status, answer.headers["Upgrade"]), (426, "websocket"))
    expect("an opening without version", ask("/ws/echo", **OPENING).status, 426)
    expect("an opening of an old version", ask("/ws/echo", **{**OPENING, **KEY, "Sec-WebSocket-Version": "8"}).status, 426)
    expect("an opening without key", ask("/ws/echo", **OPENING, Sec_WebSocket_Version="13").status, 400)
    expect("an opening by POST", ask("/ws/echo", "POST", **OPENING, **KEY).status, 400)
    expect("an opening where there is none", ask("/ws/nowhere", **OPENING, **KEY).status, 404)


def idle() -> None:
    """nginx closes a silent socket after read_timeout; one that is used stays open."""
    silent, used = opened("/quiet/echo"), opened("/quiet/echo")
    for _second in range(11):
        used.send("x")
        expect("an echo of a socket that is used", used.recv(), "x")
        time.sleep(1)
    try:
        silent.recv()
        sys.exit(f"{HOST}: the silent socket got a message")
    except websocket.WebSocketConnectionClosedException:
        pass
    used.close()


def talk_to_socketio() -> None:
    """Begin by polling and change to a WebSocket, as the library does by itself; then begin by a WebSocket."""
    for transports in (["polling", "websocket"], ["websocket"]):
        with socketio.SimpleClient(ssl_verify=False) as client:
            client.connect(f"{'https' if TLS else 'http'}://{HOST}", transports=transports, wait_timeout=TIMEOUT)
            expect(f"a call by {transports}", client.call("shout", "hello", timeout=TIMEOUT), "HELLO")
            expect("the transport", client.transport, "websocket")


def hold() -> dict[str, t.Any]:
    began = time.monotonic()
    sockets = [opened("/ws/echo") for _number in range(ORDER["count"])]
    opened_in = time.monotonic() - began
    if "opened" in ORDER:
        pathlib.Path(ORDER["opened"]).touch()
    closed: dict[str, list[float]] = {}
    times: list[float] = []
    failed = 0
    until = time.monotonic() + ORDER["seconds"]
    while time.monotonic() < until and sockets:
        at = time.monotonic()
        try:
            failed += ask("/").status != 200
            times.append(time.monotonic() - at)
        except OSError:
            failed += 1
        for ws in list(sockets):
            end = echo(ws)
            if end:
                sockets.remove(ws)
                closed.setdefault(end, []).append(round(time.time(), 1))
        time.sleep(max(0, at + 1 - time.monotonic()))
    ends = {end: [len(at), min(at), max(at)] for end, at in closed.items()}
    for ws in sockets:
        ws.sock.close()  # without a word, as clients vanish
    return {
        "host": HOST,
        "opened_in": round(opened_in, 2),
        "held": len(sockets),
        "closed": ends,
        "failed": failed,
        "worst": round(max(times), 3),
    }


def echo(ws: websocket.WebSocket) -> str:
    """Send through a socket; return how it ended, if it has."""
    try:
        # On a busy machine the server has closed the connection before this client, and what it has said of that is still to be read.
        with contextlib.suppress(OSError):
            ws.send("x")
        code, data = ws.recv_data()
    except (OSError, websocket.WebSocketException) as error:
        return type(error).__name__
    return f"close {int.from_bytes(data[:2], 'big')}" if code == websocket.ABNF.OPCODE_CLOSE else ""


print(json.dumps({"talk": talk, "hold": hold}[ORDER["what"]]()))
