# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Archives for tests of those who write and of those who read them."""

from __future__ import annotations

import io
import tarfile
import typing as t
import zipfile
from pathlib import Path

from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import Tree


def tar(place: Path, members: t.Mapping[str, str | None], mode: str = "w:gz", **attributes: t.Any) -> Path:
    """Write an archive and return its path.

    :param members: text by path; None makes a directory and a text such as ``-> x`` a link
    :param attributes: values for each member's entry, such as ``uid``
    """
    with tarfile.open(place, mode) as archive:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            if text is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            elif text.startswith("-> "):
                info.type, info.linkname = tarfile.SYMTYPE, text.removeprefix("-> ")
            else:
                info.size, info.mode = len(text), 0o755 if name.endswith(".sh") else 0o644
            for attribute, value in attributes.items():
                setattr(info, attribute, value)
            archive.addfile(info, io.BytesIO((text or "").encode()))
    return place


def zipped(place: Path, members: t.Mapping[str, str]) -> Path:
    """Write a zip archive of texts by path, and return its own path."""
    with zipfile.ZipFile(place, "w") as archive:
        for name, text in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o755 if name.endswith(".sh") else 0o644) << 16
            archive.writestr(info, text)
    return place


def names(tree: Tree, place: Path) -> set[str]:
    """Return the paths in the archive of a tree that a host would get."""
    tree.write_tar(place / "shipped.tar.gz")
    with tarfile.open(place / "shipped.tar.gz") as archive:
        return set(archive.getnames())
