# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Submodules of git in a directory: those that a checkout or an archive has without their files."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path


def empty_submodules(root: Path, excluded: Callable[[str], bool]) -> list[str]:
    """Return the paths of submodules inside a directory that have no files.

    :param root: the directory; the checkout that it is a part of may begin above it
    :param excluded: whether files and directories of a name are left out
    """
    checkout = next((place for place in (root, *root.parents) if (place / ".git").exists()), root)
    return sorted({path for top in (root, checkout) for path in _empty_below(top, root, excluded)})


def _empty_below(top: Path, root: Path, excluded: Callable[[str], bool]) -> Iterator[str]:
    """Yield submodules of a checkout, and of its submodules."""
    listed = top / ".gitmodules"
    for name in _paths(listed.read_text(errors="replace")) if listed.is_file() else ():
        place = Path(os.path.normpath(top / name))
        if place == top or not (place.is_relative_to(top) and place.is_relative_to(root)):
            continue
        if any(map(excluded, place.relative_to(root).parts)):
            continue
        if not place.is_dir() or not any(entry.name != ".git" for entry in place.iterdir()):
            yield place.relative_to(root).as_posix()
        else:
            yield from _empty_below(place, root, excluded)


def _paths(text: str) -> list[str]:
    """Return the paths that a .gitmodules names (gitmodules(5))."""
    return [path.strip('"') for path in re.findall(r"^\s*path\s*=\s*(.*?)\s*$", text, re.MULTILINE)]
