#!/usr/bin/env python3
"""Compare what Flask has seen of requests: requests.py NAME, for the site NAME.test."""

from __future__ import annotations

import contextlib
import socket
import time

from client import HOST, NAME, expect, finish, get, post, send

CHUNKS = "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
FORM = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n--b--\r\n'


def bodies() -> None:
    """Flask reads every body, whether its length was told or not."""
    chunked, length = "Transfer-Encoding: chunked", "Content-Length: 11"
    for what, answer in {
        "a body with its length": post("/n", "hello world", length),
        "a body in chunks": post("/n", CHUNKS, chunked),
        "chunks with an extension": post("/n", CHUNKS.replace("5\r\n", "5;a=b\r\n", 1), chunked),
        "chunks with a trailer": post("/n", CHUNKS[:-2] + "X-Sum: 1\r\n\r\n", chunked, "Trailer: X-Sum"),
        "chunks in capitals": post("/n", CHUNKS, "Transfer-Encoding: Chunked"),
        "100-continue": post("/n", "hello world", length, "Expect: 100-continue"),
        "100-continue in chunks": post("/n", CHUNKS, chunked, "Expect: 100-continue"),
        "PUT in chunks": post("/n", CHUNKS, chunked, method="PUT"),
        "PATCH in chunks": post("/n", CHUNKS, chunked, method="PATCH"),
        "DELETE with a body": post("/n", "hello world", length, method="DELETE"),
        "TE and Keep-Alive": post("/n", CHUNKS, chunked, "TE: trailers", "Keep-Alive: timeout=5"),
    }.items():
        expect(what, (answer.status, answer.json()["bytes"], answer.json()["start"]), (200, 11, "hello world"))
        hop_by_hop = {"Te", "Trailer", "Transfer-Encoding", "Keep-Alive", "Expect", "Connection", "Upgrade"}
        expect(f"{what}: headers about the connection", hop_by_hop & set(answer.json()["headers"]), set())
    expect("an empty body in chunks", post("/n", "0\r\n\r\n", chunked).json()["bytes"], 0)
    expect(
        "JSON in chunks", post("/json", "4\r\n[1,2\r\n3\r\n,3]\r\n0\r\n\r\n", chunked, "Content-Type: application/json").json(), {"sum": 6}
    )
    form = f"{len(FORM):x}\r\n{FORM}\r\n0\r\n\r\n"
    expect("a file in chunks", post("/upload", form, chunked, "Content-Type: multipart/form-data; boundary=b").json(), {"file": 5})
    expect("a POST on a cached route has its body", ">hello<" in post("/page", "hello", "Content-Length: 5").body, True)


def hosts() -> None:
    """Links lead to the host and port that nginx was asked at, whatever a client writes."""
    for what, answer, link in (
        ("the host itself", get("/n"), f"http://{HOST}/x"),
        ("capitals", get("/n", host=HOST.upper()), f"http://{HOST}/x"),
        ("a trailing dot", get("/n", host=f"{HOST}."), f"http://{HOST}/x"),
        ("a port that nobody listens on", get("/n", host=f"{HOST}:1337"), f"http://{HOST}/x"),
        ("a user name", get("/n", host=f"{HOST}:@evil.example"), f"http://{HOST}/x"),
        ("a name of the wildcard", get("/n", host=f"a-b.{HOST}"), f"http://a-b.{HOST}/x"),
        ("another port of nginx", get("/n", host=f"{HOST}:8080", port=8080), f"http://{HOST}:8080/x"),
        ("a port that leads to nginx", get("/n", host=f"{HOST}:9090"), f"http://{HOST}:9090/x"),
        ("the end of such a port", get("/n", host=f"{HOST}:19090"), f"http://{HOST}/x"),
        ("the word of a trusted proxy", get("/n", "X-Forwarded-Port: 81", host=f"{HOST}:9090", source="127.0.0.9"), f"http://{HOST}:81/x"),
        ("another port of nginx, not told", get("/n", port=8080), f"http://{HOST}:8080/x"),
        ("the absolute form", get(f"http://{HOST}/n", host="evil.example"), f"http://{HOST}/x"),
        ("HTTP/1.0", get("/n", version="1.0"), f"http://{HOST}/x"),
        ("forged headers", get("/n", "X-Forwarded-Host: evil.example", "X-Host: evil.example", "X-Forwarded-Port: 99"), f"http://{HOST}/x"),
        ("a trusted proxy", get("/n", "X-Forwarded-Proto: https", source="127.0.0.9"), f"https://{HOST}/x"),
        ("its port", get("/n", "X-Forwarded-Proto: https", "X-Forwarded-Port: 8443", source="127.0.0.9"), f"https://{HOST}:8443/x"),
    ):
        expect(what, (answer.status, answer.json()["link"] if answer.status == 200 else ""), (200, link))
    expect(
        "a redirect to a port that leads to nginx", get("/away", host=f"{HOST}:9090").headers.get("location"), f"http://{HOST}:9090/there"
    )
    expect("a redirect with a port", get("/away", port=8080).headers.get("location"), f"http://{HOST}:8080/there")
    for host in (f'a"><img.{HOST}', f"<b>.{HOST}", f"a'b.{HOST}"):
        answer = get("/n", host=host)
        expect(f"Host: {host} is no host", answer.status, 400)


