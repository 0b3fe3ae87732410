# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prove routes of a site by requests: that they answer, that a cache stores, that a stream is not held back."""

from __future__ import annotations

import time
import typing as t
import uuid

from .http_client import TIMEOUT_SECONDS, HttpAnswer, HttpClient, NoAnswerError

# Two reads this far apart were not sent together.
_GAP_SECONDS = 0.05
_HEADER_SHOWN = 200


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
        :param proof: ``cache``, ``stream``, or anything else for any answer below 500; empty for the mode's own name
        """
        prove = {"cache": self._cache, "stream": self._stream}.get(proof or mode, self._plain)
        try:
            ok, says = prove(host, path)
        except NoAnswerError as error:
            ok, says = False, str(error)
        return Check(app, mode, f"{host}{path}", ok, says)

    def _plain(self, host: str, path: str) -> tuple[bool, str]:
        with self.client.get(host, path) as answer:
            return answer.status < 500, f"answered {answer.status}"

    def _cache(self, host: str, path: str) -> tuple[bool, str]:
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
        with self.client.get(host, path) as answer:
            if answer.status != 200:
                return False, f"answered {answer.status}, but a stream was expected"
            return _is_streamed(answer)


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
