# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Unix sockets of an application: whether one is there, and questions to it.

The application may answer for ever, without an end, or through a link to somebody else's socket.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import time

_PART = 65536


class Received(bytes):
    """The part of an answer that has arrived; ``ended`` says whether that is all of it."""

    ended = False


def is_socket(path: str) -> bool:
    """Return whether a socket has a name; a link to one is none."""
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def exchange(path: str, sent: bytes, most: int, seconds: float) -> Received:
    """Connect, send, and return what is answered: at most so many bytes, and what has arrived in so many seconds.

    :param path: the socket itself. The application's user may have put a link in its place, which is not followed.
    :raises OSError: if there is no socket or nobody takes the connection in time
    :raises TimeoutError: if nothing has arrived in time
    """
    until = time.monotonic() + seconds
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            raise OSError(errno.ENOTSOCK, os.strerror(errno.ENOTSOCK), path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(seconds)
            # By descriptor: the name may have become another one since it was looked at.
            connection.connect(f"/proc/self/fd/{descriptor}")
            if sent:
                connection.settimeout(_left(until))
                connection.sendall(sent)
            return _receive(connection, most, until)
    finally:
        os.close(descriptor)


def _receive(connection: socket.socket, most: int, until: float) -> Received:
    parts = bytearray()
    ended = False
    while len(parts) < most and not ended:
        try:
            connection.settimeout(_left(until))
            part = connection.recv(min(_PART, most - len(parts)))
        except TimeoutError:
            if not parts:
                raise
            break
        ended = not part
        parts += part
    received = Received(parts)
    received.ended = ended
    return received


def _left(until: float) -> float:
    """Return the seconds that are left.

    :raises TimeoutError: if there are none
    """
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError(errno.ETIMEDOUT, "timed out")
    return left
