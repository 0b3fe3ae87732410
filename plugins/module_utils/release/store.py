# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The releases and virtualenvs of a host: what is built, what was recorded of it, and how it is removed."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import typing as t

from ..host.files import partials, read_link, read_text
from ..interpreter import python_info
from ..trees import remove
from .build import discard, is_complete, lock

App = t.Mapping[str, t.Any]


def prune_virtualenvs(root: str) -> list[str]:
    """Remove the virtualenvs that no release refers to."""
    needed = {release_record(root, release).get("virtualenv") for release in by_age(f"{root}/releases")}
    unneeded = [name for name in by_age(f"{root}/venvs") if name not in needed]
    for name in unneeded:
        remove_virtualenv(root, name)
    return [f"{root}/venvs/{name}" for name in unneeded]


def by_age(directory: str) -> list[str]:
    """Return the entries of a directory of releases or virtualenvs, the newest first."""
    try:
        entries = [entry for entry in os.scandir(directory) if entry.is_dir() and not entry.name.startswith(".")]
    except FileNotFoundError:
        return []
    return [entry.name for entry in sorted(entries, key=lambda entry: (-entry.stat().st_mtime_ns, entry.name))]


class BuildError(Exception):
    """A release that cannot be built; the message says why."""


def inspect(app: App) -> dict[str, t.Any]:
    """Return what the host has of an application: interpreter, finished releases and virtualenvs, and the links."""
    root = app["root"]
    return {
        "python": python_info(app["python"]),
        "releases": complete_entries(f"{root}/releases"),
        "virtualenvs": [name for name in complete_entries(f"{root}/venvs") if is_complete(root, name)],
        "next": link_name(f"{root}/next"),
        "current": link_name(f"{root}/current"),
    }


def complete_entries(directory: str) -> list[str]:
    """Return the finished entries of a directory; unfinished ones begin with a dot."""
    try:
        return sorted(entry.name for entry in os.scandir(directory) if entry.is_dir() and not entry.name.startswith("."))
    except FileNotFoundError:
        return []


def link_name(link: str) -> str:
    return os.path.basename(read_link(link) or "")


def release_record(root: str, release: str) -> dict[str, t.Any]:
    """Return what was recorded when a release was built."""
    text = read_text(f"{root}/releases/{release}.json")
    return json.loads(text) if text else {}


def read_lock(root: str, virtualenv: str) -> str | None:
    """Return the constraints of a finished virtualenv, ``None`` if the host has none."""
    return read_text(lock(root, virtualenv)) if is_complete(root, virtualenv) else None


def sweep(root: str) -> None:
    """Remove the trees and files of runs that were killed while they made or removed them; the lock says that nobody is at it.

    Two directories are ours alone. Beside them somebody may keep files of their own, so there it takes a name that only we give.
    """
    releases, venvs = f"{root}/releases", f"{root}/venvs"
    left = [f"{place}/{name}" for place in (releases, venvs) for name in _entries(place) if name.startswith(".")]
    for place, suffix in ((releases, ".json"), (venvs, ".lock")):
        names = [name for name in _entries(place) if name.endswith(suffix) and not name.startswith(".")]
        left += [f"{place}/{name}" for name in names if not os.path.isdir(f"{place}/{name.removesuffix(suffix)}")]
    for path in [*left, *partials(root)]:
        remove(path)


def _entries(directory: str) -> list[str]:
    return os.listdir(directory) if os.path.isdir(directory) else []


def remove_release(root: str, release: str) -> None:
    """Remove a release with its record."""
    _remove_tree(f"{root}/releases/{release}")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{root}/releases/{release}.json")


def remove_virtualenv(root: str, virtualenv: str) -> None:
    """Remove a virtualenv, first what says that it is complete."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(lock(root, virtualenv))
    _remove_tree(f"{root}/venvs/{virtualenv}")


def _remove_tree(tree: str) -> None:
    """Remove a tree, its name first: a run that is killed meanwhile leaves nothing that passes for whole."""
    aside = os.path.join(os.path.dirname(tree), f".{os.path.basename(tree)}")
    discard(aside)
    try:
        os.rename(tree, aside)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        aside = tree  # overlayfs renames no directory of a lower layer
    discard(aside)
