# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The unix sockets on which a service listens, which somebody may have removed while it runs.

A reload does not make such a socket again: the service goes on with the one that has no name any more.
"""

from __future__ import annotations

import os
import typing as t

from ..host import systemd
from ..host.unix_socket import is_socket
from .plan import look
from .request import ConfigTreeError, Entry, Manifest
from .service import Service

# Returns the paths of the sockets on which a service listens by the texts of its files.
SocketsOf = t.Callable[[t.Iterable[bytes]], list[str]]


class Listening:
    """The sockets of a service.

    :param entries: the wanted files of the tree
    :param root: the directory of the tree
    """

    def __init__(self, service: Service, sockets_of: SocketsOf, entries: t.Sequence[Entry], root: str) -> None:
        self._service, self._sockets_of, self._entries, self._root = service, sockets_of, entries, root

    def lost(self) -> list[str]:
        """Return the sockets that are not there, although the files of ours on the disk have them.

        A socket of a change that is still to come was never there: the service makes it when it reloads.
        """
        texts = [look(os.path.join(self._root, path)).data for path in sorted(Manifest.load(self._root).files)]
        return _missing(self._sockets_of(texts))

    def still_lost(self, lost: t.Collection[str], manifest: Manifest) -> list[str]:
        """Return which of the lost sockets are still not there, of those that the wanted files have.

        :param lost: those that were lost before the change
        :param manifest: the files that the tree has afterwards; others that were wanted may have no place in it
        """
        texts = [entry.content for entry in self._entries if entry.content is not None and entry.path in manifest.files]
        return [path for path in _missing(self._sockets_of(texts)) if path in lost]

    def restart(self, lost: t.Sequence[str]) -> None:
        """Restart the service, so that it makes lost sockets again.

        :raises ConfigTreeError: if it does not
        """
        told = ", ".join(lost)
        try:
            systemd.restart(self._service.name, self._service.runner)
        except systemd.SystemdError as error:
            raise ConfigTreeError(f"{told} was gone, and the restart of {self._service.name} failed: {error}") from error
        if _missing(lost):
            raise ConfigTreeError(f"{told} is gone, and {self._service.name} has not made it again although it was restarted")


def difference(lost: t.Iterable[str]) -> list[dict[str, str]]:
    """Return what a diff shows of lost sockets."""
    return [{"before_header": path, "after_header": path, "before": "", "after": "a socket\n"} for path in lost]


def _missing(sockets: t.Iterable[str]) -> list[str]:
    return [path for path in sockets if not is_socket(path)]
