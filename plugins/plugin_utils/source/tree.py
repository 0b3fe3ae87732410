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
import posixpath
import stat
import subprocess
import tarfile
import typing as t
from collections.abc import Iterator, Sequence
from pathlib import Path

# Set in hooks of git (git-rev-parse(1), --local-env-vars); they would name another repository than the one that is meant.
_LOCAL_TO_A_REPOSITORY = {
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
}
# What a user's own configuration would change in the files of a commit.
_PLAIN = ("-c", "core.autocrlf=false", "-c", "core.eol=lf", "-c", "core.attributesFile=/dev/null")


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
        """What the tree is named by."""
        raise NotImplementedError

    @property
    def revision(self) -> str:
        """What a person would name it by."""
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
        with _tar_writer(target) as tar:
            for name, path, status in self._walk():
                info = tarfile.TarInfo(name)
                if stat.S_ISLNK(status.st_mode):
                    info.type, info.linkname = tarfile.SYMTYPE, os.readlink(path)
                    tar.addfile(info)
                else:
                    content = path.read_bytes()
                    info.size, info.mode = len(content), 0o755 if status.st_mode & 0o100 else 0o644
                    tar.addfile(info, io.BytesIO(content))


class GitTree(Tree):
    """A commit in a repository on the controller; git's own tree id is its digest."""

    def __init__(self, repository: Path, commit: str, subdir: str = "") -> None:
        self.repository, self.commit, self.subdir = repository, commit, _in_git(subdir)
        try:
            self._tree = git(repository, "rev-parse", "--verify", "--quiet", f"{commit}:{self.subdir}").decode().strip()
            kind = git(repository, "cat-file", "-t", self._tree).decode().strip()
        except subprocess.CalledProcessError:
            kind = "nothing"
        if kind != "tree":
            says = "is not in" if kind == "nothing" else "is not a directory in"
            raise SourceError("subdir", f"'{subdir}' {says} commit {commit[:12]}", "name a directory of the repository")

    @property
    def digest(self) -> str:
        return self._tree

    @property
    def revision(self) -> str:
        return self.commit

    def read(self, path: str) -> bytes | None:
        try:
            return git(self.repository, "cat-file", "blob", f"{self.commit}:{_in_git(posixpath.join(self.subdir, path))}")
        except subprocess.CalledProcessError:
            return None

    def write_tar(self, target: Path) -> None:
        # A tree instead of a commit: archive members get the current time, so it is normalised by repacking.
        packed = git(self.repository, *_PLAIN, "archive", "--format=tar", self.digest)
        with tarfile.open(fileobj=io.BytesIO(packed)) as source, _tar_writer(target) as tar:
            for member in source:
                if member.isdir():
                    continue
                info = tarfile.TarInfo(member.name)
                info.type, info.linkname, info.size = member.type, member.linkname, member.size
                info.mode = 0o755 if member.mode & 0o100 else 0o644
                tar.addfile(info, source.extractfile(member) if member.isreg() else None)


class FileTree(Tree):
    """A single distribution file (wheel or sdist) with what it requires."""

    def __init__(self, file: Path, revision: str) -> None:
        self.file, self._revision = file, revision

    @functools.cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.file.read_bytes()).hexdigest()

    @property
    def revision(self) -> str:
        return self._revision

    def read(self, path: str) -> bytes | None:
        return None

    def write_tar(self, target: Path) -> None:
        with _tar_writer(target) as tar:
            info = tarfile.TarInfo(self.file.name)
            content = self.file.read_bytes()
            info.size, info.mode = len(content), 0o644
            tar.addfile(info, io.BytesIO(content))


def _in_git(path: str) -> str:
    """Return a path as git writes it in a tree: normalised, and empty for the root."""
    normal = posixpath.normpath(path) if path else ""
    return "" if normal == "." else normal


def git(repository: Path, *arguments: str) -> bytes:
    """Run git on a bare repository and return what it prints.

    :raises subprocess.CalledProcessError: with git's own words in ``stderr``
    """
    # No prompt: a run must not wait for a password that nobody is there to type.
    inherited = {name: value for name, value in os.environ.items() if name not in _LOCAL_TO_A_REPOSITORY}
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")}
    done = subprocess.run(["git", "-C", str(repository), *arguments], check=True, capture_output=True, env={**inherited, **quiet})
    return done.stdout


class _tar_writer:
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
