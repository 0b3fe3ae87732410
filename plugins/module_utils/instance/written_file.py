# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A file that a host writes for an instance: whether it is there with its text and its permissions, and what differs."""

from __future__ import annotations

import math
import os
import stat
import typing as t

from ..host.files import read_text, write_atomically


class WrittenFile(t.NamedTuple):
    """A file of root's.

    :param group: the number of the group that may read it as its mode says
    """

    path: str
    text: str
    mode: int
    group: int

    def has_text(self) -> bool:
        return read_text(self.path) == self.text

    def changed_at(self) -> float:
        """Return when the file was changed, in seconds since the epoch, infinity if there is none."""
        try:
            return os.lstat(self.path).st_ctime
        except FileNotFoundError:
            return math.inf

    def is_right(self) -> bool:
        """Return whether the host has the file as it is written."""
        return self.has_text() and self._has_permissions()

    def difference(self) -> tuple[str, str]:
        """Return what a diff shows of a file that is not right, before and after; it shows no text, which may have secrets."""
        if not os.path.lexists(self.path):
            return "", f"# {self.path}\n"
        if not self.has_text():
            return f"# {self.path}: changed by hand\n", f"# {self.path}\n"
        found = os.lstat(self.path)
        return tuple(
            f"# {self.path}: mode {mode:04o}, user {user}, group {group}\n"
            for mode, user, group in ((stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid), (self.mode, 0, self.group))
        )

    def write(self) -> None:
        write_atomically(self.path, self.text, self.mode, self.group)

    def _has_permissions(self) -> bool:
        found = os.lstat(self.path)
        # Somebody else than root, as in a test, can give no file away.
        owners = (found.st_uid, found.st_gid) if os.geteuid() == 0 else (0, self.group)
        return (stat.S_IMODE(found.st_mode), *owners) == (self.mode, 0, self.group)
