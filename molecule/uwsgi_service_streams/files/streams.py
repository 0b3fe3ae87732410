"""Hold streams open through nginx and ask for a page meanwhile: python3 - 'JSON'. Prints JSON. Run inside a host.

    host      the Host header
    count     streams of /time/ to open, 100 at a time
    asks      how often / is asked for, each time before the streams are opened and beside them
    patience  seconds that anything may take
    hold      most seconds to hold the streams after that, unless the server ends all of them earlier
    stats     statistics socket of the uWSGI that has them; after the clients have gone, it is asked until nobody is busy

`live` is how many streams sent a first chunk, `going_on` how many sent another one after the page had been asked for, `ended` how many
the server ended while they were held. Times are in milliseconds; a page that fails or takes longer than `patience` counts as failed.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

OPENED_AT_ONCE = 100


class Stream:
    """An open stream; counts its chunks."""

    def __init__(self) -> None:
        self.chunks, self.ended = 0, False
        self.first = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def read(self, host: str, path: str, gate: asyncio.Semaphore, patience: float) -> None:
        async with gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", 80)
            # Without this header the connection would stay open at the end of a stream.
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            status = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), patience)).split()[1]
            if status != b"200":
                writer.close()
                return
        try:
            while chunk := await reader.read(65536):
                self.chunks += b"<p>" in chunk
                if self.chunks:
                    self.first.set()
            self.ended = True
        finally:
            writer.close()


async def ask(host: str, times: int, patience: float) -> dict[str, Any]:
    """Ask for the page one time after the other."""
    took: list[float] = []
    failed = 0
    for _time in range(times):
        began = time.perf_counter()
        try:
            good = await asyncio.wait_for(page(host), patience)
        except (OSError, EOFError, TimeoutError):
            good = False
        failed += not good
        took += [(time.perf_counter() - began) * 1000] if good else []
        await asyncio.sleep(0.01)
    took.sort()
    figures = {name: round(took[min(len(took) - 1, int(len(took) * share))], 1) for name, share in SHARES.items()} if took else {}
    return {"failed": failed, **figures}


SHARES = {"p50": 0.5, "p99": 0.99, "max": 1.0}


async def page(host: str) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", 80)
    try:
        writer.write(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return (await reader.read()).startswith(b"HTTP/1.1 200")
    finally:
        writer.close()


def busy(path: str) -> int:
    """Return how many requests a uWSGI is answering."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        stats = json.loads(b"".join(iter(lambda: connection.recv(65536), b"")))
    return sum(core["in_request"] for worker in stats["workers"] for core in worker["cores"])


async def until_free(path: str, patience: float) -> float | None:
    """Return after how many milliseconds nobody was busy any more."""
    began = time.perf_counter()
    while busy(path):
        if time.perf_counter() - began > patience:
            return None
        await asyncio.sleep(0.1)
    return round((time.perf_counter() - began) * 1000)


async def until_all(true: Callable[[Stream, int], bool], streams: Sequence[Stream], seen: Sequence[int], end: float) -> None:
    """Wait until something is true of each stream and how many chunks were seen of it, until a moment at most."""
    while time.perf_counter() < end and not all(true(stream, chunks) for stream, chunks in zip(streams, seen, strict=True)):
        await asyncio.sleep(0.1)


async def main(order: dict[str, Any]) -> dict[str, Any]:
    host, patience = order["host"], order["patience"]
    before = await ask(host, order["asks"], patience)
    began = time.perf_counter()
    gate = asyncio.Semaphore(OPENED_AT_ONCE)
    streams = [Stream() for _number in range(order["count"])]
    for stream in streams:
        stream.task = asyncio.create_task(stream.read(host, "/time/", gate, patience))
    waiting = [asyncio.create_task(stream.first.wait()) for stream in streams]
    await asyncio.wait(waiting, timeout=patience)
    live = sum(stream.first.is_set() for stream in streams)
    opened = round((time.perf_counter() - began) * 1000)
    beside = await ask(host, order["asks"], patience)
    seen = [stream.chunks for stream in streams]
    held_until = time.perf_counter() + order.get("hold", 0)
    await asyncio.sleep(3)
    await until_all(lambda stream, chunks: stream.ended or stream.chunks > chunks, streams, seen, time.perf_counter() + patience)
    await until_all(lambda stream, _chunks: stream.ended, streams, seen, held_until)
    going_on = sum(stream.chunks > chunks for stream, chunks in zip(streams, seen, strict=True))
    ended = sum(stream.ended for stream in streams)
    for task in [*waiting, *(stream.task for stream in streams)]:
        task.cancel()
    await asyncio.gather(*waiting, *(stream.task for stream in streams), return_exceptions=True)
    free = await until_free(order["stats"], patience) if "stats" in order else None
    after = await ask(host, 20, patience)
    return {
        **{"before": before, "live": live, "opened_ms": opened, "beside": beside, "going_on": going_on, "ended": ended},
        **{"free_ms": free, "after": after},
    }


print(json.dumps(asyncio.run(main(json.loads(sys.argv[1])))))
