# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the end of a log, which may have any size and goes on in files that logrotate(8) has set aside and compressed."""

from __future__ import annotations

import collections
import gzip
import os
import re
import stat
import typing as t
import zlib

from .files import names_in

# A compressed log that unpacks to more is not read: a small file may unpack to any size.
_MOST_UNPACKED = 256 * 2**20
_BLOCK = 2**20
# The end of the name of a log that was set aside, with its number: 1 is the youngest one.
_ROTATED = re.compile(r"\.([1-9]\d{0,5})(\.gz)?")


class LogEnd(t.NamedTuple):
    """The lines at the end of a log, and whether they are all of them."""

    lines: list[str]
    is_whole: bool


class _Part(t.NamedTuple):
    """The bytes at the end of one file, and whether they are all of them."""

    content: bytes
    is_whole: bool


def last_lines(path: str, most: int, since: float = 0) -> LogEnd:
    """Return the lines at the end of a log, none where there is no such file. A link, a named pipe or a device is no log.

    :param most: the number of bytes that are read of all files together; a line that begins before them is left out
    :param since: seconds since the epoch; a file that was not written to since then is left out
    :raises OSError: if a file cannot be read
    """
    parts: list[_Part] = []
    for file in _files_of(path):
        part = _end_of(file, most, since)
        if part:
            most -= len(part.content)
            parts.insert(0, part)
            if not part.is_whole:
                break
    lines = [line for part in parts for line in part.content.decode(errors="replace").splitlines()]
    is_whole = not parts or parts[0].is_whole
    return LogEnd(lines if is_whole or not parts[0].content else lines[1:], is_whole)


def _files_of(path: str) -> list[str]:
    """Return the files of a log, the youngest first."""
    directory, name = os.path.split(path)
    found: dict[int, str] = {}
    for other in names_in(directory):
        rotated = _ROTATED.fullmatch(other.removeprefix(name)) if other.startswith(name) else None
        if rotated:
            # While logrotate compresses a file, it is there in both forms, and the first name is that of the complete one.
            found.setdefault(int(rotated[1]), os.path.join(directory, other))
    return [path, *(found[number] for number in sorted(found))]


def _end_of(path: str, most: int, since: float) -> _Part | None:
    """Return the end of one file, ``None`` if it is no file, or was not written to since a time."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_mtime < since:
            return None
        if path.endswith(".gz"):
            return _unpacked_end(file, most)
        begin = max(0, status.st_size - most)
        file.seek(begin)
        return _Part(file.read(most), not begin)


def _unpacked_end(file: t.BinaryIO, most: int) -> _Part:
    """Return the end of a compressed file. Nothing is returned of a file that is damaged or unpacks to too much."""
    blocks: collections.deque[bytes] = collections.deque()
    kept = unpacked = 0
    try:
        with gzip.open(file, "rb") as content:
            while block := content.read(_BLOCK):
                unpacked += len(block)
                if unpacked > _MOST_UNPACKED:
                    return _Part(b"", False)
                blocks.append(block)
                kept += len(block)
                while blocks and kept - len(blocks[0]) >= most:
                    kept -= len(blocks.popleft())
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return _Part(b"", False)
    return _Part(b"".join(blocks)[max(0, kept - most) :], unpacked <= most)
