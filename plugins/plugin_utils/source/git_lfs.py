# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that a repository keeps in Git LFS: the pointers in its commits, and the files themselves where the controller has git-lfs."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from .cache import without_password
from .git_command import git, git_words
from .tree import SourceError

# https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md; the second name is from before it had one.
_POINTER = re.compile(rb"version https://(?:git-lfs|hawser)\.github\.com/spec/v1\r?\n(?:.*\n)*oid sha256:([0-9a-f]{64})\r?\n")
_REMOTE = "flaskops"


def pointed_at(content: bytes) -> str:
    """Return the SHA-256 checksum of the file that a pointer stands for, empty for a file that is no pointer."""
    found = _POINTER.match(content)
    return found.group(1).decode() if found else ""


def fetch_files(repository: Path, url: str, commit: str, checksums: Iterable[str]) -> dict[str, Path]:
    """Return files of Git LFS by their checksums, fetching those that a mirror lacks; none where the controller has no git-lfs.

    :param url: of the repository, from which git-lfs derives the address of its server (git-lfs-config(5))
    :raises SourceError: if the server does not give them
    """
    places = {checksum: repository / "lfs/objects" / checksum[:2] / checksum[2:4] / checksum for checksum in checksums}
    if all(place.exists() for place in places.values()):
        return places
    if not shutil.which("git-lfs"):
        return {}
    try:
        git(repository, "-c", f"remote.{_REMOTE}.url={url}", "-c", "lfs.fetchrecentrefsdays=0", "lfs", "fetch", _REMOTE, commit)
    except subprocess.CalledProcessError as error:
        words = without_password(git_words(error))
        says = f"the files of Git LFS in '{without_password(url)}' could not be fetched ({words})"
        raise SourceError("git", says, "see whether `git lfs fetch` works there for the user of the run") from error
    return {checksum: place for checksum, place in places.items() if place.exists()}
