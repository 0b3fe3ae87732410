# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the output of a program to its end, up to a limit: no program may fill the memory of root's process."""

from __future__ import annotations

import os
import selectors
import time
import typing as t

# Programs of the system write far less; only foreign code writes without an end.
MOST_BYTES = 64 * 2**20
_BLOCK = 2**16
_LOOK_SECONDS = 0.2
_PAUSE_SECONDS = 0.002


class Process(t.Protocol):
    """A program that runs, as ``subprocess.Popen`` has it."""

    stdout: t.IO[bytes] | None
    stderr: t.IO[bytes] | None

    def poll(self) -> int | None: ...


class TooMuchOutputError(Exception):
    """A program wrote more than ``MOST_BYTES``."""


def collect(process: Process, timeout: float | None = None) -> list[bytes]:
    """Return what a process has written to its pipes, standard output first, when it has ended.

    Another process may have inherited a pipe and keep it open: nobody waits for that one.

    :param timeout: seconds that the process has
    :raises TimeoutError: if it does not end in time; it still runs then
    :raises TooMuchOutputError: if it writes too much; it still runs then
    """
    give_up = None if timeout is None else time.monotonic() + timeout
    pipes = [pipe for pipe in (process.stdout, process.stderr) if pipe]
    written: dict[t.IO[bytes], bytearray] = {pipe: bytearray() for pipe in pipes}
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            # In this order: what is written before the end of the process is there to be read after it.
            ended = process.poll() is not None
            ready = [t.cast("t.IO[bytes]", key.fileobj) for key, _events in selector.select(0 if ended else _LOOK_SECONDS)]
            for pipe in ready:
                block = os.read(pipe.fileno(), _BLOCK)
                written[pipe] += block
                if not block:
                    selector.unregister(pipe)
            if ended and not ready:
                break
            if sum(map(len, written.values())) > MOST_BYTES:
                raise TooMuchOutputError
            if give_up is not None and time.monotonic() >= give_up:
                raise TimeoutError
    # It may have closed its pipes long before its end.
    while process.poll() is None:
        if give_up is not None and time.monotonic() >= give_up:
            raise TimeoutError
        time.sleep(_PAUSE_SECONDS)
    return [bytes(written[pipe]) for pipe in pipes]