def caches() -> None:
    """Whatever one client sends, others get the page as it is."""
    link = f'<a href="http://{HOST}/login"></a>'
    for number, attack in enumerate(
        (
            lambda path: get(f"http://{HOST}{path}", host="evil.example"),
            lambda path: get(path, host=f"{HOST}:1337"),
            lambda path: get(path, host=f"{HOST}:9090"),
            lambda path: get(path, host=f"{HOST}."),
            lambda path: get(path, host=HOST.upper()),
            lambda path: get(path, host=f"{HOST}:@evil.example"),
            lambda path: get(path, "X-Forwarded-Host: evil.example", "X-Forwarded-Scheme: https", "X-Original-URL: /n"),
            lambda path: get(path, "X-Forwarded-Proto: https", source="127.0.0.9"),
            lambda path: get(path, port=8080),
            lambda path: send(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 4\r\nConnection: close\r\n\r\nevil"),
            lambda path: send(
                f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\nevil\r\n0\r\n\r\n"
            ),
        )
    ):
        path = f"/page?{number}"
        attack(path)
        expect(f"page {number} after an attack", get(path).body, link)
        expect(f"page {number} once more", (get(path).body, get(path).headers["x-proxy-cache"]), (link, "HIT"))


def headers() -> None:
    """Nothing that a client says of proxies reaches the application, and no header of an answer is a visitor's."""
    forged = [
        "X-Forwarded", "X-Forwarded-Scheme", "X-Forwarded-Server", "X-Forwarded-By", "X-Forwarded-Protocol", "Forwarded-For", "Forwarded",
        "X-Original-URL", "X-Rewrite-URL", "X-Client-IP", "True-Client-IP", "X-Script-Name", "X-Forwarded-Prefix", "X-Forwarded-SSL", "Proxy",
        "X-Cluster-Client-IP", "X-Original-Host", "X-HTTP-Host-Override", "Proxy-Authorization", "Proxy-Connection", "Upgrade",
        "CF-Connecting-IP", "Fastly-Client-IP", "X-Envoy-External-Address", "X-Original-Forwarded-For",
    ]  # fmt: skip
    seen = get("/n", *(f"{name}: evil" for name in forged), "X-Forwarded-For: 6.6.6.6", "X-Real-IP: 6.6.6.6", "X-Kept: yes").json()
    expect("forged headers", [name for name, value in seen["headers"].items() if "evil" in value or "6.6.6.6" in value], [])
    expect("the address", (seen["address"], seen["headers"]["X-Kept"]), ("127.0.0.1", "yes"))
    own = get("/own/x?y=z", "X-Own: evil", *(f"{name}: evil" for name in forged), "X-Forwarded-For: 6.6.6.6").json()
    expect("a route with a parameter of its own", (own["path"], own["query"], own["headers"]["X-Own"]), ("own/x", "y=z", "ours"))
    expect("forged headers on it", [name for name, value in own["headers"].items() if "evil" in value or "6.6.6.6" in value], [])
    # Werkzeug refuses the opening of a WebSocket on a route for requests, so a 400 says that Flask has seen it.
    expect("the opening of a WebSocket", get("/n", "Upgrade: WebSocket", "Connection: Upgrade").status, 400 if NAME == "direct" else 200)
    split = "x%0d%0aSet-Cookie:%20evil=1%0d%0a"
    for path in (f"/user/{split}", f"/user/{split.replace('%0d', '')}", f"/moved/{split}"):
        answer = get(path)
        expect(f"{path} splits no answer", (answer.status, answer.headers.get("set-cookie")), (400, None))
    expect("a redirect with a part of the path", get("/user/ann").headers.get("location"), "/profile/ann")
    for path in ("/a%0ab", "/a%0D%0Ab", "/a%00b", "/a%09b", "/a%7fb", "/page%0a", "/moved%0a"):
        expect(f"{path} reaches no application", get(path).status, 400)
        expect(f"{path} below a prefix reaches no application", get(f"/shop{path}", host="mounted.test").status, 400)
        expect(f"{path} on the site for every host", get(path, host="any.example").status, 400)
    expect("other characters in a path", get("/%C3%BC%20%22%25?a=%0a").json()["path"], 'ü "%')


def every_host() -> None:
    """One site answers every host that no other site has, and a request without a host."""
    for host, link in (
        ("any.example", "http://any.example/x"),
        ("ANY.example.", "http://any.example/x"),
        ("192.0.2.7", "http://192.0.2.7/x"),
        ("[2001:db8::1]", "http://[2001:db8::1]/x"),
        ("any.example:8080", "http://any.example/x"),
        # nginx takes this name for the host where the site has no other name and a request names none.
        ("_", "http://127.0.0.1/x"),
    ):
        answer = get("/n", host=host)
        expect(f"Host: {host}", (answer.status, answer.json()["link"] if answer.status == 200 else ""), (200, link))
    expect("no host, HTTP/1.0", get("/n", host="", version="1.0").json()["link"], "http://www.every.test/x")
    expect("no host, another port", get("/n", host="", version="1.0", port=8080).json()["link"], "http://www.every.test:8080/x")
    expect("no host, HTTP/1.1", get("/n", host="").status, 400)
    expect("no host's characters", get("/n", host='a"><img').status, 400)
    link = get("/page?every", host="evil.example").body
    expect("a page that was asked for by another host", "evil.example" in get("/page?every", host="any.example").body, False)
    expect("and by that host", get("/page?every", host="evil.example").body, link)
    expect("a named site has its names", get("/n").json()["host"], HOST)


def backend() -> None:
    """No application can speak to the server that believes its front, not even one that is served by it."""
    for what, place, refusal in (
        ("the socket behind the proxy", "unix=/run/flaskops-nginx/backend.sock", "PermissionError"),
        ("the port of former releases", "port=8000", "ConnectionRefusedError"),
        ("the front, as everybody may", "port=80", "connected"),
    ):
        expect(f"an application at {what}", get(f"/connect?{place}").body, refusal)


def streams() -> None:
    """No client takes all places for streams, and others find one."""
    with contextlib.ExitStack() as held:
        opened = [held.enter_context(stream()) for _number in range(3)]
        expect("streams of one client", [status(connection) for connection in opened], [200] * 3)
        expect("one stream more", status(held.enter_context(stream())), 429)
        expect("a stream of somebody else", status(held.enter_context(stream("127.0.0.2"))), 200)
        expect("a page beside the streams", get("/n").status, 200)


def stream(source: str = "127.0.0.1") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", 80), timeout=120, source_address=(source, 0))
    connection.sendall(f"GET /stream HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    return connection


def status(connection: socket.socket) -> int:
    return int(connection.recv(65536).split()[1])


def accelerated() -> None:
    """nginx sends a file that Flask names, and nobody gets it by its address."""
    answer = get("/answer?header=X-Accel-Redirect:%20/protected/client.py")
    with open("/opt/requests/client.py", encoding="utf-8") as file:
        expect("a file that Flask names", (answer.status, answer.body), (200, file.read()))
    expect("the name of the file's place", "x-accel-redirect" in answer.headers, False)
    expect("that file by its address", get("/protected/client.py").status, 404)
    expect("a file that is not there", get("/answer?header=X-Accel-Redirect:%20/protected/none").status, 404)


def persons() -> None:
    """An answer for one person is kept for nobody, and a status that is not listed is not kept."""
    run = time.time()
    personal = (
        "Cookie: session=x",
        "Cookie: sessionid=x",
        "Cookie: _ga=1",
        "Cookie: 0",
        "X-API-Key: 0",
        "Authorization: Bearer x",
        "X-Auth-Token: x",
    )
    analytics = ("Cookie: _ga=1", "Cookie: _ga_X=1; theme=dark", "Cookie: theme=a\r\nCookie: _ga=b")
    mixed = ("Cookie: _ga=1; session=x", "Cookie: session=x; _ga=1", "Cookie: _ga=1\r\nCookie: session=x", "X-Shop-Key: 0")
    methods = ("X-HTTP-Method-Override: DELETE", "X-HTTP-Method: PUT", "X-Method-Override: PUT")
    for number, (place, header, kept) in enumerate(
        (
            *(("told", header, False) for header in (*personal, *methods)),
            *(("some", header, True) for header in analytics),
            *(("some", header, False) for header in mixed),
            *(("sid", "Cookie: sid=1", False), ("sid", "Cookie: session=1", True)),
        )
    ):
        path = f"/page/{place}?{run}-{number}"
        first, second, third = get(path, header), get(path), get(path)
        expect(f"{header!r} at {place}: stored", first.body == second.body, kept)
        expect(f"{header!r} at {place}: the store for others", (second.body == third.body, third.headers["x-proxy-cache"]), (True, "HIT"))
        expect(f"{header!r} at {place}: answered from the store", get(path, header).body == third.body, kept)
    for query, kept in (
        ("status=200", True),
        ("header=Cache-Control: public, max-age=60", True),
        ("header=X-Accel-Expires: 60", True),
        ("status=302&header=Cache-Control: public, max-age=60", False),
        ("status=404&header=X-Accel-Expires: 60", False),
        ("status=500&header=Cache-Control: max-age=60", False),
        ("header=X-Accel-Expires: 60&header=Cache-Control: private", False),
        ("header=Cache-Control: private&header=X-Accel-Expires: 60", False),
        ("header=Cache-Control: public&header=Cache-Control: no-store&header=X-Accel-Expires: 60", False),
        ("header=X-Accel-Expires: 60&header=Cache-Control: public&header=Cache-Control: no-store", False),
        ("header=Cache-Control: no-cache", False),
    ):
        path = f"/page/told?{run}&{query.replace(' ', '%20')}"
        expect(f"{query}: kept", get(path).body == get(path).body, kept)


for check in (bodies, hosts, caches, headers, backend, streams, accelerated, persons, every_host):
    check()
finish("Flask has seen what was expected")
