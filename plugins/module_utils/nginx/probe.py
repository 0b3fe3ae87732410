# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prove routes of a site by requests: they answer, a cache stores, a stream is not held back, a WebSocket opens."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
import typing as t
import uuid

from .http_client import TIMEOUT_SECONDS, HttpAnswer, HttpClient, NoAnswerError

# Two reads this far apart were not sent together.
_GAP_SECONDS = 0.05
# A busy host may read two pieces of a stream together, or ask again for a stored answer when its time is over. A route that holds streams back
# or stores nothing fails every time.
_TRIES = 3
_HEADER_SHOWN = 200
# A server that speaks WebSocket answers with a digest of the client's key and this text (RFC 6455, section 1.3).
_OF_WEBSOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Check(t.NamedTuple):
    """The result for one route."""

    app: str
    mode: str
    url: str
    ok: bool
    says: str

    def as_dict(self) -> dict[str, t.Any]:
        return {**self._asdict(), "line": f"{self.app}: {self.mode} {'of' if self.mode == 'tls' else 'route'} {self.url} {self.says}"}


class Prober:
    """Sends requests to one address.

    :param address: host or IP address and port of the web server
    :param timeout: seconds for each connection and read
    :param tls_address: where the server speaks TLS, if it does
    """

    def __init__(self, address: tuple[str, int], timeout: float = TIMEOUT_SECONDS, tls_address: tuple[str, int] | None = None) -> None:
        self.client = HttpClient(address, timeout, tls_address)

    def check(self, app: str, host: str, mode: str, path: str, proof: str = "") -> Check:
        """Check one route; an error of the connection is an answer too.

        :param mode: the route's mode
        :param proof: ``cache``, ``stream``, ``websocket``, or anything else for any answer below 500; empty for the mode's own name
        """
        prove = {"cache": self._cache, "stream": self._stream, "websocket": self._websocket}.get(proof or mode, self._plain)
        try:
            ok, says = prove(host, path)
        except NoAnswerError as error:
            ok, says = False, str(error)
        return Check(app, mode, f"{host}{path}", ok, says)

    def _plain(self, host: str, path: str) -> tuple[bool, str]:
        with self.client.get(host, path) as answer:
            return answer.status < 500, f"answered {answer.status}"

    def _cache(self, host: str, path: str) -> tuple[bool, str]:
        return _first_good(lambda: self._stored(host, path))

    def _stored(self, host: str, path: str) -> tuple[bool, str]:
        # A query nobody has asked makes a key of its own, so that nothing of the users' is measured or replaced.
        url = f"{path}{'&' if '?' in path else '?'}flaskops-validate={uuid.uuid4().hex}"
        seen: list[str] = []
        for _attempt in range(2):
            with self.client.get(host, url) as answer:
                self.client.read_to_end(answer)
            seen.append(answer.getheader("X-Proxy-Cache") or "none")
        says = f"answered {answer.status}, X-Proxy-Cache {seen[0]} then {seen[1]}"
        if seen == ["MISS", "HIT"]:
            return True, says
        reasons = [
            f"{name}: {value[:_HEADER_SHOWN]}"
            for name in ("Cache-Control", "Expires", "Set-Cookie", "Vary")
            if (value := answer.getheader(name))
        ]
        return False, f"{says}, but MISS then HIT was expected ({'; '.join(reasons) or 'is the status one of `valid`?'})"

    def _stream(self, host: str, path: str) -> tuple[bool, str]:
        return _first_good(lambda: self._streamed(host, path))

    def _streamed(self, host: str, path: str) -> tuple[bool, str]:
        with self.client.get(host, path) as answer:
            if answer.status != 200:
                return False, f"answered {answer.status}, but a stream was expected"
            return _is_streamed(answer)

    def _websocket(self, host: str, path: str) -> tuple[bool, str]:
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        opening = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13"}
        accepted = base64.b64encode(hashlib.sha1(f"{key}{_OF_WEBSOCKET}".encode()).digest()).decode()
        with self.client.get(host, path, opening) as answer:
            if answer.status != 101:
                return False, f"answered {answer.status}, but 101 was expected (name a path that opens a WebSocket in `probe`)"
            if answer.getheader("Sec-WebSocket-Accept") != accepted:
                return False, "answered 101 without the key of the request, so what answers is no WebSocket server"
        return True, "opened a WebSocket"


def _first_good(prove: t.Callable[[], tuple[bool, str]]) -> tuple[bool, str]:
    """Prove something until it holds, a few times at most; return whether it did, and what was said the last time."""
    said = ""
    for _try in range(_TRIES):
        ok, said = prove()
        if ok:
            return True, said
    return False, said


def _is_streamed(answer: HttpAnswer) -> tuple[bool, str]:
    """Return whether an answer comes in pieces, and how long they took."""
    began = time.monotonic()
    if not answer.read1(65536):
        return False, "the answer was empty"
    arrived = time.monotonic()
    try:
        second = answer.read1(65536)
    except TimeoutError:
        second = b"..."  # still open: the first chunk came before the second was sent
    gap = time.monotonic() - arrived
    if gap < _GAP_SECONDS:
        return False, "the whole answer came at once: it was held back, or the path does not stream (name one that does in `probe`)"
    return True, f"first chunk {arrived - began:.2f} s after the headers, {'the second' if second else 'the end'} {gap:.2f} s later"
