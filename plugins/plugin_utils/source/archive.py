# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sources from archives, in a file or behind a URL."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import typing as t
from collections.abc import Mapping, Sequence
from pathlib import Path

from .bounds import MOST_BYTES
from .cache import local_path, locked, subdirectory, without_password
from .members import MemberError
from .tree import DirTree, SourceError, Tree
from .unpack import unpack

_DOWNLOAD_TIMEOUT = 60  # seconds without a byte
_PIECE = 1024 * 1024


def from_archive(source: Mapping[str, t.Any], search: Sequence[Path], cache: Path) -> Tree:
    location, wanted = source["archive"], source.get("sha256")
    if re.match(r"https?://", location):
        file = cache / "archives" / f"{wanted}"
        with locked(file):
            if not file.exists():
                _download(location, file)
    else:
        file = local_path(location, search, "archive")
    if not file.is_file():
        raise SourceError("archive", f"'{without_password(location)}' is not a file", "name a .tar, .tar.gz, .tar.xz or .zip file")
    with open(file, "rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if wanted and found != wanted:
        if file.parent == cache / "archives":
            file.unlink()
        raise SourceError(
            "sha256",
            f"'{without_password(location)}' has the checksum {found}, not {wanted}",
            "correct the checksum if you trust the file",
        )
    unpacked = cache / "trees" / found
    with locked(unpacked):
        if not unpacked.exists():
            _unpack(file, unpacked, location)
    return DirTree(subdirectory(_single_directory(unpacked), source["subdir"]), source["exclude"], f"sha256:{found[:12]}", "archive")


def _download(url: str, target: Path) -> None:
    # Importing these takes longer than most tasks, and few sources are downloaded.
    from http.client import HTTPException

    from ansible.module_utils.urls import ConnectionError as NoConnectionError
    from ansible.module_utils.urls import open_url

    partial = target.with_suffix(".partial")
    try:
        # As the server has it: packed files are often called an encoding. No .netrc, whose password would follow a redirection to another server.
        with open_url(url, timeout=_DOWNLOAD_TIMEOUT, decompress=False, use_netrc=False) as answer, open(partial, "wb") as file:
            while file.tell() <= MOST_BYTES and (piece := answer.read(_PIECE)):
                file.write(piece)
            too_large = file.tell() > MOST_BYTES
    # A port that is no number and a name that no host can have are errors of their own.
    except (OSError, NoConnectionError, HTTPException, UnicodeError) as error:
        raise SourceError(
            "archive", f"'{without_password(url)}' could not be downloaded ({error})", "check the URL and the controller's network"
        ) from error
    if too_large:
        partial.unlink()
        raise SourceError("archive", f"'{without_password(url)}' has more than {MOST_BYTES // 1024**3} GiB", "check the URL")
    os.replace(partial, target)


def _unpack(file: Path, target: Path, location: str) -> None:
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        unpack(file, partial)
    except MemberError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise SourceError("archive", f"'{without_password(location)}' is refused: {error.problem}", error.remedy) from error
    os.replace(partial, target)


def _single_directory(root: Path) -> Path:
    """Return the one directory an archive consists of, as release archives do, or ``root``."""
    entries = list(root.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else root
