# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A program that holds the requests of a paused application, passes them on when the pause is over, and refuses those that wait too long.

nginx sends requests to its sockets in place of the application's. It accepts every connection at once, so that no request is lost in a full
queue, and looks into none of them. After SIGUSR1 it connects each of them to the application and copies what both say. It ends by itself when
it has had no connection for a while after that.

The program needs nothing but Python's library, and also runs alone: ``python3 -I waiting_room.py '{"sockets": …}'``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import socket
import sys
import typing as t

# This is the most that the kernel queues by default (net.core.somaxconn).
_BACKLOG = 4096
_BLOCK = 65536
# An application that is restarted at that moment, or whose queue is full, is asked again for so long.
_CONNECT_SECONDS = 20.0
_RETRY_SECONDS = 0.05
# A worker of nginx that has not read its new configuration yet may still come here.
_IDLE_SECONDS = 10
# For nginx to end what it sends, before the connection is closed.
_LINGER_SECONDS = 2.0


class WaitingOrder(t.TypedDict):
    """The arguments of the program, as JSON.

    ``sockets`` has the application's socket by the one that waits in its place. ``seconds`` is for how long requests may wait, counted from
    the first one. ``pages`` are paths of pages of which the first that exists is sent afterwards, with ``retry_after`` seconds.
    """

    sockets: dict[str, str]
    seconds: float
    pages: list[str]
    retry_after: int


class WaitingRoom:
    """The requests that wait.

    :param order: as it was given
    """

    def __init__(self, order: WaitingOrder) -> None:
        self._order = order
        self._refusal = _refusal(order["pages"], order["retry_after"])
        self._over = asyncio.Event()
        self._open = 0
        self._deadline: float | None = None

    async def run(self) -> None:
        """Hold requests until the pause is over and none of them is left."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self.end)
        for place, target in self._order["sockets"].items():
            await asyncio.start_unix_server(self._visitor(target), place, backlog=_BACKLOG)
        await self._over.wait()
        idle = 0
        while idle < _IDLE_SECONDS:
            await asyncio.sleep(1)
            idle = 0 if self._open else idle + 1

    def end(self) -> None:
        """Pass on the requests that wait, and all that follow."""
        self._over.set()

    def _visitor(self, target: str) -> t.Callable[[asyncio.StreamReader, asyncio.StreamWriter], t.Awaitable[None]]:
        async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._open += 1
            try:
                with contextlib.suppress(OSError):
                    await self._answer(reader, writer, target)
            finally:
                self._open -= 1
                writer.close()

        return visit

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str) -> None:
        if not await self._is_over_in_time():
            await self._refuse(reader, writer)
        # The application need not do what nobody waits for any more.
        elif not _has_gone(writer):
            await _pass_on(reader, writer, target)

    async def _is_over_in_time(self) -> bool:
        time = asyncio.get_running_loop().time()
        if self._deadline is None:
            self._deadline = time + self._order["seconds"]
        left = self._deadline - time
        if not self._over.is_set() and left > 0:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._over.wait(), left)
        return self._over.is_set()

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._refusal)
        await writer.drain()
        writer.write_eof()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(_discard(reader), _LINGER_SECONDS)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str) -> None:
    """Connect a request to the application until the application has answered."""
    loop = asyncio.get_running_loop()
    app = await _connect(target)
    request = asyncio.ensure_future(_send(reader, app))
    try:
        while block := await loop.sock_recv(app, _BLOCK):
            writer.write(block)
            await writer.drain()
    finally:
        request.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await request
        app.close()


async def _connect(target: str) -> socket.socket:
    """Connect to a socket. Linux refuses at once where its queue is full (unix(7), EAGAIN), so that is tried again."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _CONNECT_SECONDS
    while True:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.setblocking(False)
        try:
            made.connect(target)
            return made
        except (BlockingIOError, ConnectionRefusedError, FileNotFoundError):
            made.close()
            if loop.time() > until:
                raise
            await asyncio.sleep(_RETRY_SECONDS)


async def _send(reader: asyncio.StreamReader, app: socket.socket) -> None:
    """Send a request. The answer of an application that does not read all of it counts all the same."""
    with contextlib.suppress(OSError):
        while block := await reader.read(_BLOCK):
            await asyncio.get_running_loop().sock_sendall(app, block)


async def _discard(reader: asyncio.StreamReader) -> None:
    while await reader.read(_BLOCK):
        pass


def _has_gone(writer: asyncio.StreamWriter) -> bool:
    """Return whether nginx has closed the connection, as it does when the visitor has gone."""
    poll = select.poll()
    poll.register(writer.get_extra_info("socket").fileno(), select.POLLRDHUP)
    return bool(poll.poll(0))


def _refusal(pages: t.Sequence[str], retry_after: int) -> bytes:
    """Return the answer to a request that has waited too long; uWSGI answers by HTTP as well."""
    found = next((page for page in pages if os.path.isfile(page)), "")
    text = b"Please try again soon.\n"
    if found:
        with open(found, "rb") as file:
            text = file.read()
    kind = "text/html; charset=utf-8" if found else "text/plain"
    lines = ["HTTP/1.1 503 Service Unavailable", f"Content-Type: {kind}", f"Retry-After: {retry_after}", "Cache-Control: no-store", "", ""]
    return "\r\n".join(lines).encode() + text


if __name__ == "__main__":
    asyncio.run(WaitingRoom(json.loads(sys.argv[1])).run())
