# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the end of a log, which may have any size and goes on in files that logrotate(8) has set aside and compressed."""

from __future__ import annotations

import collections
import importlib
import os
import re
import stat
import typing as t
import zlib

from .files import names_in

# A compressed log that unpacks to more is not read: a small file may unpack to any size.
_MOST_UNPACKED = 256 * 2**20
_BLOCK = 2**20
# The end of the name of a log that logrotate has set aside: a number, or with `dateext` a date of any `dateformat`, which has six digits at
# least; and the ending of a compressed file.
_ROTATED = re.compile(
    r"(?P<mark>\.[1-9]\d{0,4}|[-._](?=(?:\D*\d){6})\d[\d.:T_+-]*\d)(?P<ending>|\.(?:gz|bz2|xz|zst|lz4|lzma|lzo|br|zip|Z))"
)
# Modules of the standard library that read compressed files. A Python may have been built without some of them.
_READERS = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma"}


class LogEnd(t.NamedTuple):
    """The lines at the end of a log, and whether they are all of them."""

    lines: list[str]
    is_whole: bool


class _Part(t.NamedTuple):
    """The bytes at the end of one file, and whether they are all of them."""

    content: bytes
    is_whole: bool


class _File(t.NamedTuple):
    """A file of a log. The ending is that of a compressed one, and empty for plain text."""

    path: str
    ending: str = ""


_UNREAD = _Part(b"", False)


def last_lines(path: str, most: int, since: float = 0) -> LogEnd:
    """Return the lines at the end of a log, none where there is no such file. A link, a named pipe or a device is no log.

    :param most: the number of bytes that are read of all files together; a line that begins before them is left out
    :param since: seconds since the epoch; a file that was not written to since then is left out
    :raises OSError: if a file cannot be read
    """
    directory, name = os.path.split(path)
    rotated, others = _set_aside(directory, name)
    parts: list[_Part] = []
    for file in [_File(path), *rotated]:
        part = _end_of(file, most, since)
        if part:
            most -= len(part.content)
            parts.insert(0, part)
            if not part.is_whole:
                break
    lines = [line for part in parts for line in part.content.decode(errors="replace").splitlines()]
    is_whole = not parts or parts[0].is_whole
    # Somebody may have moved the log to another name by hand; a copy of it would be read twice, so such a file is not read.
    has_others = any(written >= since for written in map(_time_of, others) if written)
    return LogEnd(lines if is_whole or not parts[0].content else lines[1:], is_whole and not has_others)


def _set_aside(directory: str, name: str) -> tuple[list[_File], list[str]]:
    """Return the files that logrotate has set aside, the youngest first, and the paths of others whose names begin with that of the log.

    They are ordered by the time of their last line, which a renaming and logrotate's compression keep. Names could not be compared: some have
    numbers and others dates, and a ``dateformat`` may begin with the day. Names decide between files of the same time.
    """
    found: dict[str, list[_File]] = {}
    others: list[str] = []
    for other in names_in(directory):
        rest, path = other.removeprefix(name), os.path.join(directory, other)
        if not other.startswith(name) or rest[:1] not in (".", "-", "_"):
            continue
        if rotated := _ROTATED.fullmatch(rest):
            found.setdefault(rotated["mark"], []).append(_File(path, rotated["ending"]))
        else:
            others.append(path)
    # While logrotate compresses a file, it is there in both forms, and the plain one is complete.
    files = {mark: min(forms, key=_preference) for mark, forms in found.items()}
    return [files[mark] for mark in sorted(files, key=lambda mark: (-_time_of(files[mark].path), _rank(mark)))], others


def _preference(file: _File) -> int:
    forms = ["", *_READERS]
    return forms.index(file.ending) if file.ending in forms else len(forms)


def _rank(mark: str) -> int:
    """Return a number that is smaller for a younger file: that of its name, and of a date, which has six digits at least, the negative one."""
    digits = re.sub(r"\D", "", mark)
    return int(digits) if len(digits) < 6 else -int(digits)


def _time_of(path: str) -> float:
    """Return when a file was last written to, 0 if it is no file."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return 0
    return status.st_mtime if stat.S_ISREG(status.st_mode) else 0


def _end_of(log: _File, most: int, since: float) -> _Part | None:
    """Return the end of one file, ``None`` if it is no file, or was not written to since a time."""
    try:
        descriptor = os.open(log.path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_mtime < since:
            return None
        if log.ending:
            return _unpacked_end(file, most, log.ending)
        begin = max(0, status.st_size - most)
        file.seek(begin)
        return _Part(file.read(most), not begin)


def _unpacked_end(file: t.BinaryIO, most: int, ending: str) -> _Part:
    """Return the end of a compressed file. Nothing is returned of a file that is damaged, of another form, or unpacks to too much."""
    try:
        reader = importlib.import_module(_READERS[ending])
    except (KeyError, ImportError):
        return _UNREAD
    blocks: collections.deque[bytes] = collections.deque()
    kept = unpacked = 0
    try:
        with reader.open(file, "rb") as content:
            while block := content.read(_BLOCK):
                unpacked += len(block)
                if unpacked > _MOST_UNPACKED:
                    return _UNREAD
                blocks.append(block)
                kept += len(block)
                while blocks and kept - len(blocks[0]) >= most:
                    kept -= len(blocks.popleft())
    except (EOFError, zlib.error, getattr(reader, "LZMAError", EOFError)):
        return _UNREAD
    except OSError as error:
        if error.errno is not None:
            raise
        return _UNREAD  # The modules gzip and bz2 have this error without a number for a damaged file.
    return _Part(b"".join(blocks)[max(0, kept - most) :], unpacked <= most)
