# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Source trees on the controller: fetched here, named by content, packed for the hosts.

A tree knows its digest without being packed, so a run with nothing to ship packs nothing. Owner, mtime and the place of the
checkout have no influence on a digest; names, contents, symlinks and the executable bit have.
"""

from __future__ import annotations

import fnmatch
import functools
import gzip
import hashlib
import io
import os
import stat
import tarfile
import typing as t
from collections.abc import Iterator, Sequence
from pathlib import Path


class SourceError(Exception):
    """A source that cannot be had.

    :param key: the key of ``source`` to name in the message
    :param problem: what is wrong with its value
    :param remedy: what to do
    """

    def __init__(self, key: str, problem: str, remedy: str) -> None:
        super().__init__(f"{key}: {problem}; {remedy}")
        self.key, self.problem, self.remedy = key, problem, remedy


class Tree:
    """A source tree: its names and its files."""

    @property
    def digest(self) -> str:
        """Return what the tree is named by."""
        raise NotImplementedError

    @property
    def revision(self) -> str:
        """Return what a person would name the tree by."""
        raise NotImplementedError

    def read(self, path: str) -> bytes | None:
        """Return the content of a file of the tree, ``None`` if there is none."""
        raise NotImplementedError

    def write_tar(self, target: Path) -> None:
        """Write the tree as a gzipped tar with normalised owners, modes and times."""
        raise NotImplementedError


class DirTree(Tree):
    """A directory on the controller."""

    def __init__(self, root: Path, exclude: Sequence[str] = (), revision: str = "") -> None:
        self.root, self.exclude, self._revision = root, exclude, revision

    @property
    def revision(self) -> str:
        return self._revision or f"sha256:{self.digest[:12]}"

    def _walk(self) -> Iterator[tuple[str, Path, os.stat_result]]:
        """Yield name, path and status of every file and symlink, sorted by name."""
        found: list[tuple[str, Path, os.stat_result]] = []
        for directory, names, files in os.walk(self.root):
            names[:] = [name for name in names if not self._excluded(name)]
            links = [name for name in names if os.path.islink(os.path.join(directory, name))]
            for name in [*files, *links]:
                path = Path(directory, name)
                status = path.lstat()
                # Sockets, pipes and devices are no code.
                if not self._excluded(name) and (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
                    found.append((path.relative_to(self.root).as_posix(), path, status))
        yield from sorted(found, key=lambda item: item[0])

    def _excluded(self, name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self.exclude)

    @functools.cached_property
    def digest(self) -> str:
        whole = hashlib.sha256()
        for name, path, status in self._walk():
            if stat.S_ISLNK(status.st_mode):
                kind, content = "link", os.fsencode(os.readlink(path))
            else:
                kind, content = ("exec" if status.st_mode & 0o100 else "file"), path.read_bytes()
            # A name is bytes to the file system; those that are no UTF-8 come as surrogates (PEP 383).
            whole.update(f"{kind}\0{name}\0{hashlib.sha256(content).hexdigest()}\n".encode(errors="surrogateescape"))
        return whole.hexdigest()

    def read(self, path: str) -> bytes | None:
        target = self.root / path
        return target.read_bytes() if target.is_file() else None

    def write_tar(self, target: Path) -> None:
        with tar_writer(target) as tar:
            for name, path, status in self._walk():
                info = tarfile.TarInfo(name)
                if stat.S_ISLNK(status.st_mode):
                    info.type, info.linkname = tarfile.SYMTYPE, os.readlink(path)
                    tar.addfile(info)
                else:
                    content = path.read_bytes()
                    info.size, info.mode = len(content), 0o755 if status.st_mode & 0o100 else 0o644
                    tar.addfile(info, io.BytesIO(content))


class tar_writer:
    """A gzipped tar that appears under its name only when it is complete."""

    def __init__(self, target: Path) -> None:
        self.target, self.partial = target, target.with_name(f".{target.name}.{os.getpid()}")

    def __enter__(self) -> tarfile.TarFile:
        self.file = open(self.partial, "wb")
        self.gzip = gzip.GzipFile(filename="", mode="wb", fileobj=self.file, compresslevel=6, mtime=0)
        self.tar = tarfile.open(fileobj=self.gzip, mode="w", format=tarfile.PAX_FORMAT)
        return self.tar

    def __exit__(self, error: type[BaseException] | None, *_details: t.Any) -> None:
        self.tar.close()
        self.gzip.close()
        self.file.close()
        if error is None:
            os.replace(self.partial, self.target)
        else:
            self.partial.unlink(missing_ok=True)
