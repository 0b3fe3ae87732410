# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at the directory of an application that somebody has set up by hand: its code, its data, its repository."""

from __future__ import annotations

import base64
import fnmatch
import io
import os
import pwd
import re
import stat
import tarfile
import typing as t

from .named_files import NotReadError, content_of, found
from .trees import DIRECTORY, FILE, opened

_MOST_ENTRIES = 20_000
_DEEPEST = 32
# Code and its assets; who has more copies it with another tool.
_MOST_SOURCE_BYTES = 24 * 2**20
_MOST_SMALL_FILE = 64 * 2**10
_MOST_NAMED = 200
_SQLITE = b"SQLite format 3\0"
# Directories of what an application has taken in while it ran.
_DATA_DIRECTORIES = ("instance", "uploads", "upload", "media")
# Directories that hold neither code nor data of the application.
_PASSED_OVER = (".git", ".hg", ".svn", "__pycache__", "node_modules", ".tox", ".pytest_cache", ".mypy_cache", ".venv")
# Files that stay on the host: secrets, and what a run has made.
_KEYS = ("*.pem", "*.key", "id_rsa*", "id_ed25519*", ".env", ".env.*", ".netrc", ".pgpass", ".htpasswd")
_MADE = ("*.pyc", "*.pid", "*.log", "*.db-wal", "*.db-shm", "*.db-journal", "*.sqlite-wal", "*.sqlite-shm")
_SYSTEM = re.compile(
    r"/|/(bin|boot|dev|etc|home|lib|lib64|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var)|/(usr|var)(/(www|lib|local|log|share|src))+"
)
_PINNED = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._]*)-(?P<version>[0-9][A-Za-z0-9.!+_]*)\.dist-info")


