# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Source trees on the controller: fetched here, named by content, packed for the hosts.

A tree knows its digest without being packed, so a run with nothing to ship packs nothing. Owner, mtime and the place of the
checkout have no influence on a digest; names, contents, symlinks and the executable bit have.
"""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import functools
import gzip
import hashlib
import os
import posixpath
import stat
import tarfile
import typing as t
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from .submodules import empty_submodules


class SourceError(Exception):
    """A source that cannot be had.

    :param key: the key of ``source`` to name in the message
    :param problem: what is wrong with its value
    :param remedy: what to do
    """

    def __init__(self, key: str, problem: str, remedy: str) -> None:
        super().__init__(f"{key}: {problem}; {remedy}")
        self.key, self.problem, self.remedy = key, problem, remedy
        # Further mistakes in the same source.
        self.others: list[SourceError] = []


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

    def names(self) -> frozenset[str]:
        """Return the paths of all files and links that are shipped."""
        return frozenset()

    def has(self, path: str) -> bool:
        """Return whether a file or a directory is shipped."""
        normal = posixpath.normpath(path)
        return normal == "." or normal in self.names() or any(name.startswith(f"{normal}/") for name in self.names())

    def unreadable(self) -> list[tuple[str, str]]:
        """Return files and directories that the run may not read, each with the reason."""
        return []

    def empty_submodules(self) -> list[str]:
        """Return the paths of submodules of git whose files are not shipped."""
        return []

    def small_files(self) -> Iterator[tuple[str, bytes]]:
        """Yield the files that are smaller than 1 KiB, with their content."""
        yield from ()

    def links(self) -> dict[str, str]:
        """Return the targets of the symbolic links by their paths."""
        return {}

    def left_out(self) -> list[str]:
        """Return the paths that the repository of the source leaves out: what git ignores, or does not pack."""
        return []


class DirTree(Tree):
    """A directory on the controller. ``key`` is the key of ``source`` that it comes from, and ``ignored`` are paths that git ignores."""

    def __init__(
        self, root: Path, exclude: Sequence[str] = (), revision: str = "", key: str = "path", ignored: frozenset[str] = frozenset()
    ) -> None:
        self.root, self.exclude, self._revision, self.key, self._ignored = root, exclude, revision, key, ignored

    @property
    def revision(self) -> str:
        return self._revision or f"sha256:{self.digest[:12]}"

    def _walk(self, failed: Callable[[OSError], None] | None = None) -> Iterator[tuple[str, Path, os.stat_result]]:
        """Yield name, path and status of every file and symlink, sorted; ``failed`` is told of directories that cannot be read."""
        found: list[tuple[str, Path, os.stat_result]] = []
        # os.walk by itself leaves out a directory that it cannot read.
        for directory, names, files in os.walk(self.root, onerror=failed or self._refuse):
            here = os.path.relpath(directory, self.root)
            names[:] = [name for name in names if not self._excluded(name) and not self._is_ignored(here, name)]
            links = [name for name in names if os.path.islink(os.path.join(directory, name))]
            for name in [*(name for name in files if not self._is_ignored(here, name)), *links]:
                path = Path(directory, name)
                status = path.lstat()
                # Sockets, pipes and devices are no code.
                if not self._excluded(name) and (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
                    found.append((path.relative_to(self.root).as_posix(), path, status))
        yield from sorted(found, key=lambda item: item[0])

    def _excluded(self, name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self.exclude)

    def _is_ignored(self, directory: str, name: str) -> bool:
        return bool(self._ignored) and os.path.normpath(os.path.join(directory, name)) in self._ignored

    def left_out(self) -> list[str]:
        return sorted(path for path in self._ignored if not any(map(self._excluded, path.split("/"))))

    def _refuse(self, error: OSError) -> t.NoReturn:
        name = os.path.relpath(os.fspath(error.filename or self.root), self.root)
        raise unreadable_error(self.key, [(name, error.strerror or str(error))]) from error

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """Refuse a file that cannot be read meanwhile."""
        try:
            yield
        except OSError as error:
            self._refuse(error)

    def _content(self, path: Path) -> bytes:
        with self._reading():
            return path.read_bytes()

    def _checksum(self, path: Path) -> str:
        with self._reading(), open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @functools.cached_property
    def digest(self) -> str:
        whole = hashlib.sha256()
        for name, path, status in self._walk():
            if stat.S_ISLNK(status.st_mode):
                kind, content = "link", hashlib.sha256(os.fsencode(os.readlink(path))).hexdigest()
            else:
                kind, content = ("exec" if status.st_mode & 0o100 else "file"), self._checksum(path)
            # A name is bytes to the file system; those that are no UTF-8 come as surrogates (PEP 383).
            whole.update(f"{kind}\0{name}\0{content}\n".encode(errors="surrogateescape"))
        return whole.hexdigest()

    def read(self, path: str) -> bytes | None:
        target, parts = self.root / path, posixpath.normpath(path).split("/")
        above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        if any(map(self._excluded, parts)) or not self._ignored.isdisjoint(above):
            return None
        with self._reading():  # a directory above it may be closed
            return self._content(target) if target.is_file() else None

    def write_tar(self, target: Path) -> None:
        with tar_writer(target) as tar:
            for name, path, status in self._walk():
                info = tarfile.TarInfo(name)
                if stat.S_ISLNK(status.st_mode):
                    info.type, info.linkname = tarfile.SYMTYPE, os.readlink(path)
                    tar.addfile(info)
                else:
                    info.mode = 0o755 if status.st_mode & 0o100 else 0o644
                    with contextlib.ExitStack() as stack:
                        with self._reading():
                            file = stack.enter_context(open(path, "rb"))
                        add_file(tar, info, file, str(self.root))

    @functools.cached_property
    def _seen(self) -> tuple[list[tuple[str, Path, os.stat_result]], list[OSError]]:
        """Return what there is to be looked at, and the directories that cannot be read."""
        errors: list[OSError] = []
        return list(self._walk(errors.append)), errors

    def names(self) -> frozenset[str]:
        return frozenset(name for name, _path, _status in self._seen[0])

    def unreadable(self) -> list[tuple[str, str]]:
        files, errors = self._seen
        found = [(os.path.relpath(os.fspath(error.filename), self.root), error.strerror or str(error)) for error in errors]
        denied = [name for name, path, status in files if stat.S_ISREG(status.st_mode) and not os.access(path, os.R_OK)]
        return sorted([*found, *((name, os.strerror(errno.EACCES)) for name in denied)])

    def small_files(self) -> Iterator[tuple[str, bytes]]:
        for name, path, status in self._seen[0]:
            if stat.S_ISREG(status.st_mode) and status.st_size < 1024:
                yield name, self._content(path)

    def links(self) -> dict[str, str]:
        return {name: os.readlink(path) for name, path, status in self._seen[0] if stat.S_ISLNK(status.st_mode)}

    def empty_submodules(self) -> list[str]:
        return empty_submodules(self.root, self._excluded)


class TreeEntry(t.NamedTuple):
    """A line of git-ls-tree: a file or link, or the commit of a submodule."""

    mode: str
    kind: str
    id: str
    size: str
    name: str


def unreadable_error(key: str, found: Sequence[tuple[str, str]]) -> SourceError:
    """Return one problem for files and directories of a source that cannot be read."""
    shown = ", ".join(f"'{name}'" for name, _reason in found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
    last = posixpath.basename(found[0][0])
    remedy = f"let the user of the run read it, or add '{last}' to source.exclude, which takes the place of the default list"
    return SourceError(key, f"{shown} cannot be read ({found[0][1]})", remedy)


def add_file(tar: tarfile.TarFile, info: tarfile.TarInfo, file: t.BinaryIO, source: str) -> None:
    """Add a file of any size to a tar, a piece at a time.

    :param source: what the file is from, for the message
    :raises SourceError: if the file gets smaller meanwhile
    """
    info.size = os.fstat(file.fileno()).st_size
    try:
        tar.addfile(info, file)
    except OSError as error:
        if os.fstat(file.fileno()).st_size >= info.size:
            raise
        raise SourceError("source", f"'{info.name}' of '{source}' changed while it was packed", "run it again") from error


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
