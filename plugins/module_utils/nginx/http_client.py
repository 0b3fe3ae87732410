# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask a web server of this host for pages. Every request of ours goes through here, and so does its connection."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import string
import threading
import time
import typing as t
import urllib.parse

# For a connection, and for each read.
TIMEOUT_SECONDS = 10.0
_PART = 65536
_REDIRECTS = (301, 302, 303, 307, 308)
_USER_AGENT = "flaskops-probe"
HttpAnswer = http.client.HTTPResponse


class NoAnswerError(Exception):
    """The server gave no answer, or broke off in the middle of one; the message continues a sentence about the request."""


class NoConnectionError(NoAnswerError):
    """Nothing took the connection; the message continues a sentence about the request."""


class HttpClient:
    """Sends requests to one address, and to a second one where the server redirects them to HTTPS.

    :param address: host or IP address and port of the web server
    :param timeout: seconds for each connection and read
    :param tls_address: where the same server speaks TLS, if it does
    """

    def __init__(self, address: tuple[str, int], timeout: float = TIMEOUT_SECONDS, tls_address: tuple[str, int] | None = None) -> None:
        self.address, self.timeout, self.tls_address = address, timeout, tls_address

    @contextlib.contextmanager
    def get(self, host: str, path: str, headers: t.Mapping[str, str] | None = None) -> t.Iterator[HttpAnswer]:
        """Ask for a path and give its answer, whose body can be read until the block ends.

        :param host: the name of the site
        :param headers: more headers of the request
        :raises NoConnectionError: if nothing takes the connection
        :raises NoAnswerError: if no answer comes, or reading its body inside the block fails
        """
        with contextlib.ExitStack() as stack:
            try:
                answer = self._ask(stack, self._connect(self.address), host, path, headers or {})
                if self.tls_address and _leads_to_tls(answer, host):
                    answer = self._ask(stack, self.connect_tls(self.tls_address, host), host, path, headers or {})
                yield answer
            except (OSError, http.client.HTTPException) as error:
                raise NoAnswerError(f"gave no answer ({_reason(error)})") from error

    def connect_tls(self, address: tuple[str, int], host: str) -> http.client.HTTPConnection:
        """Return a connection with TLS, whatever the certificate: whether clients trust it is another question.

        :param host: the name of the site, which the server chooses the certificate by (RFC 6066, section 3)
        :raises NoConnectionError: if nothing takes the connection
        :raises OSError: if there is no TLS
        """
        connection = self._connect(address)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection.sock = context.wrap_socket(connection.sock, server_hostname=host)
        return connection

    def _ask(
        self, stack: contextlib.ExitStack, connection: http.client.HTTPConnection, host: str, path: str, headers: t.Mapping[str, str]
    ) -> HttpAnswer:
        stack.callback(connection.close)
        connection.request("GET", ascii_path(path), headers={"Host": host, "User-Agent": _USER_AGENT, **headers})
        with self._in_time(connection.sock):
            return connection.getresponse()

    @contextlib.contextmanager
    def _in_time(self, connection: socket.socket) -> t.Iterator[None]:
        """Break a connection off after twice the timeout: that counts for each read, and a server can send a byte now and then for ever.

        :raises NoAnswerError: if that has happened
        """
        over, seconds = threading.Event(), 2 * self.timeout

        def break_off() -> None:
            over.set()
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(seconds, break_off)
        timer.daemon = True
        timer.start()
        try:
            yield
        except (OSError, http.client.HTTPException):
            if over.is_set():
                raise NoAnswerError(f"gave no whole answer within {seconds:g} s") from None
            raise
        finally:
            timer.cancel()

    def read_beginning(self, answer: HttpAnswer, most: int) -> bytes:
        """Return so many bytes of a body, or all of a shorter one.

        :raises NoAnswerError: if they have not come before the timeout
        """
        until, read = time.monotonic() + self.timeout, b""
        while len(read) < most and (part := answer.read1(most - len(read))):
            read += part
            if time.monotonic() > until:
                raise NoAnswerError(f"began an answer that had no end after {self.timeout:g} s")
        return read

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

    def _connect(self, address: tuple[str, int]) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(*address, timeout=self.timeout)
        try:
            connection.connect()
        except OSError as error:
            raise NoConnectionError(f"took no connection ({_reason(error)})") from error
        return connection


def _leads_to_tls(answer: HttpAnswer, host: str) -> bool:
    """Return whether an answer redirects to the same host over HTTPS."""
    place = urllib.parse.urlsplit(answer.getheader("Location") or "")
    return answer.status in _REDIRECTS and place.scheme == "https" and place.hostname == host.lower()


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
