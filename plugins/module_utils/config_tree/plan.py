# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How what a config_tree call wants differs from what is on the host. Reads only."""

from __future__ import annotations

import hashlib
import os
import stat
import typing as t
from dataclasses import dataclass, field

from ..host.debian import is_as_packaged
from .request import SAVED, Absent, ConfigTreeError, Entry, Manifest, has_real_parents, parents

_PERMISSION_BITS = 0o7777


class Live(t.NamedTuple):
    """The file that is at a path now; ``kind`` is absent, file, link, dir or other."""

    kind: str
    data: bytes = b""
    mode: int = 0
    root_owned: bool = True
    gid: int = 0


@dataclass
class TreePlan:
    """The difference between the wanted and the live tree. Lists hold sorted paths relative to the root."""

    manifest: Manifest
    manifest_changed: bool = False
    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    adopted: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    drifted: list[str] = field(default_factory=list)
    saved: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    write: dict[str, Entry] = field(default_factory=dict)
    diff: list[dict[str, str]] = field(default_factory=list)
    dropped_dirs: list[str] = field(default_factory=list)

    @property
    def differs(self) -> bool:
        """Return whether any file has to change other than the manifest."""
        return bool(self.write or self.removed or self.restored)

    def concerned(self, sites: set[str]) -> set[str]:
        """Return the sites whose files change; all of them where a file that they share does."""
        owners = {entry.owner for entry in self.write.values()}
        return owners if owners <= sites else sites

    def new_owners(self) -> set[str]:
        """Return the owners who had no files before."""
        changed = {self.write[path].owner for path in self.changed}
        return {self.write[path].owner for path in self.created} - changed

    def files(self) -> dict[str, list[str]]:
        """Return the lists that the module returns."""
        names = ("created", "changed", "removed", "restored", "adopted", "kept", "drifted")
        return {name: sorted(getattr(self, name)) for name in names}


def look(path: str) -> Live:
    """Return what is at a path itself. Links are not followed, and the content of a file is read."""
    try:
        info = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return Live("absent")
    # Somebody else than root can give no file away.
    owned, gid = (info.st_uid == 0, info.st_gid) if os.geteuid() == 0 else (True, 0)
    if stat.S_ISLNK(info.st_mode):
        return Live("link", os.fsencode(os.readlink(path)))
    if stat.S_ISDIR(info.st_mode):
        return Live("dir")
    if not stat.S_ISREG(info.st_mode):
        return Live("other")
    with open(path, "rb") as handle:
        return Live("file", handle.read(), stat.S_IMODE(info.st_mode), owned, gid)


def same_content(entry: Entry, live: Live) -> bool:
    """Return whether the file or link that an entry wants is there, whatever its permissions."""
    if entry.link is not None:
        return live.kind == "link" and live.data == os.fsencode(entry.link)
    return live.kind == "file" and live.data == entry.content


def is_as_wanted(entry: Entry, live: Live) -> bool:
    """Return whether nothing has to be done for an entry."""
    if not same_content(entry, live):
        return False
    wanted = (entry.mode & _PERMISSION_BITS, True, entry.gid if os.geteuid() == 0 else 0)
    return entry.link is not None or (live.mode, live.root_owned, live.gid) == wanted


