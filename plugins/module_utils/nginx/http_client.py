# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask a web server of this host for pages. Every request of ours goes through here, and so does its connection."""

from __future__ import annotations

import contextlib
import http.client
import socket
import string
import time
import typing as t
import urllib.parse

# For a connection, and for each read.
TIMEOUT_SECONDS = 10.0
_PART = 65536
_USER_AGENT = "flaskops-probe"
HttpAnswer = http.client.HTTPResponse


class NoAnswerError(Exception):
    """The server gave no answer, or broke off in the middle of one; the message continues a sentence about the request."""


class NoConnectionError(NoAnswerError):
    """Nothing took the connection; the message continues a sentence about the request."""


class HttpClient:
    """Sends requests to one address.

    :param address: host or IP address and port of the web server
    :param timeout: seconds for each connection and read
    """

    def __init__(self, address: tuple[str, int], timeout: float = TIMEOUT_SECONDS) -> None:
        self.address, self.timeout = address, timeout

    @contextlib.contextmanager
    def get(self, host: str, path: str) -> t.Iterator[HttpAnswer]:
        """Ask for a path and give its answer, whose body can be read until the block ends.

        :param host: the name of the site
        :raises NoConnectionError: if nothing takes the connection
        :raises NoAnswerError: if no answer comes, or reading its body inside the block fails
        """
        connection = self._connect()
        try:
            connection.request("GET", ascii_path(path), headers={"Host": host, "User-Agent": _USER_AGENT})
            yield connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswerError(f"gave no answer ({_reason(error)})") from error
        finally:
            connection.close()

    def read_to_end(self, answer: HttpAnswer) -> None:
        """Read a body to its end and keep nothing of it.

        :raises NoAnswerError: if it has no end before the timeout, however much comes meanwhile
        """
        # None if the answer does not say how long it is.
        until, left = time.monotonic() + self.timeout, answer.length
        while left is None or left > 0:
            part = answer.read1(_PART)
            if not part:
                if left:
                    raise http.client.IncompleteRead(b"", left)
                return
            left = None if left is None else left - len(part)
            if time.monotonic() > until:
                raise NoAnswerError(f"began an answer that had no end after {self.timeout:g} s")

    def _connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(*self.address, timeout=self.timeout)
        try:
            connection.connect()
        except OSError as error:
            raise NoConnectionError(f"took no connection ({_reason(error)})") from error
        return connection


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def ascii_path(path: str) -> str:
    """Return a path as it goes into a request (RFC 3986, 2.1); what is ASCII stays as it is."""
    return urllib.parse.quote(path, safe=string.punctuation)


def is_of_this_host(address: tuple[str, int]) -> bool:
    """Return whether this host has an address, by the sender that the kernel would choose for it. Nothing is sent.

    :param address: host or IP address and port
    """
    try:
        family, kind, protocol, _name, place = socket.getaddrinfo(*address, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as sender:
            sender.connect(place)
            return sender.getsockname()[0] == place[0]
    except OSError:
        return False


def parse_listen(listen: str) -> tuple[str, int]:
    """Return the address to reach an nginx ``listen`` value at from the host itself.

    :raises ValueError: if it has no port
    """
    address, _colon, port = listen.rpartition(":")
    address = address.strip("[]")
    wildcard = {"": "127.0.0.1", "*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
    if not port.isdigit():
        raise ValueError(f"'{listen}' is no address and port of nginx")
    return wildcard.get(address, address), int(port)
