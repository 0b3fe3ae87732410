# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Trees on disk for config_tree: copy one, write a plan into the copy, exchange it with the live one."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import re
import shutil
import stat
import tempfile
import typing as t
from collections.abc import Iterator

from ..host.files import fsync
from .plan import Plan
from .request import MANIFEST, SAVED, ConfigTreeError, Entry, Manifest, has_real_parents, parents

AT_FDCWD = -100
RENAME_EXCHANGE = 2
# What renameat2 and the kernel below it answer where two directories cannot be exchanged.
CANNOT_EXCHANGE = {errno.EXDEV, errno.EBUSY, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM}
PATHS = "paths.json"
FRESH = ".flaskops-new"
_OCTAL = re.compile(r"\\([0-7]{3})")  # mountinfo writes a blank as \040


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
        """Stages of runs that were killed. Only to be asked under the lock."""
        with contextlib.suppress(FileNotFoundError):
            names = sorted(os.listdir(self.parent))
            return [os.path.join(self.parent, name) for name in names if name.startswith(f"{self.prefix}stage-")]
        return []


def inventory(root: str) -> dict[str, tuple[t.Any, ...]]:
    """Everything below `root` with what changes by an edit; not the ctime, hard links change it."""
    found = {}
    for entry in _walk(root):
        info = entry.stat(follow_symlinks=False)
        size = info.st_size if stat.S_ISREG(info.st_mode) else 0
        found[entry.path] = (info.st_mtime_ns, size, info.st_ino, info.st_mode, info.st_uid, info.st_gid)
    return found


def _walk(directory: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(directory) as entries:
        for entry in entries:
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path)


def mounts_at_or_below(path: str, mountinfo: str = "/proc/self/mountinfo") -> list[str]:
    """Mount points that are `path` or lie below it."""
    try:
        with open(mountinfo, encoding="utf-8", errors="surrogateescape") as handle:
            points = [_OCTAL.sub(lambda code: chr(int(code[1], 8)), line.split()[4]) for line in handle]
    except OSError:
        return []
    return sorted(point for point in points if point == path or point.startswith(f"{path}/"))


def remove_tree(path: str) -> None:
    """Delete a tree, unless something is mounted in it: that would be deleted with it."""
    if os.path.isdir(path) and not os.path.islink(path) and not mounts_at_or_below(path):
        shutil.rmtree(path)


def copy_tree(source: str, target: str) -> None:
    """Copy what is in `source` into the existing directory `target`.

    Files become hard links, so nothing of them can be lost or differ; where links are not possible, copies.
    Nothing may therefore be opened for writing in `target`: replace files, never edit them.
    """
    with os.scandir(source) as entries:
        for entry in entries:
            to_path = os.path.join(target, entry.name)
            if entry.is_dir(follow_symlinks=False):
                os.mkdir(to_path, 0o700)
                copy_attributes(entry.path, to_path)
                copy_tree(entry.path, to_path)
                copy_attributes(entry.path, to_path)  # again: filling it changed its mtime
            else:
                link_or_copy(entry.path, to_path)


def link_or_copy(source: str, target: str) -> None:
    """Make `target`, which must not exist, the same file or symlink as `source`."""
    try:
        os.link(source, target, follow_symlinks=False)
        return
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP):
            raise
    mode = os.lstat(source).st_mode
    if stat.S_ISREG(mode) or stat.S_ISLNK(mode):  # sockets and devices cannot be copied
        shutil.copyfile(source, target, follow_symlinks=False)
        copy_attributes(source, target)
        if stat.S_ISREG(mode):
            fsync(target)


def copy_attributes(source: str, target: str) -> None:
    """Owner, mode, times, extended attributes (ACLs, SELinux labels)."""
    info = os.lstat(source)
    with contextlib.suppress(PermissionError):
        os.chown(target, info.st_uid, info.st_gid, follow_symlinks=False)
    shutil.copystat(source, target, follow_symlinks=False)


def apply_plan(tree: str, plan: Plan) -> None:
    """Write the plan into a staged `tree`, and complete the plan's manifest with the directories made."""
    dirs = set(plan.manifest.dirs)
    for path in (*plan.removed, *plan.forgotten):
        remove_path(os.path.join(tree, path))
    for path in plan.saved:
        dirs.update(_move(tree, path, f"{SAVED}/{path}"))
    for path in plan.restored:
        dirs.update(_move(tree, f"{SAVED}/{path}", path))
    for entry in plan.write.values():
        dirs.update(_make_parents(tree, entry.path))
        _put_entry(tree, entry)
    plan.dropped_dirs = [path for path in sorted(dirs, reverse=True) if _removed_if_empty(tree, path)]
    plan.manifest.dirs = sorted(dirs - set(plan.dropped_dirs))
    write_manifest(tree, plan.manifest)


def _move(tree: str, source: str, target: str) -> list[str]:
    """Rename within a tree, in place of what is there. Returns the directories made."""
    made = _make_parents(tree, target)
    remove_path(os.path.join(tree, target))
    os.rename(os.path.join(tree, source), os.path.join(tree, target))
    return made


def write_manifest(tree: str, manifest: Manifest) -> None:
    """Put a manifest into `tree`."""
    replace_file(os.path.join(tree, MANIFEST), manifest.dump(), 0o600)


