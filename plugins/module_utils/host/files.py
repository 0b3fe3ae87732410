# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files and symlinks that are the old or the new one at any instant, and what is on the disk."""

from __future__ import annotations

import contextlib
import ctypes
import os
import typing as t

_PARTIAL = ".partial"


@contextlib.contextmanager
def plain_umask() -> t.Iterator[None]:
    """Make what is created readable for all where its mode says so, on hosts with a strict umask (CIS: 027) too."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


def read_text(path: str) -> str | None:
    """Return a file's text, ``None`` where there is no readable file."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None


def read_link(path: str) -> str | None:
    """Return what a symlink says, ``None`` where there is no symlink."""
    try:
        return os.readlink(path)
    except OSError:
        return None


def partials(directory: str) -> list[str]:
    """Return the paths of what was not completed in a directory, since who wrote it was killed."""
    names = os.listdir(directory) if os.path.isdir(directory) else []
    return [os.path.join(directory, name) for name in names if name.startswith(".") and name.endswith(_PARTIAL)]


def _partial(path: str) -> str:
    return os.path.join(os.path.dirname(path), f".{os.path.basename(path)}{_PARTIAL}")


def write_atomically(path: str, text: str, mode: int, group: int = 0) -> None:
    """Put ``text`` under ``path`` by one rename, owned by root and ``group``.

    :raises OSError: if it cannot be written, or the path is a directory that somebody keeps something in
    """
    partial = _partial(path)
    # Never readable for longer than it should be: the mode is set before the content is written.
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
        if os.geteuid() == 0:
            os.fchown(descriptor, 0, group)
        os.fchmod(descriptor, mode)
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    try:
        os.replace(partial, path)
    except IsADirectoryError:
        os.rmdir(path)
        os.replace(partial, path)


def link_atomically(target: str, path: str) -> bool:
    """Make ``path`` a symlink to ``target`` by one rename; return whether it was another one before."""
    if read_link(path) == target:
        return False
    partial = _partial(path)
    if os.path.lexists(partial):
        os.unlink(partial)
    os.symlink(target, partial)
    os.rename(partial, path)
    return True


def fsync(path: str) -> None:
    """Wait until a file or directory is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_filesystem(path: str) -> None:
    """Wait until the file system of a path is on the disk, all files below it by one call (syncfs(2), Linux 2.6.39 and glibc 2.14).

    :raises OSError: if it could not be written
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(handle) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
    finally:
        os.close(handle)
