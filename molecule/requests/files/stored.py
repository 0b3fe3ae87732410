#!/usr/bin/env python3
"""Compare what nginx answers from its cache: stored.py NAME, for the site NAME.test.

The public suite for caches, in the scenario `http_cache`, tests the rest of RFC 9111; it has an origin of its own, and so sees `front: proxy` alone.
"""

from __future__ import annotations

import gzip
import time

from client import Answer, expect, finish, get, head, post

RUN = time.time()


def place(what: str, **query: str) -> str:
    """Return a path that nobody has asked for."""
    return f"/page/told?{RUN}-{what}" + "".join(f"&{name}={value.replace(' ', '%20')}" for name, value in query.items())


def state(path: str, *headers: str) -> str:
    return get(path, *headers).headers["x-proxy-cache"]


def compression() -> None:
    """Each client gets what it can read, whoever has asked first."""
    squeezed = "Accept-Encoding: gzip"
    for times in ("1", "100"):
        for first, second in (((squeezed,), ()), ((), (squeezed,))):
            path = place(f"gzip-{bool(first)}", times=times)
            answers = {headers: get(path, *headers) for headers in (first, second)}
            plain, packed = answers[()], answers[squeezed,]
            expect(f"{times}, {first} first: plain", (encoding(plain), len(plain.content)), (None, 32 * int(times)))
            whole = gzip.decompress(packed.content) if encoding(packed) == "gzip" else packed.content
            expect(f"{times}, {first} first: the same for a client with gzip", whole, plain.content)
            if times == "100":
                expect("a long answer is compressed", encoding(packed), "gzip")
                expect("caches further on are told so", [found.headers.get("vary") for found in answers.values()], ["Accept-Encoding"] * 2)


def encoding(answer: Answer) -> str | None:
    return answer.headers.get("content-encoding")


def methods() -> None:
    """HEAD and GET are one answer, whichever comes first, and neither empties the other."""
    for first, second in ((head, get), (get, head)):
        path = place(f"head-{first is head}")
        length = [one(path).headers["content-length"] for one in (first, second, first)]
        expect("HEAD and GET have one length", length, ["32"] * 3)
        expect("HEAD is answered from the cache", (head(path).headers["x-proxy-cache"], head(path).body), ("HIT", ""))
        expect("GET is answered from the cache, with its body", (state(path), len(get(path).body)), ("HIT", 32))
    for query in ({}, {"pieces": "yes"}):
        path = place(f"head-alone-{len(query)}", **query)
        head(path)
        # Without a length nginx could not tell that an answer to HEAD lacks its body.
        expect(f"GET after HEAD, {query}", (state(path), len(get(path).body)), ("HIT", 32))
    expect("HEAD of somebody known", len(get(place("known"), "Cookie: session=x").body), 32)


def ranges() -> None:
    for first in ("", "Range: bytes=0-3"):
        path = place(f"range-{first[:5]}")
        get(path, *([first] if first else []))
        whole = get(path).body
        part = get(path, "Range: bytes=4-7")
        expect("a part of a stored answer", (part.status, part.headers["content-range"], part.body), (206, "bytes 4-7/32", whole[4:8]))
        expect("the last part", get(path, "Range: bytes=-4").body, whole[-4:])
        expect("a part that is not there", get(path, "Range: bytes=99-").status, 416)
        expect("a request for a part has not shortened the answer", (len(whole), state(path)), (32, "HIT"))


def conditions() -> None:
    tag = '"abc"'
    path = place("condition", header=f"ETag: {tag}")
    get(path)
    for header, status in ((tag, 304), (f'"x", W/{tag}', 304), ("*", 304), ('"x"', 200)):
        expect(f"If-None-Match: {header}", get(path, f"If-None-Match: {header}").status, status)
    date = "Sat, 28 Nov 2026 18:00:00 GMT"
    path = place("date", header=f"Last-Modified: {date}")
    get(path)
    for since, status in ((date, 304), ("Sun, 29 Nov 2026 18:00:00 GMT", 304), ("Fri, 27 Nov 2026 18:00:00 GMT", 200), ("nonsense", 200)):
        expect(f"If-Modified-Since: {since}", get(path, f"If-Modified-Since: {since}").status, status)


def origins() -> None:
    """A script of another site gets an answer for that site (CORS), whoever has asked before."""
    path, one, two = place("origin"), "https://one.example", "https://two.example"
    for origin in (None, one, two, None, one):
        allowed = get(path, *([f"Origin: {origin}"] if origin else [])).headers.get("access-control-allow-origin")
        expect(f"who may read an answer to {origin}", allowed, origin)
    expect("an answer to an origin is stored", state(path, f"Origin: {one}"), "HIT")
    # A request for /a with the Origin `b` must not become an answer to /ab.
    get(place("join"), "Origin: x")
    expect("a path and an origin are told apart", state(place("join") + "x"), "MISS")


def ages() -> None:
    """Answers that may not be kept, or not for longer than they say."""
    for header, kept in (
        ("Cache-Control: max-age=60", True),
        ("Vary: X-One", True),
        ("Vary: *", False),
        ("Vary: *, X-One", False),
        ("Vary: X-One, *", False),
        ("Age: 10", False),
        ("Expires: Thu, 01 Jan 2026 00:00:00 GMT", False),
        ("Expires: 0", False),
        ("CDN-Cache-Control: no-store", False),
        ("CDN-Cache-Control: max-age=60", True),
        ("Surrogate-Control: no-store", False),
        ("Cache-Control: s-maxage=0, max-age=60", False),
    ):
        path = place(header.replace(" ", ""), header=header)
        expect(f"{header}: kept", get(path).body == get(path).body, kept)


def staleness() -> None:
    """An answer whose time is over is sent where it says so, and its date tells how old it is."""
    said = {
        "max-age=1": "EXPIRED",
        "max-age=1, must-revalidate": "EXPIRED",
        "max-age=60, s-maxage=1": "EXPIRED",
        "max-age=1, stale-while-revalidate=1": "EXPIRED",
        "max-age=1, stale-while-revalidate=3600": "STALE",
    }
    paths = {control: place("stale", header=f"Cache-Control: {control}") for control in said}
    old = place("date-of-old", header="Date: Sat, 28 Nov 2026 18:00:00 GMT")
    for path in (*paths.values(), old):
        get(path)
    time.sleep(3.2)
    expect("what is sent after its time", {control: state(path) for control, path in paths.items()}, said)
    expect("the date of a stored answer", get(old).headers["date"], "Sat, 28 Nov 2026 18:00:00 GMT")


def requests_for_news() -> None:
    """A visitor cannot have an answer made anew, since that would be a way past the cache."""
    path = place("reload")
    get(path)
    for header in ("Cache-Control: no-cache", "Cache-Control: max-age=0", "Pragma: no-cache"):
        expect(f"a request with {header}", state(path, header), "HIT")
    expect("a POST is no answer to others", get(path).body == post(path, "", "Content-Length: 0").body, False)


for check in (compression, methods, ranges, conditions, origins, ages, staleness, requests_for_news):
    check()
finish("the cache has answered as expected")
