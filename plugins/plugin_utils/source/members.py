# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write the members of an archive into an empty directory: each is checked before it is written, and all together are bounded.

The filters of tarfile (PEP 706) are not enough: those of Python before 3.11.13, 3.12.11 and 3.13.4 let links lead out (CVE-2025-4517).
"""

from __future__ import annotations

import contextlib
import os
import typing as t
from pathlib import Path

from ...module_utils.host.inner_links import leading_out
from .bounds import DEEPEST, LONGEST_NAME, LONGEST_PATH, MOST_BYTES, MOST_MEMBERS

_PIECE = 1024 * 1024
_SHOWN = 100
_PACK_ANEW = "pack it anew with relative paths, and with nothing but files, directories and links between them"
_LEAVE_OUT = "leave out what is not code, such as a virtualenv, data or media"


class Member(t.NamedTuple):
    """A member of an archive. ``kind`` is ``file``, ``directory``, ``link``, ``hard link``, or a word for what may not be written."""

    name: str
    kind: str
    size: int = 0
    executable: bool = False
    # Path that a link or a hard link names.
    target: str = ""
    open: t.Callable[[], t.ContextManager[t.IO[bytes] | None]] = contextlib.nullcontext


class MemberError(Exception):
    """A member that may not be written, or one member too many."""

    def __init__(self, name: str, problem: str, remedy: str = _PACK_ANEW) -> None:
        super().__init__(name, problem)
        self.remedy = remedy
        self.problem = f"its member {_said(name)} {problem}" if name else problem


def _said(path: str) -> str:
    """Return a path as a message has it: shortened, and without what a terminal would obey."""
    return repr(path[:_SHOWN])


class Unpacking:
    """A directory that fills with the members of one archive. Links are made last, so no file can be written through one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._kinds: dict[str, str] = {"": "directory"}
        self._links: dict[str, str] = {}
        self._members = self._bytes = 0

    def add(self, member: Member) -> None:
        """Write one member.

        :raises MemberError: if it would leave the directory, is no file, directory or link, or exceeds a bound
        """
        self._members += 1
        if self._members > MOST_MEMBERS:
            raise MemberError(member.name, f"is one too many, as at most {MOST_MEMBERS} are unpacked", _LEAVE_OUT)
        place = _place(member)
        self._claim(member, place)
        if member.kind == "link":
            self._links[place] = member.target
        elif member.kind == "hard link":
            self._write_hard_link(member, place)
        elif member.kind == "file":
            self._write_file(member, place)

    def finish(self) -> None:
        """Make the links, now that all of them are known.

        :raises MemberError: if one leads out of the directory
        """
        for place in leading_out(self._links):
            raise MemberError(place, f"is a link to {_said(self._links[place])}, which leads out of the archive or in a circle")
        for place, target in self._links.items():
            os.symlink(target, self.root / place)

    def _claim(self, member: Member, place: str) -> None:
        """Make the directories of a place, and see that nothing else is there; a file may replace an earlier one as in tar."""
        parts = place.split("/")
        for count in range(1, len(parts) + (member.kind == "directory")):
            above = "/".join(parts[:count])
            if above not in self._kinds:
                self._kinds[above] = "directory"
                os.mkdir(self.root / above, 0o755)
            elif self._kinds[above] != "directory":
                raise MemberError(member.name, f"lies behind {_said(above)}, which is a {self._kinds[above]}")
        if member.kind == "directory":
            return
        kind = "link" if member.kind == "link" else "file"
        earlier = self._kinds.setdefault(place, kind)
        if earlier != kind:
            raise MemberError(member.name, f"is there twice, as a {earlier} and as a {kind}")
        if kind == "file":
            (self.root / place).unlink(missing_ok=True)

    def _count(self, member: Member, size: int) -> None:
        self._bytes += size
        if self._bytes > MOST_BYTES:
            raise MemberError(member.name, f"makes it more than {MOST_BYTES // 1024**3} GiB unpacked", _LEAVE_OUT)

    def _write_file(self, member: Member, place: str) -> None:
        # Count first what the archive says: a bomb is refused before it fills the disk.
        self._count(member, member.size)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(self.root / place, flags, 0o755 if member.executable else 0o644), "wb") as file, member.open() as content:
            left = member.size
            while content is not None and (piece := content.read(_PIECE)):
                left -= len(piece)
                if left < 0:
                    raise MemberError(member.name, "is larger than the archive says")
                file.write(piece)

    def _write_hard_link(self, member: Member, place: str) -> None:
        target = _place(Member(member.target, "file"))
        if self._kinds.get(target) != "file" or target == place:
            raise MemberError(member.name, f"is a hard link to {_said(member.target)}, which is no file before it in the archive")
        # Every name of the file is shipped to the hosts with the whole content.
        self._count(member, (self.root / target).stat().st_size)
        os.link(self.root / target, self.root / place)


def _place(member: Member) -> str:
    """Return the path of a member below the directory, empty for the directory itself.

    :raises MemberError: if there is no such path
    """
    name = member.name
    parts = [part for part in name.split("/") if part not in ("", ".")]
    place = "/".join(parts)
    if name.startswith("/"):
        raise MemberError(name, "has an absolute path")
    if ".." in parts:
        raise MemberError(name, "leads out of its directory by '..'")
    if "\0" in name or "\0" in member.target:
        raise MemberError(name, "has a NUL byte in its path")
    if max(len(os.fsencode(place)), len(os.fsencode(member.target))) > LONGEST_PATH:
        raise MemberError(name, f"has a path of more than {LONGEST_PATH} bytes")
    if len(parts) > DEEPEST:
        raise MemberError(name, f"lies more than {DEEPEST} directories deep")
    if any(len(os.fsencode(part)) > LONGEST_NAME for part in parts):
        raise MemberError(name, f"has a name of more than {LONGEST_NAME} bytes")
    if member.kind not in ("file", "directory", "link", "hard link") or (not place and member.kind != "directory"):
        raise MemberError(name, f"is a {member.kind}")
    if member.kind == "link" and not member.target:
        raise MemberError(name, "is a link to nothing")
    return place
