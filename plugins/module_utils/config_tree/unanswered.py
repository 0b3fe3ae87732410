# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Remember which sites a change concerned until each of them has been seen to answer, so that no later run is green before that."""

from __future__ import annotations

import json
import typing as t

from ..host import files
from .probe import Probe


class Unanswered:
    """Names of sites that have changed and have not been seen to answer since. They survive a failed run, a kill and a reboot.

    :param path: the file of the names; it is there while there are any
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def names(self) -> set[str]:
        """Return the names; a file that a crash cut short has none."""
        try:
            with open(self.path, encoding="utf-8") as handle:
                return {str(name) for name in json.load(handle)}
        except (FileNotFoundError, ValueError, TypeError):
            return set()

    def add(self, names: t.Collection[str]) -> None:
        """Remember more names; they are on the disk when this returns."""
        if names:
            self._write(self.names() | set(names))

    def ask(self, probe: Probe, owners: t.Collection[str]) -> dict[str, str]:
        """Ask the sites, forget those that answer, and return the cause for each of the others.

        :param owners: names of sites that still have files; the rest are forgotten
        """
        before = self.names()
        if not before:
            return {}
        asked = before & set(probe.names)
        causes = dict(probe.unserved(asked))
        left = ((before - asked) & set(owners)) | set(causes)
        if left != before:
            self._write(left)
        return causes

    def _write(self, names: set[str]) -> None:
        if names:
            files.write_through(self.path, json.dumps(sorted(names)), 0o600)
        else:
            files.remove_path(self.path)
