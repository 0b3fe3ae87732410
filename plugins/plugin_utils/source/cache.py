# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The cache directory of the controller, and the places that sources lie in."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from .cache_dir import errors_of, make_private
from .tree import SourceError


def local_path(path: str, search: Sequence[Path], key: str) -> Path:
    expanded = Path(path).expanduser()
    for directory in search:
        if (directory / expanded).exists():
            return (directory / expanded).resolve()
    looked = ", ".join(str(directory) for directory in search) if not expanded.is_absolute() else "the controller"
    raise SourceError(
        key, f"'{path}' does not exist (looked in {looked})", "correct the path; a relative one starts at the inventory's directory"
    )


def subdirectory(root: Path, subdir: str) -> Path:
    inner = root / PurePosixPath(subdir)
    if not inner.is_dir():
        raise SourceError("subdir", f"'{subdir}' is not a directory of the source", "name a directory of it")
    return inner


def short_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def without_password(text: str) -> str:
    return re.sub(r"(://)[^/\s]+@", r"\1***@", text)


@contextlib.contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the lock of one place of the cache; its directory is made."""
    make_private(target.parent)
    with contextlib.ExitStack() as stack:
        with errors_of(target.parent):
            lock = stack.enter_context(open(target.with_name(f".{target.name}.lock"), "w"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
