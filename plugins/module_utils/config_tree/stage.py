# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Staged trees beside the live one, and writing a plan into them."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import typing as t

from ..host.files import names_in, remove_path, walk, write_file, write_through
from .plan import TreePlan
from .request import MANIFEST, SAVED, ConfigTreeError, Entry, Manifest, has_real_parents, parents

_STATE_DIR = "/var/lib/flaskops"


def state_path(root: str, state_dir: str = "") -> str:
    """Return how the paths of the lock and of the mark of a tree begin.

    :param root: the tree, without symbolic links on the way to it
    """
    name = f"{os.path.basename(root)}-{hashlib.sha256(root.encode()).hexdigest()[:12]}"
    return os.path.join(state_dir or _STATE_DIR, name)


class Places:
    """The names beside a root: they are on its filesystem, and hidden from everything that reads the root."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.parent = os.path.dirname(root)
        self.prefix = f".{os.path.basename(root)}.flaskops."
        self.journal = os.path.join(self.parent, f"{self.prefix}journal")

    def new_stage(self) -> str:
        """Make an empty directory, 0700, and return its path."""
        return tempfile.mkdtemp(prefix=f"{self.prefix}stage-", dir=self.parent)

    def leftovers(self) -> list[str]:
        """Return the stages of runs that were killed. Others are at work in theirs unless this run holds the lock."""
        return [os.path.join(self.parent, name) for name in names_in(self.parent) if name.startswith(f"{self.prefix}stage-")]


def inventory(root: str) -> dict[str, tuple[t.Any, ...]]:
    """Return everything below a directory with what an edit changes; not the ctime, which hard links change."""
    found = {}
    for entry in walk(root):
        info = entry.stat(follow_symlinks=False)
        size = info.st_size if stat.S_ISREG(info.st_mode) else 0
        found[entry.path] = (info.st_mtime_ns, size, info.st_ino, info.st_mode, info.st_uid, info.st_gid)
    return found


def apply_plan(tree: str, plan: TreePlan) -> None:
    """Write a plan into a staged tree, and complete the manifest of the plan with the directories that were made."""
    dirs = set(plan.manifest.dirs)
    for path in (*plan.removed, *plan.forgotten):
        remove_path(os.path.join(tree, path))
    for path in plan.saved:
        dirs.update(_move(tree, path, f"{SAVED}/{path}"))
    for path in plan.restored:
        dirs.update(_move(tree, f"{SAVED}/{path}", path))
    for entry in plan.write.values():
        dirs.update(make_parents(tree, entry.path))
        _put_entry(tree, entry)
    plan.dropped_dirs = [path for path in sorted(dirs, reverse=True) if removed_if_empty(tree, path)]
    plan.manifest.dirs = sorted(dirs - set(plan.dropped_dirs))
    write_manifest(tree, plan.manifest)


def _move(tree: str, source: str, target: str) -> list[str]:
    """Rename within a tree, in place of what is there, and return the directories that were made."""
    made = make_parents(tree, target)
    remove_path(os.path.join(tree, target))
    os.rename(os.path.join(tree, source), os.path.join(tree, target))
    return made


def write_manifest(tree: str, manifest: Manifest) -> None:
    """Put a manifest into a tree."""
    write_through(os.path.join(tree, MANIFEST), manifest.dump(), 0o600)


def make_parents(tree: str, path: str) -> list[str]:
    """Make the missing directories above a path, and return them."""
    made = []
    for parent in parents(path):
        where = os.path.join(tree, parent)
        if not os.path.isdir(where):
            os.mkdir(where)
            os.chmod(where, 0o755)  # whatever the umask
            made.append(parent)
    return made


def removed_if_empty(tree: str, path: str) -> bool:
    """Remove a directory of ours once nothing is in it, and return whether it is gone. Deeper ones must come first."""
    where = os.path.join(tree, path)
    if not has_real_parents(tree, path) or not os.path.isdir(where) or os.path.islink(where):
        return True
    try:
        os.rmdir(where)
    except OSError:
        return False
    return True


def _put_entry(tree: str, entry: Entry) -> None:
    """Write one entry into the stage, in place of whatever is there."""
    if not has_real_parents(tree, entry.path):
        raise ConfigTreeError(f"{entry.path}: a directory above it became a symbolic link meanwhile; run again")
    where = os.path.join(tree, entry.path)
    remove_path(where)
    if entry.link is not None:
        os.symlink(entry.link, where)
    else:
        write_file(where, entry.content or b"", entry.mode, entry.gid)
