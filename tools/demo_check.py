#!/usr/bin/env python3
"""Ask the demo for every kind of answer it has, and say what came: one line for each, exit code 1 if one is wrong."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice

import requests
import urllib3

# The ports of the demo, and the certificate of the site that is served over HTTPS.
PORT, HTTPS_PORT, CERTIFICATE = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]

session = requests.Session()
session.trust_env = False  # a proxy has no business between us and 127.0.0.1


def get(host: str, path: str, **options: bool) -> requests.Response:
    """Send the name as a header: not every resolver knows that *.localhost is this machine."""
    return session.get(f"http://127.0.0.1:{PORT}{path}", headers={"Host": f"{host}:{PORT}"}, timeout=10, **options)


def plain(host: str, path: str) -> tuple[bool, str]:
    answer = get(host, path)
    return answer.status_code == 200, f"{answer.status_code}, {len(answer.content)} bytes"


def cached(host: str, path: str) -> tuple[bool, str]:
    first, second = (get(host, path) for _time in range(2))
    seen = [answer.headers.get("X-Proxy-Cache", "no X-Proxy-Cache") for answer in (first, second)]
    same = first.content == second.content
    return second.status_code == 200 and seen[1] == "HIT" and same, f"{second.status_code}, {seen[0]} then {seen[1]}"


def over_https(host: str, path: str) -> tuple[bool, str]:
    """Require the site's own certificate, and that the application knows the URL that was asked for."""
    with urllib3.HTTPSConnectionPool("127.0.0.1", HTTPS_PORT, server_hostname=host, assert_hostname=host, ca_certs=CERTIFICATE) as pool:
        answer = pool.request("GET", path, headers={"Host": f"{host}:{HTTPS_PORT}"}, timeout=10, retries=False)
    known = answer.json().get("url")
    return answer.status == 200 and known == f"https://{host}:{HTTPS_PORT}{path}", f"{answer.status}, Flask's URL is https"


def streamed(host: str, path: str) -> tuple[bool, str]:
    with get(host, path, stream=True) as answer:
        arrivals = list(islice(arrival_times(answer), 3))
    gaps = [later - earlier for earlier, later in zip(arrivals, arrivals[1:], strict=False)]
    steady = len(gaps) == 2 and all(0.7 < gap < 1.5 for gap in gaps)
    return answer.status_code == 200 and steady, f"{answer.status_code}, lines {', '.join(f'{gap:.1f}' for gap in gaps)} s apart"


def arrival_times(answer: requests.Response) -> Iterator[float]:
    for piece in answer.iter_content(chunk_size=None):
        if piece:
            yield time.monotonic()


CHECKS: list[tuple[str, str, str, str, Callable[[str, str], tuple[bool, str]]]] = [
    ("seed.localhost", "/", "plain", f"curl http://seed.localhost:{PORT}/", plain),
    ("seed.localhost", "/api", "cached by nginx", f"curl -i http://seed.localhost:{PORT}/api", cached),
    ("seed.localhost", "/time/", "endless stream", f"curl -N http://seed.localhost:{PORT}/time/", streamed),
    ("httpbin.localhost", "/get", "package from PyPI", f"curl http://httpbin.localhost:{PORT}/get", plain),
    ("httpbin.localhost", "/get", "over HTTPS", f"curl --cacert {CERTIFICATE} https://httpbin.localhost:{HTTPS_PORT}/get", over_https),
]


def main() -> int:
    failed = 0
    print(f"\n{'':7}{'what':<19}{'answer':<28}look at it yourself")
    for host, path, what, command, check in CHECKS:
        try:
            good, seen = check(host, path)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            good, seen = False, type(error).__name__
        failed += not good
        print(f"{'ok' if good else 'FAILED':<7}{what:<19}{seen:<28}{command}", flush=True)
    print("\nRemove it with: make demo-down" if not failed else f"\n{failed} of {len(CHECKS)} answers are wrong.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