class Planner:
    """Compares a request with a tree. One planner makes one comparison."""

    def __init__(self, root: str, want_diff: bool = False) -> None:
        self.root = root
        self.want_diff = want_diff
        self.known = Manifest.load(root)
        self.plan = TreePlan(Manifest(dict(self.known.files), list(self.known.dirs)))
        self.refusals: list[str] = []
        self.good_parents: set[str] = set()

    def make(self, entries: list[Entry], absent: list[Absent], owners: list[str]) -> TreePlan:
        """Return the plan.

        :raises ConfigTreeError: when files that are not ours are in the way
        """
        wanted = {entry.path for entry in entries}
        for path, record in self.known.files.items():
            if path not in wanted and record["owner"] in owners:
                self._prune(path, record)
        for gone in absent:
            self._remove_absent(gone)
        for entry in entries:
            self._compare(entry, owners)
        if self.refusals:
            raise ConfigTreeError("; ".join(self.refusals) + ". Nothing was changed")
        self.plan.manifest_changed = self.plan.manifest.files != self.known.files
        return self.plan

    def _prune(self, path: str, record: dict[str, t.Any]) -> None:
        """Plan the removal of a recorded file that nobody wants any more; the one that it had replaced comes back."""
        del self.plan.manifest.files[path]
        live = look(self._at(path))
        original = look(self._at(f"{SAVED}/{path}")) if record.get("saved") else Live("absent")
        if not has_real_parents(self.root, path) or live.kind == "dir":
            return
        if original.kind != "absent":
            self.plan.restored.append(path)
        elif live.kind != "absent":
            self.plan.removed.append(path)
        else:
            return
        self._note_diff(path, live, original, record.get("diff", True))

    def _remove_absent(self, gone: Absent) -> None:
        """Plan the removal of a path that the caller does not want, whoever made it."""
        live = look(self._at(gone.path))
        if self.plan.manifest.files.pop(gone.path, {}).get("saved"):
            self.plan.forgotten.append(f"{SAVED}/{gone.path}")
        if gone.path in self.plan.removed or live.kind == "absent":
            return
        if gone.only_if_link is not None and not self._points_at(gone, live):
            return
        if gone.if_unedited and os.path.exists(self._at(gone.path)) and not is_as_packaged(os.path.realpath(self._at(gone.path))):
            self.plan.kept.append(gone.path)
            return
        if not has_real_parents(self.root, gone.path):
            self.refusals.append(f"{self._at(gone.path)} is to be absent but is reached through a symbolic link")
            return
        if live.kind == "dir":
            self.refusals.append(f"{self._at(gone.path)} is to be absent but is a directory; remove it by hand")
            return
        self.plan.removed.append(gone.path)
        self._note_diff(gone.path, live, Live("absent"))

    def _points_at(self, gone: Absent, live: Live) -> bool:
        """Return whether a path is a symlink to the given target, however that is spelled."""
        if live.kind != "link":
            return False
        here = os.path.dirname(self._at(gone.path))
        spelled = (os.fsdecode(live.data), gone.only_if_link or "")
        ends = {os.path.normpath(os.path.join(here, target)) for target in spelled}
        return len(ends) == 1

    def _compare(self, entry: Entry, owners: list[str]) -> None:
        """Compare a wanted entry with what is there."""
        self._check_parents(entry)
        live = look(self._at(entry.path))
        owner = self.known.owner(entry.path)
        if entry.if_unedited and self._is_edited(entry, live, owner):
            self.plan.kept.append(entry.path)
            return
        self.plan.manifest.files[entry.path] = record = entry.record()
        as_wanted = is_as_wanted(entry, live)
        self._check_in_the_way(entry, live, owner, owners)
        if owner is None and as_wanted:
            self.plan.adopted.append(entry.path)
        replaces = owner is None and live.kind in ("file", "link") and not same_content(entry, live)
        if replaces:
            self.plan.saved.append(entry.path)
        if replaces or self.known.files.get(entry.path, {}).get("saved"):
            record["saved"] = True
        if as_wanted:
            return
        self._note_drift(entry, live)
        (self.plan.created if live.kind == "absent" else self.plan.changed).append(entry.path)
        self.plan.write[entry.path] = entry
        kind, data = ("file", entry.content) if entry.link is None else ("link", entry.link.encode())
        self._note_diff(entry.path, live, Live(kind, data or b"", entry.mode), entry.diff)

    def _is_edited(self, entry: Entry, live: Live, owner: str | None) -> bool:
        """Return whether a file that is not ours is somebody's work."""
        if owner is not None or live.kind == "absent" or same_content(entry, live):
            return False
        return live.kind != "file" or not is_as_packaged(self._at(entry.path))

    def _check_in_the_way(self, entry: Entry, live: Live, owner: str | None, owners: list[str]) -> None:
        """Refuse to touch what is not ours to touch."""
        where = self._at(entry.path)
        if live.kind == "dir" and os.listdir(where):
            self.refusals.append(f"{where} is a directory with files in it; {entry.owner} wants a file there: move it away")
        elif live.kind == "absent" or entry.force or entry.if_unedited:
            return
        elif owner is None and not same_content(entry, live):
            self._refuse(entry, f"{where} exists and is not from this collection")
        elif owner is not None and owner != entry.owner and owner not in owners:
            self._refuse(entry, f"{where} belongs to {owner}")

    def _refuse(self, entry: Entry, why: str) -> None:
        self.refusals.append(f"{why}, {entry.owner} wants its own file there: move it away, or set `force: true` on the entry")

    def _check_parents(self, entry: Entry) -> None:
        """Require that every directory above an entry is a real one, or can be made."""
        for parent in parents(entry.path):
            if parent in self.good_parents or parent in self.plan.removed:
                continue
            where = self._at(parent)
            if os.path.islink(where) or (os.path.lexists(where) and not os.path.isdir(where)):
                self.refusals.append(f"{where} is not a directory, but {entry.owner} wants {entry.path} below it")
                return
            self.good_parents.add(parent)

    def _note_drift(self, entry: Entry, live: Live) -> None:
        """Remember a file of ours that somebody else changed or deleted since."""
        record = self.known.files.get(entry.path)
        if record is None:
            return
        untouched = live.kind in ("file", "link") and hashlib.sha256(live.data).hexdigest() == record["sha256"]
        if not untouched:
            self.plan.drifted.append(entry.path)

    def _note_diff(self, path: str, live: Live, then: Live, show: bool = True) -> None:
        """Add a before/after pair as the template module does."""
        if not self.want_diff:
            return
        name = self._at(path)
        before, after = _shown(live), _shown(then)
        if before == after:
            before, after = f"mode: {live.mode:04o}\n", f"mode: {then.mode:04o}\n"
        if not show:
            before, after = before and "[hidden]\n", after and "[hidden, changed]\n"
        self.plan.diff.append({"before": before, "after": after, "before_header": name, "after_header": name})

    def _at(self, path: str) -> str:
        return os.path.join(self.root, path)


def _shown(live: Live) -> str:
    """Return a file or link as text for a diff."""
    text = live.data.decode("utf-8", "replace")
    return f"symbolic link to {text}\n" if live.kind == "link" else text
