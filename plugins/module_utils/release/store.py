# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Releases and virtualenvs on a host: find them, read their records, and remove them."""

from __future__ import annotations

import contextlib
import errno
import os
import typing as t

from ..app.layout import AppRoot, ReleaseRecord
from ..app.links import name_behind
from ..app.orders import InspectOrder
from ..host.files import partials, read_text
from ..host.json_file import damaged, read_object
from ..host.trees import TreeError, remove
from .interpreter import python_info
from .pins import is_pin

# uWSGI's script or program, whichever package it comes from, and the interpreter, a link to that of the host.
_PROGRAMS = ("python", "uwsgi")


def prune_virtualenvs(root: str) -> list[str]:
    """Remove the virtualenvs that no release refers to."""
    places = AppRoot(root)
    records = [release_record(root, release) for release in by_age(places.releases)]
    needed = {record.virtualenv_id for record in records if record}
    unneeded = [name for name in by_age(places.virtualenvs) if name not in needed]
    for name in unneeded:
        remove_virtualenv(root, name)
    return [places.virtualenv(name) for name in unneeded]


def by_age(directory: str) -> list[str]:
    """Return the entries of a directory of releases or virtualenvs, the newest first."""
    try:
        entries = [entry for entry in os.scandir(directory) if entry.is_dir() and not entry.name.startswith(".")]
    except FileNotFoundError:
        return []
    return [entry.name for entry in sorted(entries, key=lambda entry: (-entry.stat().st_mtime_ns, entry.name))]


class BuildError(Exception):
    """A release that cannot be built; the message says why."""


def is_complete(root: str, virtualenv_id: str) -> bool:
    """Return whether a virtualenv is finished, and has the programs that the unit of an instance starts.

    Its constraints are written when it is, beside it and not in it: the application's user owned what is in it. It cannot be renamed
    into place as a release is, since its scripts carry its path.
    """
    programs = f"{AppRoot(root).virtualenv(virtualenv_id)}/bin"
    return was_complete(root, virtualenv_id) and all(os.path.isfile(f"{programs}/{name}") for name in _PROGRAMS)


def was_complete(root: str, virtualenv_id: str) -> bool:
    """Return whether a virtualenv was finished once. Somebody may have removed parts of it while an instance runs with it."""
    places = AppRoot(root)
    return os.path.isfile(places.constraints(virtualenv_id)) and os.path.isdir(places.virtualenv(virtualenv_id))


def discard(tree: str) -> None:
    """Remove a tree; what cannot be removed now is swept by the next run."""
    with contextlib.suppress(TreeError):
        remove(tree)


def inspect(app: InspectOrder) -> dict[str, t.Any]:
    """Return what the host has of an application: interpreter, finished releases and virtualenvs, and the links."""
    places = AppRoot(app["root"])
    return {
        "python": python_info(app["python"]),
        "releases": complete_entries(places.releases),
        "virtualenvs": [name for name in complete_entries(places.virtualenvs) if is_complete(places.root, name)],
        "next": name_behind(places.next),
        "current": name_behind(places.current),
    }


def inspect_all(apps: t.Sequence[InspectOrder]) -> tuple[dict[str, t.Any], dict[str, str]]:
    """Return what :func:`inspect` tells of each application, and messages of those whose directories cannot be read, both by name."""
    hosted: dict[str, t.Any] = {}
    failures: dict[str, str] = {}
    for app in apps:
        try:
            hosted[app["name"]] = inspect(app)
        except OSError as error:
            failures[app["name"]] = f"{app['name']}: what the host has of it cannot be read: {error}"
    return hosted, failures


def complete_entries(directory: str) -> list[str]:
    """Return the finished entries of a directory; unfinished ones begin with a dot."""
    try:
        return sorted(entry.name for entry in os.scandir(directory) if entry.is_dir() and not entry.name.startswith("."))
    except FileNotFoundError:
        return []


def release_record(root: str, release: str) -> ReleaseRecord | None:
    """Return the record of a release, ``None`` if there is none.

    :raises OSError: if it is damaged
    """
    path = AppRoot(root).release_record(release)
    record = read_object(path)
    try:
        return None if record is None else ReleaseRecord.from_dict(record)
    except ValueError as error:
        raise damaged(path, str(error)) from None


def read_constraints(root: str, virtualenv_id: str) -> str | None:
    """Return the constraints of a finished virtualenv, ``None`` if the host has none. A damaged line is left out.

    The same goes for constraints that cannot be read: then the next host chooses the versions.
    """
    if not was_complete(root, virtualenv_id):
        return None
    try:
        lines = (read_text(AppRoot(root).constraints(virtualenv_id)) or "").splitlines()
    except OSError:
        return None
    return "".join(f"{line}\n" for line in lines if is_pin(line))


def sweep(root: str) -> None:
    """Remove unfinished trees and files that killed runs have left. The caller holds the lock, so no other run is using them.

    The directories of releases and virtualenvs are ours alone. Users may keep files of their own in the root: only partial files go there.
    """
    releases, venvs = AppRoot(root).releases, AppRoot(root).virtualenvs
    left = [f"{place}/{name}" for place in (releases, venvs) for name in _entries(place) if name.startswith(".")]
    for place, suffix in ((releases, ".json"), (venvs, ".lock"), (venvs, ".json")):
        names = [name for name in _entries(place) if name.endswith(suffix) and not name.startswith(".")]
        left += [f"{place}/{name}" for name in names if not os.path.isdir(f"{place}/{name.removesuffix(suffix)}")]
    for path in [*left, *partials(root)]:
        remove(path)


def _entries(directory: str) -> list[str]:
    return os.listdir(directory) if os.path.isdir(directory) else []


def remove_release(root: str, release: str) -> None:
    """Remove a release with its record."""
    _remove_tree(AppRoot(root).release(release))
    with contextlib.suppress(FileNotFoundError):
        os.unlink(AppRoot(root).release_record(release))


def remove_virtualenv(root: str, virtualenv_id: str) -> None:
    """Remove a virtualenv, first what says that it is complete."""
    forget_virtualenv(root, virtualenv_id)
    _remove_tree(AppRoot(root).virtualenv(virtualenv_id))


def forget_virtualenv(root: str, virtualenv_id: str) -> None:
    """Remove what says that a virtualenv is complete, and then what says from what it was made."""
    for path in (AppRoot(root).constraints(virtualenv_id), AppRoot(root).virtualenv_record(virtualenv_id)):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _remove_tree(tree: str) -> None:
    """Remove a tree, after renaming it: if the run is killed meanwhile, the rest does not pass for a complete one."""
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
