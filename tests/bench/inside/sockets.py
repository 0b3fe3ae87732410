"""Hold WebSockets open and talk through each of them from time to time: sockets.py HOST PATH COUNT PERIOD SECONDS. Run inside a host.

The first line of JSON comes when all are open. The last one, SECONDS later, has how many went on to the end, how many messages came back,
and what they took in milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

OPENING = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
# RFC 6455, section 5.2: a whole text of 5 characters, masked by a client with zeros; and what a server sends back.
SENT, ECHOED = b"\x81\x85\x00\x00\x00\x00hello", b"\x81\x05hello"
# So many open at the same time.
AT_ONCE = 50
SECONDS_TO_OPEN = 60


async def opened(host: str, path: str, places: asyncio.Semaphore) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with places, asyncio.timeout(SECONDS_TO_OPEN):
        reader, writer = await asyncio.open_connection("127.0.0.1", 80)
        writer.write(OPENING.format(host=host, path=path).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            raise RuntimeError(head.decode(errors="replace"))
        return reader, writer


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: float, period: float, until: float) -> list[float]:
    """Send a message every so many seconds, and return what each took to come back, in milliseconds."""
    took = []
    await asyncio.sleep(first)
    while time.monotonic() < until:
        began = time.monotonic()
        writer.write(SENT)
        if await reader.readexactly(len(ECHOED)) != ECHOED:
            raise RuntimeError("another message came back")
        took.append((time.monotonic() - began) * 1e3)
        await asyncio.sleep(period)
    return took


async def main() -> None:
    host, path, count, period, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])
    places = asyncio.Semaphore(AT_ONCE)
    sockets = await asyncio.gather(*(opened(host, path, places) for _number in range(count)))
    print(json.dumps({"open": len(sockets)}), flush=True)
    until = time.monotonic() + seconds
    # One after the other, so that a second is like the next.
    talks = (talk(*each, period * number / count, period, until) for number, each in enumerate(sockets))
    ends = await asyncio.gather(*talks, return_exceptions=True)
    took = [one for end in ends if isinstance(end, list) for one in end]
    wrong = [repr(end) for end in ends if not isinstance(end, list)]
    print(json.dumps({"held": count - len(wrong), "wrong": wrong[:3], "messages": len(took), "took": took}), flush=True)
    for _reader, writer in sockets:
        writer.close()


asyncio.run(main())
