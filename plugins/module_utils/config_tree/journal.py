# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The swap of a configuration tree file by file, for hosts where two directories cannot be exchanged, and its undoing."""

from __future__ import annotations

import contextlib
import json
import os

from ..host.files import fsync, fsync_dirs, link_or_copy, remove_path, write_file
from .plan import TreePlan
from .request import MANIFEST, SAVED
from .stage import Places, make_parents, removed_if_empty

_PATHS = "paths.json"
_FRESH = ".flaskops-new"


def replace_files(places: Places, stage: str, plan: TreePlan) -> None:
    """Bring the paths of a plan into the live tree one by one, each by a rename.

    The old ones are in the journal first, so that :func:`restore_journal` can undo this wherever it stops.
    """
    paths = _in_safe_order(plan)
    begun = places.new_stage()
    os.mkdir(os.path.join(begun, "tree"))
    for path in paths:
        _bring(places.root, os.path.join(begun, "tree"), path)
    write_file(os.path.join(begun, _PATHS), json.dumps({"paths": paths, "dirs": plan.manifest.dirs}).encode(), 0o600)
    fsync_dirs(begun)
    os.rename(begun, places.journal)
    fsync(places.parent)
    for path in paths:
        _bring(stage, places.root, path)
    for path in plan.dropped_dirs:
        removed_if_empty(places.root, path)
    fsync_dirs(places.root)


def _in_safe_order(plan: TreePlan) -> list[str]:
    """Return the paths in an order that is safe: new files before those that refer to them, links after their targets, removals last."""
    rank = dict.fromkeys([*plan.created, *(f"{SAVED}/{path}" for path in plan.saved)], 0)
    rank.update(dict.fromkeys(plan.changed, 1))
    rank.update({path: 2 for path, entry in plan.write.items() if entry.link is not None})
    rank.update(dict.fromkeys(plan.restored, 1))
    rank.update(dict.fromkeys([*plan.removed, *plan.forgotten, *(f"{SAVED}/{path}" for path in plan.restored)], 3))
    return [*sorted(rank, key=lambda path: (rank[path], path)), MANIFEST]


def _bring(source: str, target: str, path: str) -> None:
    """Make a path below one directory what it is below another one: there or not."""
    from_path, to_path = os.path.join(source, path), os.path.join(target, path)
    fresh = os.path.join(os.path.dirname(to_path), f".{os.path.basename(path)}{_FRESH}")
    remove_path(fresh)
    if not os.path.lexists(from_path) or (os.path.isdir(from_path) and not os.path.islink(from_path)):
        remove_path(to_path)
        return
    make_parents(target, path)
    link_or_copy(from_path, fresh)
    if os.path.isdir(to_path) and not os.path.islink(to_path):
        os.rmdir(to_path)
    os.rename(fresh, to_path)
    remove_path(fresh)  # rename(2) of two links to one file does nothing and leaves both


def restore_journal(places: Places) -> bool:
    """Undo a :func:`replace_files` that was not committed; return whether there was one."""
    try:
        with open(os.path.join(places.journal, _PATHS), encoding="utf-8") as handle:
            journal = json.load(handle)
    except FileNotFoundError:
        return False
    for path in reversed(journal["paths"]):
        _bring(os.path.join(places.journal, "tree"), places.root, path)
    for path in sorted(journal["dirs"], reverse=True):
        removed_if_empty(places.root, path)
    fsync_dirs(places.root)
    close_journal(places)
    return True


def close_journal(places: Places) -> None:
    """Commit: without its name, the journal is a leftover like any other."""
    with contextlib.suppress(FileNotFoundError):
        os.rename(places.journal, f"{places.journal.replace('journal', 'stage-')}{os.getpid()}")
        fsync(places.parent)
