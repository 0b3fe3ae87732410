# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files of a checkout that git ignores, as git itself tells them."""

from __future__ import annotations

import os
import posixpath
import subprocess
from pathlib import Path, PurePosixPath

from .git_command import git, git_words
from .tree import SourceError

# Only the files named .gitignore count: a user's own patterns would give every controller a release of its own (gitignore(5)).
_LIST = ("ls-files", "-z", "--others", "--ignored", "--exclude-per-directory=.gitignore", "--directory")
# A checkout may belong to another user than that of the run, as in a container. A program that it names in its configuration is not run.
_SAFE = ("-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-c", "core.excludesFile=/dev/null")
_SUBMODULE = b"160000"


def ignored(root: Path) -> frozenset[str]:
    """Return the paths below a directory that git ignores, directories as one path; nothing outside of a checkout.

    Files that git tracks are not ignored, whatever a pattern says. A directory that is ignored itself, as one of build products is, has no
    ignored files: somebody has named it as a source all the same.

    :raises SourceError: if git cannot tell
    """
    if not any(_is_checkout(place / ".git") for place in (root, *root.parents)):
        return frozenset()
    try:
        found = set() if _is_ignored(root) else set(_below(root))
        # Some versions of git list what is in an ignored directory, too.
        return frozenset(path for path in found if found.isdisjoint(map(str, PurePosixPath(path).parents)))
    except FileNotFoundError as error:
        raise SourceError("path", f"'{root}' is in a checkout of git, and the controller has no git", _REMEDY) from error
    except subprocess.CalledProcessError as error:
        raise SourceError("path", f"git cannot tell which files of '{root}' it ignores ({git_words(error)})", _REMEDY) from error


_REMEDY = "install or mend git on the controller, or write `gitignore: false` in `source` to have everything shipped"


def _is_checkout(place: Path) -> bool:
    """Return whether a path is the ``.git`` of a checkout: a repository, or the file of a worktree or submodule (gitrepository-layout(5))."""
    return place.is_file() or (place / "HEAD").exists()


def _is_ignored(root: Path) -> bool:
    """Return whether the checkout that a directory is in ignores the whole of it."""
    try:
        top = Path(os.fsdecode(git(root, *_SAFE, "rev-parse", "--show-toplevel")).rstrip("\n"))
        inside = os.path.relpath(root, top)
        return inside != "." and bool(git(root, *_SAFE, "-C", str(top), "check-ignore", "--", inside))
    except subprocess.CalledProcessError as error:
        if error.returncode == 1:
            return False  # git-check-ignore(1), "Exit status"
        raise


def _below(root: Path, above: str = "") -> list[str]:
    """Return what is ignored below a directory, with the same of its submodules."""
    found = [os.fsdecode(name).rstrip("/") for name in git(root, *_SAFE, *_LIST).split(b"\0") if name]
    entries = [entry.partition(b"\t") for entry in git(root, *_SAFE, "ls-files", "-z", "--stage").split(b"\0") if entry]
    submodules = [os.fsdecode(name) for about, _tab, name in entries if about.startswith(_SUBMODULE)]
    inner = [path for name in submodules if (root / name / ".git").exists() for path in _below(root / name, name)]
    return [posixpath.join(above, name) for name in [*found, *inner]]
