# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The unix sockets on which a service listens, which somebody may have removed while it runs.

A reload does not make such a socket again: the service goes on with the one that has no name any more.
"""

from __future__ import annotations

import typing as t

from ..host import systemd
from ..host.unix_socket import is_socket
from .request import ConfigTreeError, Entry, Manifest
from .service import Service

# Returns the paths of the sockets on which a service listens by the texts of its files.
SocketsOf = t.Callable[[t.Iterable[bytes]], list[str]]


class Listening:
    """The sockets of a service.

    :param entries: the wanted files of the tree
    """

    def __init__(self, service: Service, sockets_of: SocketsOf, entries: t.Sequence[Entry]) -> None:
        self._service, self._sockets_of, self._entries = service, sockets_of, entries

    def lost(self, manifest: Manifest) -> list[str]:
        """Return the sockets that are not there.

        :param manifest: the files that the tree has; others that were wanted may have no place in it
        """
        texts = [entry.content for entry in self._entries if entry.content is not None and entry.path in manifest.files]
        return [path for path in self._sockets_of(texts) if not is_socket(path)]

    def difference(self, manifest: Manifest) -> list[dict[str, str]]:
        """Return what a diff shows of the sockets that are not there."""
        return [{"before_header": path, "after_header": path, "before": "", "after": "a socket\n"} for path in self.lost(manifest)]

    def restart(self, manifest: Manifest) -> None:
        """Restart the service, so that it makes its sockets again.

        :raises ConfigTreeError: if it does not
        """
        lost = ", ".join(self.lost(manifest))
        try:
            systemd.restart(self._service.name, self._service.runner)
        except systemd.SystemdError as error:
            raise ConfigTreeError(f"{lost} was gone, and the restart of {self._service.name} failed: {error}") from error
        if self.lost(manifest):
            raise ConfigTreeError(f"{lost} is gone, and {self._service.name} has not made it again although it was restarted")
