# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Close the sites of applications to the public, and open them again: one file for each closed site, which nginx includes.

A file stays through reboots and later runs, until somebody opens the site.
"""

from __future__ import annotations

import os
import typing as t

from ..host import files
from ..host.clock import now
from ..host.marked_change import MarkedChange, Server
from .request import ConfigTreeError

ROOT = "/var/lib/flaskops/closed"


class ClosedSites:
    """The closed sites of a host.

    :param root: the directory of the files
    """

    def __init__(self, root: str = ROOT) -> None:
        self._root = root

    def since(self, app: str) -> str:
        """Return since when a site is closed and by whom, empty for an open one."""
        first = (files.read_text(self._file(app)) or "").partition("\n")[0]
        return first.removeprefix("# ")

    def switch(self, server: Server, apps: t.Sequence[str], closed: bool, who: str) -> list[str]:
        """Close or open sites, and return those that were otherwise.

        :param who: who is named as the one who has closed them
        :raises ConfigTreeError: if nginx does not take it; a site that it refuses is as before
        """
        os.makedirs(self._root, 0o700, exist_ok=True)
        changed = [app for app in apps if bool(self.since(app)) != closed]
        change = MarkedChange(server, f"{self._root}/.pending")
        if not changed and not change.is_pending():
            return []
        before = {app: files.read_text(self._file(app)) for app in changed}
        after = {app: f"# closed since {now()} by {who}\ninclude flaskops/{app}.closed.conf;\n" if closed else None for app in changed}
        trouble = change.make(lambda: self._put_all(after), lambda: self._put_all(before))
        if trouble:
            raise ConfigTreeError(f"nginx {trouble}")
        return changed

    def _file(self, app: str) -> str:
        return f"{self._root}/{app}.conf"

    def _put_all(self, texts: t.Mapping[str, str | None]) -> None:
        """Write files; one without a text is to be gone."""
        for app, text in texts.items():
            if text is None:
                files.unlink(self._file(app))
            else:
                files.write_through(self._file(app), text, 0o600)
