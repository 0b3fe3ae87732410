"""Upload a file of many megabytes to the paste service and fetch it again: python3 - [LOCATION]. Prints where it is.

With a location, only fetch what an earlier call has uploaded there.
"""

from __future__ import annotations

import base64
import http.client
import random
import sys

SIZE = 12_000_000
CONTENT = random.Random(7).randbytes(SIZE)


def send(method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=300)
    connection.request(method, path, body, {"Host": "pastes.test", **{name.replace("_", "-"): value for name, value in headers.items()}})
    answer = connection.getresponse()
    return answer, answer.read()


location = sys.argv[1] if len(sys.argv) > 1 else ""
if not location:
    described = {"Content_Type": "application/octet-stream", "Content_Filename": "big.bin", "Content_Range": f"bytes 0-{SIZE - 1}/{SIZE}"}
    answer, words = send("POST", "/apis/rest/items", base64.b64encode(CONTENT), **described)
    if answer.status != 201:
        sys.exit(f"the upload was answered with {answer.status}: {words[:300]!r}")
    location = answer.headers["Content-Location"]

answer, fetched = send("GET", f"{location}/download")
if (answer.status, fetched) != (200, CONTENT):
    sys.exit(f"{location} was answered with {answer.status} and {len(fetched)} bytes: {fetched[:300]!r}")
print(location)
