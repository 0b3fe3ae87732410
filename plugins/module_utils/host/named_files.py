# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read files of a host that somebody has set up by hand, by names that may come from anybody.

Root reads, and a name may stand in a file or be a link of a user who may not read what it leads to. A file is therefore read only if everybody
who named it could have read it alone: root, its owner, or anybody if the file is for all.
"""

from __future__ import annotations

import contextlib
import glob
import itertools
import os
import stat
import typing as t

# Far more than any configuration that people write.
_MOST_BYTES = 256 * 2**10
_MOST_TOGETHER = 16 * 2**20
_MOST_FILES = 2000
# Each takes a look at all directories of one level.
_MOST_WILDCARDS = 2
# As path_resolution(7) has it.
_MOST_LINKS = 40
_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
# Nothing here is the configuration of a service, and root itself may have linked to it by mistake.
_NEVER = ("/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/root/.ssh", "/etc/ssh", "/proc", "/sys", "/dev", "/run/credentials")


class NotReadError(Exception):
    """A file that is not read; the message is a reason that fits after the path."""


class NamedFile(t.NamedTuple):
    """A file that was read.

    :param path: the name that it was asked for by
    :param real: its name without links
    :param text: undecodable bytes are replaced
    :param owner: the number of the user
    """

    path: str
    real: str
    text: str
    owner: int


class Reader:
    """Reads files up to a number and a size together."""

    def __init__(self) -> None:
        self.files: list[NamedFile] = []
        self.refused: dict[str, str] = {}
        self._bytes_left = _MOST_TOGETHER

    def read(self, pattern: str, author: int) -> None:
        """Read the files that a path or a pattern means, as glob(3) has it. A path where nothing is counts as refused, a pattern does not.

        :param author: the number of the user who wrote the pattern
        """
        if sum(map(glob.has_magic, pattern.split("/"))) > _MOST_WILDCARDS:
            self.refused[pattern] = "is not read: it has wildcards in more than two of its parts"
            return
        names = glob.iglob(pattern) if glob.has_magic(pattern) else iter([pattern])
        for path in sorted(itertools.islice(names, _MOST_FILES)):
            try:
                self._read(path, author)
            except NotReadError as error:
                self.refused[path] = str(error)
            except OSError as error:
                self.refused[path] = (error.strerror or "cannot be read").lower()

    def _read(self, path: str, author: int) -> None:
        if len(self.files) >= _MOST_FILES or self._bytes_left < 0:
            raise NotReadError(f"is not read: more than {_MOST_FILES} files or {_MOST_TOGETHER // 2**20} MiB of configuration")
        with found(path, author) as (descriptor, real):
            status = os.fstat(descriptor)
            if stat.S_ISDIR(status.st_mode):
                return
            if not stat.S_ISREG(status.st_mode):
                raise NotReadError("is no regular file")
            content = content_of(descriptor, _MOST_BYTES)
        if len(content) > _MOST_BYTES:
            raise NotReadError(f"is larger than {_MOST_BYTES // 2**10} KiB")
        if b"\0" in content:
            raise NotReadError("is no text")
        self._bytes_left -= len(content)
        self.files.append(NamedFile(path, real, content.decode(errors="replace"), status.st_uid))


@contextlib.contextmanager
def found(path: str, author: int) -> t.Iterator[tuple[int, str]]:
    """Yield a descriptor (``O_PATH``) of what a path leads to, and its name without links.

    :param author: the number of the user who wrote the path
    :raises NotReadError: if somebody who named it could not have read it
    """
    descriptor, real, authors = _walked(path, {author})
    try:
        status = os.fstat(descriptor)
        if any(real == never or real.startswith((f"{never}/", f"{never}-")) for never in _NEVER):
            raise NotReadError("leads to a file of the system that is no configuration of a service")
        if not (status.st_mode & stat.S_IROTH or authors <= {0, status.st_uid}):
            raise NotReadError("is named by a user who may not read it")
        yield descriptor, real
    finally:
        os.close(descriptor)


def content_of(descriptor: int, most: int) -> bytes:
    """Return the content of a regular file, one byte more than ``most`` if it is longer.

    :param descriptor: as :func:`found` yields it
    """
    with open(f"/proc/self/fd/{descriptor}", "rb") as file:
        return file.read(most + 1)


def _walked(path: str, authors: set[int]) -> tuple[int, str, set[int]]:
    """Return a descriptor of what a path leads to, its name without links, and the numbers of those who named it by the path or a link."""
    links = 0
    here, real = os.open("/", _STEP), "/"
    parts = _parts(path)
    try:
        while parts:
            name = parts.pop(0)
            # The parent of a directory without links is the beginning of its name.
            if name == "..":
                real, parts = "/", [*_parts(real)[:-1], *parts]
                here = _replaced(here, os.open("/", _STEP))
                continue
            inner = os.open(name, _STEP, dir_fd=here)
            status = os.fstat(inner)
            if not stat.S_ISLNK(status.st_mode):
                here, real = _replaced(here, inner), os.path.join(real, name)
                continue
            target = os.readlink("", dir_fd=inner)
            os.close(inner)
            links += 1
            if links > _MOST_LINKS:
                raise NotReadError("is behind a loop of links")
            authors = authors | {status.st_uid}
            parts = [*_parts(target), *parts]
            if target.startswith("/"):
                real = "/"
                here = _replaced(here, os.open("/", _STEP))
    except BaseException:
        os.close(here)
        raise
    return here, real, authors


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _replaced(old: int, new: int) -> int:
    os.close(old)
    return new
