# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fetch the source of an application to the controller; hosts need no access to repositories or indexes of code.

Everything fetched is kept in a cache directory of the controller, locked per source, so that parallel hosts of a play fetch once.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..keys.source import SOURCE_KINDS
from .archive import from_archive
from .cache import local_path, subdirectory
from .git import from_git
from .git_ignore import ignored
from .package import from_package
from .tree import DirTree, SourceError, Tree


def fetch(source: Mapping[str, t.Any], search: Sequence[Path], cache: Path, run: Path) -> Tree:
    """Return the tree that ``source`` describes.

    :param source: a complete ``source`` dict of a description, other than ``prebuilt``
    :param search: directories that relative paths are looked up in, in order
    :param cache: directory that outlives the run
    :param run: directory that lasts for one run; what moves (a branch) is looked up once for each
    :raises SourceError: when it cannot be had
    """
    if "path" in source:
        return _from_path(source, search)
    if "git" in source:
        return from_git(source, search, cache, run)
    if "archive" in source:
        return from_archive(source, search, cache)
    if "package" in source:
        return from_package(source, cache)
    kinds = [kind for kind in SOURCE_KINDS if kind != "prebuilt"]  # which is on the host already
    raise SourceError("source", f"has none of {', '.join(kinds)}", "write the one that the code comes from")


def _from_path(source: Mapping[str, t.Any], search: Sequence[Path]) -> Tree:
    root = local_path(source["path"], search, "path")
    if not root.is_dir():
        raise SourceError("path", f"'{source['path']}' is not a directory", "name the directory of the code; `archive` takes a packed one")
    directory = subdirectory(root, source["subdir"])
    return DirTree(directory, source["exclude"], ignored=ignored(directory) if source["gitignore"] else frozenset())
