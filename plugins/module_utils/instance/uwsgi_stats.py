# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The statistics of a uWSGI instance, as far as they can be believed: the application answers in uWSGI's place if it wants to."""

from __future__ import annotations

import re
import threading
import typing as t

from ..host.json_file import NoObjectError, parse_object
from ..host.unix_socket import exchange

# A pool for streams has a thousand places and more, and tells the headers of every request that it is answering.
MOST_BYTES = 4 * 2**20
_SECONDS = 5.0
_MOST_WORKERS = 1024
# Linux has no larger process number (PID_MAX_LIMIT, proc(5)).
_MOST_PROCESSES = 2**22
_MOST = 2**63 - 1
_VERSION = re.compile(r"[\w.+-]{1,40}", re.ASCII)
# Such as idle, busy, cheap and sig15.
_STATUS = re.compile(r"[\w-]{1,20}", re.ASCII)


class StatsError(Exception):
    """Statistics that are missing or no statistics; the message continues a sentence about them."""


class Worker(t.NamedTuple):
    """A worker: ``slots`` requests at most are answered by it at once, ``busy`` of them at the moment."""

    id: int
    # 0 if the worker is not started.
    pid: int
    status: str
    requests: int
    exceptions: int
    # Microseconds.
    avg_rt: int
    slots: int
    busy: int


class Stats(t.NamedTuple):
    """The statistics of an instance or a stream pool."""

    version: str
    listen_queue: int
    workers: tuple[Worker, ...]


# The largest answer takes twenty times its size in memory, and a host may have many applications.
_one_at_a_time = threading.Lock()
NO_STATS = Stats("", 0, ())


def read_stats(path: str, seconds: float = _SECONDS) -> Stats:
    """Return the statistics of an instance; none if it has no socket for them, as with a template of the user's own.

    :param path: the socket
    :param seconds: the time that the whole answer may take
    :raises StatsError: if they are no statistics
    """
    try:
        received = exchange(path, b"", MOST_BYTES, seconds)
    except FileNotFoundError:
        return NO_STATS
    except OSError as error:
        raise StatsError(f"did not come ({error.strerror or error})") from error
    if len(received) >= MOST_BYTES:
        raise StatsError(f"have more than {MOST_BYTES} bytes")
    if not received.ended:
        raise StatsError(f"had no end after {seconds:g} s")
    with _one_at_a_time:
        return parse_stats(received)


def parse_stats(received: bytes) -> Stats:
    """Return the statistics in an answer of uWSGI.

    :raises StatsError: if it is anything else
    """
    try:
        answer = parse_object(received)
    except NoObjectError as error:
        raise StatsError(f"are not what uWSGI tells: the answer {error}") from None
    workers = _list(answer, "", "workers")
    if len(workers) > _MOST_WORKERS:
        raise StatsError(f"are not what uWSGI tells: there are {len(workers)} workers")
    return Stats(
        _text(answer, "", "version", _VERSION),
        _number(answer, "", "listen_queue"),
        tuple(_worker(worker, f"workers[{index}].") for index, worker in enumerate(workers)),
    )


def _worker(worker: t.Any, where: str) -> Worker:
    cores = _list(worker, where, "cores")
    return Worker(
        id=_number(worker, where, "id"),
        pid=_number(worker, where, "pid", _MOST_PROCESSES),
        status=_text(worker, where, "status", _STATUS),
        requests=_number(worker, where, "requests"),
        exceptions=_number(worker, where, "exceptions"),
        avg_rt=_number(worker, where, "avg_rt"),
        slots=len(cores),
        busy=sum(_number(core, f"{where}cores[{index}].", "in_request", 1) for index, core in enumerate(cores)),
    )


def _value(values: t.Any, where: str, name: str) -> t.Any:
    """Return a value of an object, ``None`` if it has none.

    :param where: the path of the object, for messages
    """
    if not isinstance(values, dict):
        raise StatsError(f"are not what uWSGI tells: {where.rstrip('.')} is no object")
    return values.get(name)


def _number(values: t.Any, where: str, name: str, most: int = _MOST) -> int:
    value = _value(values, where, name)
    # In Python, True is a number too.
    if type(value) is not int or not 0 <= value <= most:
        raise StatsError(f"are not what uWSGI tells: {where}{name} is no number from 0 to {most}")
    return value


def _text(values: t.Any, where: str, name: str, pattern: re.Pattern[str]) -> str:
    value = _value(values, where, name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise StatsError(f"are not what uWSGI tells: {where}{name} is no short word")
    return value


def _list(values: t.Any, where: str, name: str) -> list[t.Any]:
    value = _value(values, where, name)
    if not isinstance(value, list):
        raise StatsError(f"are not what uWSGI tells: {where}{name} is no list")
    return value
