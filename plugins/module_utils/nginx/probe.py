# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prove routes of a site by requests: that they answer, that a cache stores, that a stream is not held back."""

from __future__ import annotations

import http.client
import string
import time
import typing as t
import urllib.parse
import uuid

# Two reads this far apart were not sent together.
_GAP_SECONDS = 0.05


class Check(t.NamedTuple):
    """What came of one route."""

    app: str
    mode: str
    url: str
    ok: bool
    says: str

    def as_dict(self) -> dict[str, t.Any]:
        return {**self._asdict(), "line": f"{self.app}: {self.mode} route {self.url} {self.says}"}


class Prober:
    """Sends requests to one address.

    :param address: host or IP address and port of the web server
    :param timeout: seconds for each connection and read
    """

    def __init__(self, address: tuple[str, int], timeout: float) -> None:
        self.address, self.timeout = address, timeout

    def check(self, app: str, host: str, mode: str, path: str, proof: str = "") -> Check:
        """Check one route; an error of the connection is an answer too.

        :param mode: the route's mode
        :param proof: ``cache``, ``stream``, or anything else for any answer below 500; empty for the mode's own name
        """
        prove = {"cache": self._cache, "stream": self._stream}.get(proof or mode, self._plain)
        try:
            ok, says = prove(host, path)
        except (OSError, http.client.HTTPException) as error:
            ok, says = False, f"no answer ({type(error).__name__}: {error})"
        return Check(app, mode, f"{host}{path}", ok, says)

    def _get(self, host: str, path: str) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = http.client.HTTPConnection(*self.address, timeout=self.timeout)
        connection.request("GET", ascii_path(path), headers={"Host": host, "User-Agent": "flaskops-validate"})
        return connection, connection.getresponse()

    def _plain(self, host: str, path: str) -> tuple[bool, str]:
        connection, answer = self._get(host, path)
        connection.close()
        return answer.status < 500, f"answered {answer.status}"

    def _cache(self, host: str, path: str) -> tuple[bool, str]:
        # A query nobody has asked makes a key of its own, so that nothing of the users' is measured or replaced.
        url = f"{path}{'&' if '?' in path else '?'}flaskops-validate={uuid.uuid4().hex}"
        seen: list[str] = []
        for _attempt in range(2):
            connection, answer = self._get(host, url)
            answer.read()
            connection.close()
            seen.append(answer.getheader("X-Proxy-Cache") or "none")
        says = f"answered {answer.status}, X-Proxy-Cache {seen[0]} then {seen[1]}"
        if seen == ["MISS", "HIT"]:
            return True, says
        reasons = [
            f"{name}: {answer.getheader(name)}" for name in ("Cache-Control", "Expires", "Set-Cookie", "Vary") if answer.getheader(name)
        ]
        return False, f"{says}, but MISS then HIT was expected ({'; '.join(reasons) or 'is the status one of `valid`?'})"

    def _stream(self, host: str, path: str) -> tuple[bool, str]:
        connection, answer = self._get(host, path)
        try:
            if answer.status != 200:
                return False, f"answered {answer.status}, but a stream was expected"
            began = time.monotonic()
            first = answer.read1(65536)
            if not first:
                return False, "the answer was empty"
            arrived = time.monotonic()
            try:
                more = answer.read1(65536)
            except TimeoutError:
                more = b"..."  # still open: the first chunk came before the second was sent
            gap = time.monotonic() - arrived
            if gap >= _GAP_SECONDS:
                return (
                    True,
                    f"first chunk {arrived - began:.2f} s after the headers, {'the second' if more else 'the end'} {gap:.2f} s later",
                )
            return False, "the whole answer came at once: it was held back, or the path does not stream (name one that does in `probe`)"
        finally:
            connection.close()


def ascii_path(path: str) -> str:
    """Return a path as it goes into a request (RFC 3986, 2.1); what is ASCII stays as it is."""
    return urllib.parse.quote(path, safe=string.punctuation)


def parse_listen(listen: str) -> tuple[str, int]:
    """Return the address to reach an nginx ``listen`` value at from the host itself."""
    address, _colon, port = listen.rpartition(":")
    address = address.strip("[]")
    wildcard = {"": "127.0.0.1", "*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
    if not port.isdigit():
        raise ValueError(f"'{listen}' is no address and port of nginx")
    return wildcard.get(address, address), int(port)