class FoundTree:
    """The code and the data in a directory."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.data: list[str] = []
        self.kept_back: list[str] = []
        self.problem = ""
        self.git: dict[str, str] = {}
        self._entries = 0
        self._bytes = 0
        self._buffer = io.BytesIO()
        self._archive = tarfile.TarFile.gzopen("", mode="w", fileobj=self._buffer)

    def look(self, author: int) -> None:
        """Look at the whole tree; ``problem`` tells why it cannot be read.

        :param author: the number of the user who named the directory
        """
        try:
            with found(self.path, author) as (descriptor, real):
                if _SYSTEM.fullmatch(real):
                    raise NotReadError("is a directory of the system")
                top = os.open(f"/proc/self/fd/{descriptor}", DIRECTORY & ~os.O_NOFOLLOW)
                owner = os.fstat(top).st_uid
                self.path = real
            try:
                self._walk(top, "", owner or author)
                self.git = _repository(real, owner)
            finally:
                os.close(top)
        except NotReadError as error:
            self.problem = str(error)
        except OSError as error:
            self.problem = (error.strerror or "cannot be read").lower()

    def told(self) -> dict[str, t.Any]:
        """Return what was found, as the module tells it."""
        self._archive.close()
        return {
            "path": self.path,
            "problem": self.problem,
            "data": sorted(self.data),
            "kept_back": sorted(self.kept_back)[:_MOST_NAMED],
            "git": self.git,
            "archive": "" if self.problem else base64.b64encode(self._buffer.getvalue()).decode(),
        }

    def _walk(self, directory: int, path: str, owner: int) -> None:
        if path.count("/") > _DEEPEST:
            raise NotReadError(f"has more than {_DEEPEST} directories inside each other")
        with os.scandir(directory) as entries:
            names = sorted(entry.name for entry in entries)
        self._entries += len(names)
        if self._entries > _MOST_ENTRIES:
            raise NotReadError(f"has more than {_MOST_ENTRIES:,} files")
        for name in names:
            self._entry(name, directory, f"{path}/{name}".lstrip("/"), owner)

    def _entry(self, name: str, directory: int, path: str, owner: int) -> None:
        mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            self._directory(name, directory, path, owner)
        elif stat.S_ISREG(mode):
            self._file(name, directory, path, owner)
        elif stat.S_ISLNK(mode):
            self.kept_back.append(f"{path} is a link to {os.readlink(name, dir_fd=directory)}")

    def _directory(self, name: str, directory: int, path: str, owner: int) -> None:
        if name in _PASSED_OVER:
            return
        with opened(name, DIRECTORY, directory) as inner:
            if _has(inner, "pyvenv.cfg"):
                return
            # A package of Python may have such a name, too.
            if name in _DATA_DIRECTORIES and not _has(inner, "__init__.py"):
                self.data.append(f"{path}/")
                return
            self._walk(inner, path, owner)

    def _file(self, name: str, directory: int, path: str, owner: int) -> None:
        with opened(name, FILE, directory) as file:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode) or any(fnmatch.fnmatch(name, pattern) for pattern in _MADE):
                return
            if not (status.st_uid == owner or owner == 0 or status.st_mode & stat.S_IROTH):
                self.kept_back.append(f"{path} may not be read by the owner of the directory")
            elif any(fnmatch.fnmatch(name, pattern) for pattern in _KEYS):
                self.kept_back.append(f"{path} may hold secrets")
            elif os.pread(file, len(_SQLITE), 0) == _SQLITE:
                self.data.append(path)
            else:
                self._add(file, status, path)

    def _add(self, file: int, status: os.stat_result, path: str) -> None:
        self._bytes += status.st_size
        if self._bytes > _MOST_SOURCE_BYTES:
            raise NotReadError(f"has more than {_MOST_SOURCE_BYTES // 2**20} MiB of files")
        content = os.pread(file, status.st_size, 0)
        member = tarfile.TarInfo(path)
        member.size = len(content)
        member.mode = 0o755 if status.st_mode & 0o111 else 0o644
        self._archive.addfile(member, io.BytesIO(content))


def packages_of(virtualenv: str, author: int) -> list[str]:
    """Return the pinned requirements of the packages in a virtualenv, none where there is none."""
    pinned: set[str] = set()
    try:
        with found(virtualenv, author) as (_descriptor, real):
            for libraries in sorted(os.listdir(f"{real}/lib")):
                if libraries.startswith("python3"):
                    pinned |= {
                        f"{match['name'].replace('_', '-').lower()}=={match['version']}"
                        for name in os.listdir(f"{real}/lib/{libraries}/site-packages")
                        if (match := _PINNED.fullmatch(name))
                    }
    except (OSError, NotReadError):
        return []
    return sorted(pinned)


def _has(directory: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except OSError:
        return False
    return True


def _repository(tree: str, owner: int) -> dict[str, str]:
    """Return remote, commit and place of the checkout that a tree is in, as its files tell them: git itself would run what they name.

    gitrepository-layout(5) has the files.
    """
    for top in (tree, os.path.dirname(tree)):
        config, head = _small(f"{top}/.git/config", owner), _small(f"{top}/.git/HEAD", owner).strip()
        remote = re.search(r'^\[remote "origin"\]\n(?:[ \t].*\n)*?[ \t]+url = (\S+)$', config, re.MULTILINE)
        if head:
            reference = head.removeprefix("ref: ")
            commit = head if reference == head else _small(f"{top}/.git/{reference}", owner).strip() or _packed(top, reference, owner)
            return {"top": top, "remote": remote[1] if remote else "", "commit": commit if re.fullmatch("[0-9a-f]{40}", commit) else ""}
    return {}


def _packed(top: str, reference: str, owner: int) -> str:
    line = re.search(rf"^([0-9a-f]{{40}}) {re.escape(reference)}$", _small(f"{top}/.git/packed-refs", owner), re.MULTILINE)
    return line[1] if line else ""


def _small(path: str, owner: int) -> str:
    try:
        with found(path, owner) as (descriptor, _real):
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return ""
            return content_of(descriptor, _MOST_SMALL_FILE)[:_MOST_SMALL_FILE].decode(errors="replace")
    except (OSError, NotReadError):
        return ""


def name_of(user: int) -> str:
    """Return the name of a user, or its number where it has none."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
