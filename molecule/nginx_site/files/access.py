"""Ask sites for what is not for everybody, on both fronts and in every way that could lead past nginx's rules.

Runs on the host, where it also plays the server that nginx asks who may pass, and prints a line for each answer that is not the expected one.
"""

from __future__ import annotations

import base64
import http.client
import http.server
import json
import posixpath
import socket
import sys
import threading
import typing as t

ANN, BOB = "ann:correct horse", "bob:battery staple"
FRONTS = ("direct", "proxied")
# A front server on another host, and where the server behind the proxy listens for it.
FRONT_HOST, BACKEND = "127.0.0.60", ("127.0.0.1", 8000)
problems: list[str] = []


class Answer(t.NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: str

    def visitor(self) -> str | None:
        """Return the name that the application was told, ``None`` where it was told none."""
        return json.loads(self.body)["sent"].get("REMOTE_USER")


def ask(
    host: str,
    path: str,
    login: str = "",
    *,
    method: str = "GET",
    address: tuple[str, int] = ("127.0.0.1", 80),
    source: str = "127.0.0.1",
    **headers: str,
) -> Answer:
    """Send a request from an address of this host. An underscore in the name of a header is a dash."""
    connection = http.client.HTTPConnection(*address, timeout=60, source_address=(source, 0))
    sent = {"Host": f"{host}.example.com", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if login:
        sent["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
    connection.request(method, path, headers=sent)
    answer = connection.getresponse()
    return Answer(answer.status, answer.headers, answer.read().decode(errors="replace"))


def expect(what: str, seen: object, wanted: object) -> None:
    if seen != wanted:
        problems.append(f"{what}: {seen!r}, not {wanted!r}")


def passwords(front: str) -> None:
    site = f"access-{front}"
    for path in ("/", "/cached", "/CACHED", "/admin", "//", "/hooks/../cached", "/cached/../", "/%63ached", "/nothing"):
        expect(f"{site}{path} without a password", ask(site, path).status, 401)
    for login in ("ann:wrong password", "bob:battery staple", "ann:", ":", "nobody:correct horse"):
        expect(f"{site} as {login}", ask(site, "/", login).status, 401)
    expect(f"{site} as ann", (ask(site, "/", ANN).status, ask(site, "/", ANN).visitor()), (200, "ann"))
    expect(f"{site}/admin as ann", ask(site, "/admin", ANN).status, 401)
    expect(f"{site}/admin as bob", ask(site, "/admin", BOB).visitor(), "bob")
    for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        expect(f"{method} of {site}", ask(site, "/", method=method).status, 401)
    expect(f"the realm of {site}", ask(site, "/admin").headers["WWW-Authenticate"], 'Basic realm="Admin"')


def names(front: str) -> None:
    """Nobody says who a visitor is but a password that nginx has checked."""
    site = f"access-{front}"
    forged = {"Remote_User": "root", "X_Flaskops_User": "root", "X_Remote_User": "root"}
    expect(f"a forged name at {site}", ask(site, "/", ANN, **forged).visitor(), "ann")
    expect(f"a forged name at a public route of {site}", ask(site, "/hooks", **forged).visitor(), None)
    expect(f"a name without a checked password at {site}", ask(site, "/hooks", "root:anything").visitor(), None)
    expect(f"a name with an underscore at {site}", ask(site, "/hooks", REMOTE_USER="root").visitor(), None)
    expect(f"a name at a site without passwords, {front}", ask(front, "/", "root:anything", **forged).visitor(), None)
    told = json.loads(ask(site, "/hooks", **forged).body)["sent"]
    expect(f"the header between the servers at {site}", told.get("HTTP_X_FLASKOPS_USER"), None)


# Other spellings of paths, of which some lead to the public route.
SPELLINGS = (
    *("/admin%2f", "/%61dmin", "//admin", "/./admin", "/x/../admin", "/hooks/../admin", "/hooks/%2e%2e/admin", "/hooks/..%2fadmin"),
    *(
        "/hooks%2f..%2fadmin",
        "/hooks/..;/admin",
        "/hooks/..%5cadmin",
        "/hooks%23/../admin",
        "/hooks?/../../admin",
        "/admin;a=b",
        "/admin%20",
    ),
    *(
        "/admin%3f/hooks",
        "/admin%00/hooks",
        "/hooks%00/../admin",
        "/hooks%0a/../admin",
        "/.flaskops/../admin",
        "/.well-known/acme-challenge/../../admin",
    ),
    *(
        "/.flaskops-probe",
        "/admin/.flaskops-probe",
        "/.flaskops/502.html",
        "/.flaskops/closed.html",
        "*",
        "hooks/../admin",
        "http:///admin",
    ),
)


def raw(text: str) -> tuple[int, str]:
    """Send lines as they are, and return status and body of the answer; status 0 where there is none."""
    with socket.create_connection(("127.0.0.1", 80), timeout=60) as connection:
        connection.sendall(text.replace("\n", "\r\n").encode())
        answer = http.client.HTTPResponse(connection)
        try:
            answer.begin()
        except (http.client.BadStatusLine, ConnectionError):
            return 0, ""
        return answer.status, answer.read().decode(errors="replace")


def spellings(front: str) -> None:
    """However a request is written, it gets what is public, or nothing."""
    site = f"access-{front}.example.com"
    forms = [
        *(f"GET {path} HTTP/1.1\nHost: {site}\nConnection: close\n\n" for path in SPELLINGS),
        *(f"GET {path} HTTP/1.0\nHost: {site}\n\n" for path in SPELLINGS),
        f"GET http://{site}/admin HTTP/1.1\nHost: direct.example.com\nConnection: close\n\n",
        f"GET http://{site}@direct.example.com/admin HTTP/1.1\nHost: {site}\nConnection: close\n\n",
        f"GET /admin HTTP/1.1\nHost: direct.example.com\nHost: {site}\nConnection: close\n\n",
        f"GET /admin HTTP/1.1\nHost: {site}:8000\nConnection: close\n\n",
        f"GET /admin HTTP/1.1\nHost: {site.upper()}.\nConnection: close\n\n",
        f"GET /admin HTTP/1.1\nHost : {site}\nConnection: close\n\n",
        f"POST /hooks HTTP/1.1\nHost: {site}\nContent-Length: 4\nTransfer-Encoding: chunked\n\n0\n\nGET /admin HTTP/1.1\nHost: {site}\n\n",
        f"CONNECT {site}:80 HTTP/1.1\nHost: {site}\n\n",
        f"TRACE /admin HTTP/1.1\nHost: {site}\nConnection: close\n\n",
        "GET /admin HTTP/1.0\n\n",
        "GET /admin\n",
    ]
    for form in forms:
        status, body = raw(form)
        told = json.loads(body)["sent"] if 200 <= status < 300 and body.startswith("{") else {}
        public = posixpath.normpath(told.get("PATH_INFO", "")).startswith("/hooks") and "REMOTE_USER" not in told
        if status < 400 and status and not public:
            problems.append(f"{form!r} is answered {status}: {body[:200]}")


def named_by_the_application(front: str) -> None:
    """The application may name a place whose answer nginx is to send (X-Accel-Redirect), and the rules of that place hold."""
    site = f"access-{front}"
    places = {"/admin": 401, "/cached": 401, "/open": 200, "/.flaskops/../admin": 404, "//admin": 400, "/./admin": 400, "/%2fadmin": 400}
    for place, status in places.items():
        seen = ask(site, f"/hooks?header=X-Accel-Redirect:+{place}")
        expect(f"{place} of {site} by way of the application", (seen.status, seen.headers["X-Accel-Redirect"]), (status, None))


def stored(front: str) -> None:
    """No answer that somebody got with a password is there for somebody without one."""
    site = f"access-{front}"
    for path in ("/cached", "/cached?a"):
        first, second = ask(site, path, ANN), ask(site, path, ANN)
        expect(f"{site}{path} as ann", (first.status, second.status, second.visitor()), (200, 200, "ann"))
        expect(f"{site}{path} is not kept", second.headers["X-Proxy-Cache"], "BYPASS")
        for headers in ({}, {"Range": "bytes=0-3"}, {"If_None_Match": "*"}, {"Cookie": "a=b"}):
            expect(f"{site}{path} without a password, {headers}", ask(site, path, **headers).status, 401)


def other_sites(front: str) -> None:
    """Scripts of the named site may read the answers of a route, and no others."""
    site, ours, other = f"access-{front}", "https://app.example.com", "https://evil.example.com"
    names = (
        "Access-Control-Allow-Origin",
        "Access-Control-Allow-Credentials",
        "Access-Control-Allow-Methods",
        "Access-Control-Allow-Headers",
    )
    question = {"method": "OPTIONS", "Access_Control_Request_Method": "PUT"}
    asked = ask(site, "/hooks", Origin=ours, **question)
    expect(f"a question to {site}", (asked.status, *map(asked.headers.get, names)), (204, ours, "true", "GET, PUT", "Authorization"))
    answer = ask(site, "/hooks?header=Access-Control-Allow-Origin:+*", Origin=ours)
    expect(f"an answer of {site}", answer.headers.get_all(names[0]), [ours])
    expect(f"what varies at {site}", "Origin" in answer.headers.get_all("Vary", []), True)
    for origin in (other, ours + ".evil.example.com", "null", ours.replace("https", "http")):
        refused = ask(site, "/hooks", Origin=origin, **question)
        expect(f"a question of {origin} to {site}", (refused.status, refused.headers.get(names[0])), (200, None))
        expect(f"an answer for {origin} of {site}", ask(site, "/hooks", Origin=origin).headers.get(names[0]), None)
    expect(f"a route for every site of {site}", ask(site, "/open", Origin=other).headers.get(names[0]), "*")
    expect(f"a route without other sites of {site}", ask(site, "/", ANN, Origin=ours).headers.get(names[0]), None)
    policy = ask(site, "/hooks").headers.get("Content-Security-Policy", "")
    expect(f"the policy of {site}", policy.startswith("default-src 'self'; "), True)
    own = ask(site, "/hooks?header=Content-Security-Policy:+none").headers.get_all("Content-Security-Policy")
    expect(f"the application's own policy at {site}", own, ["none"])


def limits(front: str) -> None:
    """A client beyond the limit of a route still gets the others."""
    site, source = f"access-{front}", "127.0.0.31" if front == "direct" else "127.0.0.32"
    seen = [ask(site, "/few", source=source).status for _request in range(4)]
    expect(f"requests at once to a route of {site} with a limit", seen, [200, 200, 429, 429])
    expect(f"another route of {site}", ask(site, "/hooks", source=source).status, 200)


class Login(http.server.BaseHTTPRequestHandler):
    """Answers as oauth2-proxy does: 202 and a name to those with a cookie, and a redirect to the login.

    With --skip-auth-route=^/let-in, it lets everybody pass there, and believes the proxy what the path is (GHSA-7x63-xv5r-3p2x). Others take
    the path from the header that nginx's own manual has in its example.
    """

    paths: t.ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.paths.append(self.path)
        cookie = self.headers.get("Cookie", "")
        told = [self.headers.get(name) or "" for name in ("X-Forwarded-Uri", "X-Original-URI")]
        if self.path == "/oauth2/start":
            self.reply(302, {"Location": f"https://login.example.com/?to={self.headers.get('X-Auth-Request-Redirect')}"})
        elif self.path == "/oauth2/auth" and any(uri.startswith("/let-in") for uri in told):
            self.reply(202, {})
        elif self.path == "/oauth2/auth" and cookie.startswith("session="):
            who = cookie.removeprefix("session=")
            self.reply(403 if who == "eve" else 202, {"X-Auth-Request-User": who})
        else:
            self.reply(401 if self.path == "/oauth2/auth" else 200, {})

    def reply(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        pass


def asked(front: str) -> None:
    """nginx asks another server, and nobody gets past it."""
    site, ann, bob = f"asked-{front}", {"Cookie": "session=ann"}, {"Cookie": "session=bob"}
    forged = {"X_Auth_Request_User": "root", "X_Flaskops_User": "root", "X_Auth_Request_Groups": "admin", "Remote_Groups": "admin"}
    first = ask(site, "/a?b=c", **forged)
    expect(f"{site} without a login", (first.status, first.headers["Location"]), (302, "https://login.example.com/?to=/a?b=c"))
    expect(f"a path of {site} for everybody", ask(site, "/let-in").status, 200)
    for path in (
        "/",
        "/let-in/../cached",
        "/let-in/%2e%2e/cached",
        "/let-in%2f../cached",
        "/cached#/let-in",
        "/cached?/let-in",
        "//cached/../x",
    ):
        lies = {"X_Forwarded_Uri": "/let-in", "X_Original_URI": "/let-in", "X_Forwarded_Method": "GET"}
        expect(f"{path} of {site} as a path for everybody", ask(site, path, **lies).status, 302)
    expect(f"{site} by a POST without a login", ask(site, "/", method="POST").status, 302)
    expect(f"{site}/cached without a login", ask(site, "/cached").status, 302)
    expect(f"{site} of somebody who may not pass", ask(site, "/", Cookie="session=eve").status, 403)
    expect(f"{site} as ann", (ask(site, "/", **ann, **forged).status, ask(site, "/", **ann, **forged).visitor()), (200, "ann"))
    told = json.loads(ask(site, "/", **ann, **forged).body)["sent"]
    expect(f"the header for the application of {site}", told.get("HTTP_X_AUTH_REQUEST_USER"), "ann")
    expect(
        f"groups that {site} has not been told",
        [told.get(f"HTTP_{name}") for name in ("X_AUTH_REQUEST_GROUPS", "REMOTE_GROUPS")],
        [None] * 2,
    )
    for who in (ann, bob, ann):
        expect(f"{site}/cached as {who}", ask(site, "/cached", **who).visitor(), who["Cookie"].removeprefix("session="))
    hooks = json.loads(ask(site, "/hooks", **ann, **forged).body)["sent"]
    expect(f"a name at a public route of {site}", [hooks.get(name) for name in ("REMOTE_USER", "HTTP_X_AUTH_REQUEST_USER")], [None, None])
    expect(f"{site}/admin with a login of the site", ask(site, "/admin", **ann).status, 401)
    expect(f"{site}/admin as bob", ask(site, "/admin", BOB, **forged).visitor(), "bob")
    expect(f"the question itself at {site}", ask(site, f"/.flaskops/asked.{site}", **ann).status, 404)
    expect(f"the login of {site}", ask(site, "/oauth2/sign_in").status, 200)
    for path in ("/secret/..%2foauth2/x", "/secret/../oauth2/x", "/oauth2/%2e/x", "//oauth2//x"):
        ask(site, path)
        expect(f"the path that the login of {site} sees for {path}", Login.paths[-1], "/oauth2/x")


def behind_asked() -> None:
    site, from_front = "asked-proxied", {"address": BACKEND, "source": FRONT_HOST, "X_Flaskops_User": "root", "X_Auth_Request_User": "root"}
    expect("a front server without a login", ask(site, "/", **from_front).status, 401)
    expect("a front server with a login", ask(site, "/", **from_front, Cookie="session=ann").visitor(), "ann")
    expect("a public route by a front server, asked", ask(site, "/hooks", **from_front, Cookie="session=ann").visitor(), None)


def behind() -> None:
    """A front server on another host leads past no password, and nobody else comes to the server behind the proxy."""
    site = "access-proxied"
    from_front = {"address": BACKEND, "source": FRONT_HOST}
    expect("a front server without a password", ask(site, "/", **from_front, X_Flaskops_User="root").status, 401)
    expect("a front server without a password for a route", ask(site, "/admin", ANN, **from_front).status, 401)
    expect("a front server with a password", ask(site, "/", ANN, **from_front, X_Flaskops_User="root").visitor(), "ann")
    expect("a public route by a front server", ask(site, "/hooks", "root:anything", **from_front, X_Flaskops_User="root").visitor(), None)
    seen = [ask(site, "/few", **from_front, X_Real_IP="192.0.2.33").status for _request in range(4)]
    expect("requests at once by a front server to a route with a limit", seen, [200, 200, 429, 429])
    expect("somebody else at the backend", ask(site, "/", ANN, address=BACKEND).status, 403)


def main() -> int:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 4180), Login)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for front in FRONTS:
        passwords(front)
        names(front)
        spellings(front)
        named_by_the_application(front)
        stored(front)
        other_sites(front)
        limits(front)
        asked(front)
    behind()
    behind_asked()
    server.shutdown()
    server.server_close()
    for front in FRONTS:
        expect(f"asked-{front} where nobody can be asked", ask(f"asked-{front}", "/", Cookie="session=ann").status, 500)
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