def replace_file(path: str, content: bytes, mode: int) -> None:
    """Write a file by a rename: readers see the old or the new one. It is on the disk when this returns."""
    fresh = f"{path}{FRESH}"
    remove_path(fresh)
    write_file(fresh, content, mode)
    os.rename(fresh, path)
    fsync(os.path.dirname(path))


def _make_parents(tree: str, path: str) -> list[str]:
    """Make the missing directories above `path`; return those made."""
    made = []
    for parent in parents(path):
        where = os.path.join(tree, parent)
        if not os.path.isdir(where):
            os.mkdir(where)
            os.chmod(where, 0o755)  # whatever the umask
            made.append(parent)
    return made


def _removed_if_empty(tree: str, path: str) -> bool:
    """Remove a directory of ours once nothing is in it; deeper ones must be asked for first."""
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
        write_file(where, entry.content or b"", entry.mode)


def write_file(path: str, content: bytes, mode: int) -> None:
    """Make a new file that belongs to root and is on the disk when this returns."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        if os.geteuid() == 0:
            os.fchown(stream.fileno(), 0, 0)
        os.fchmod(stream.fileno(), mode)
        stream.flush()
        os.fsync(stream.fileno())


def remove_path(path: str) -> None:
    """Remove a file, a link or an empty directory, if there."""
    if os.path.isdir(path) and not os.path.islink(path):
        os.rmdir(path)
        return
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(path)


def fsync_dirs(tree: str) -> None:
    """Wait until every directory of `tree`, and the one that holds it, is on the disk."""
    for directory in [entry.path for entry in _walk(tree) if entry.is_dir(follow_symlinks=False)]:
        fsync(directory)
    fsync(tree)
    fsync(os.path.dirname(tree))


def exchange(one: str, other: str) -> bool:
    """Swap two directories in one step. False where the system cannot; other errors raise OSError."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    if renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0:
        fsync(os.path.dirname(one))
        return True
    number = ctypes.get_errno()
    if number in CANNOT_EXCHANGE:
        return False
    raise OSError(number, os.strerror(number), one)


def replace_files(places: Places, stage: str, plan: Plan) -> None:
    """Without :func:`exchange`: bring the plan's paths into the live tree one by one, each by a rename.

    The old ones are in the journal first, so that :func:`restore_journal` can undo this wherever it stops.
    """
    paths = _in_safe_order(plan)
    begun = places.new_stage()
    os.mkdir(os.path.join(begun, "tree"))
    for path in paths:
        _bring(places.root, os.path.join(begun, "tree"), path)
    write_file(os.path.join(begun, PATHS), json.dumps({"paths": paths, "dirs": plan.manifest.dirs}).encode(), 0o600)
    fsync_dirs(begun)
    os.rename(begun, places.journal)
    fsync(places.parent)
    for path in paths:
        _bring(stage, places.root, path)
    for path in plan.dropped_dirs:
        _removed_if_empty(places.root, path)
    fsync_dirs(places.root)


def _in_safe_order(plan: Plan) -> list[str]:
    """New files before those that refer to them, links after what they point to, removals last."""
    rank = dict.fromkeys([*plan.created, *(f"{SAVED}/{path}" for path in plan.saved)], 0)
    rank.update(dict.fromkeys(plan.changed, 1))
    rank.update({path: 2 for path, entry in plan.write.items() if entry.link is not None})
    rank.update(dict.fromkeys(plan.restored, 1))
    rank.update(dict.fromkeys([*plan.removed, *plan.forgotten, *(f"{SAVED}/{path}" for path in plan.restored)], 3))
    return [*sorted(rank, key=lambda path: (rank[path], path)), MANIFEST]


def _bring(source: str, target: str, path: str) -> None:
    """Make `path` below `target` what it is below `source`: there or not."""
    from_path, to_path = os.path.join(source, path), os.path.join(target, path)
    fresh = os.path.join(os.path.dirname(to_path), f".{os.path.basename(path)}{FRESH}")
    remove_path(fresh)
    if not os.path.lexists(from_path) or (os.path.isdir(from_path) and not os.path.islink(from_path)):
        remove_path(to_path)
        return
    _make_parents(target, path)
    link_or_copy(from_path, fresh)
    if os.path.isdir(to_path) and not os.path.islink(to_path):
        os.rmdir(to_path)
    os.rename(fresh, to_path)
    remove_path(fresh)  # rename(2) of two links to one file does nothing and leaves both


def restore_journal(places: Places) -> bool:
    """Undo a :func:`replace_files` that was not committed. False if there is none."""
    try:
        with open(os.path.join(places.journal, PATHS), encoding="utf-8") as handle:
            journal = json.load(handle)
    except FileNotFoundError:
        return False
    for path in reversed(journal["paths"]):
        _bring(os.path.join(places.journal, "tree"), places.root, path)
    for path in sorted(journal["dirs"], reverse=True):
        _removed_if_empty(places.root, path)
    fsync_dirs(places.root)
    close_journal(places)
    return True


def close_journal(places: Places) -> None:
    """Commit: without its name the journal is a leftover like any other."""
    with contextlib.suppress(FileNotFoundError):
        os.rename(places.journal, f"{places.journal.replace('journal', 'stage-')}{os.getpid()}")
        fsync(places.parent)
