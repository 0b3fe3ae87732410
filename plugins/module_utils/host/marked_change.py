# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Change files that a server reads, and have the server take them or undo the change; a run that is killed is ended by the next one."""

from __future__ import annotations

import os
import typing as t

from . import files


class Server(t.Protocol):
    """The server that reads the files."""

    def test(self) -> str:
        """Return what the server refuses in its configuration, empty if it takes it."""

    def reload(self) -> str:
        """Have a running server take its configuration, and return why it did not; empty also where it does not run."""


class MarkedChange:
    """A change under a mark: a file that is there while the server may not have taken what the other files say.

    :param mark: path of the mark, in a directory that exists once something is changed
    :param tidy: removes what nobody reads any more once the server has taken a change; a run that is killed in it is ended by the next one
    """

    def __init__(self, server: Server, mark: str, tidy: t.Callable[[], None] = lambda: None) -> None:
        self._server, self._mark, self._tidy = server, mark, tidy

    def is_pending(self) -> bool:
        """Return whether a run was killed before its change was complete."""
        return os.path.lexists(self._mark)

    def make(self, change: t.Callable[[], None], undo: t.Callable[[], None]) -> str:
        """Change files and return why the server did not take them, as the end of a sentence that begins with its name; empty if it did.

        :param undo: puts everything back as it was; it is called if the server refuses the change
        """
        files.write_through(self._mark, "", 0o600)
        change()
        trouble = self._server.test()
        if not trouble:
            return self.settle()
        undo()
        if self._server.test():
            return f"refuses its configuration, also without this change, which was not made; mend that first: {trouble}"
        again = self.settle()
        return f"refuses its configuration with this change, so what was there before is back: {trouble}" + (
            f"; it {again}" if again else ""
        )

    def settle(self) -> str:
        """Have the server take what the files say, and return why it did not, as :meth:`make` does."""
        trouble = self._server.reload()
        if trouble:
            return f"did not take its configuration: {trouble}"
        self._tidy()
        files.unlink(self._mark)
        return ""
