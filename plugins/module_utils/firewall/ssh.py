# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ports of SSH, which stay open whatever somebody lists: a host that nobody can log in to can only be mended at its console."""

from __future__ import annotations

import ipaddress
import typing as t

from ..host.listeners import ports_of
from .login import Login
from .rules import Opening

_PORT = 22


def ssh_opening(connected: t.Iterable[int], sources: t.Sequence[str], login: Login | None, proc: str = "/proc") -> Opening:
    """Return what lets SSH in.

    :param connected: ports that the controller has connected to, which a forwarding router may know as others
    :param sources: the networks that may use SSH, empty for all
    :param login: the connection of this run
    :raises OSError: if the networks leave out the client of this connection
    """
    ports = {*connected, *([login.port] if login else []), *ports_of("sshd", proc)} or {_PORT}
    client = ipaddress.ip_address(login.client.partition("%")[0]) if login and sources else None
    if client and not any(client in ipaddress.ip_network(source, strict=False) for source in sources):
        raise OSError(
            f"flask_firewall_ssh_from leaves out {client}, from where this run is connected, and would lock it out; nothing was changed."
            f" Add {client}, or its network, to the list"
        )
    return Opening("SSH", "tcp", [str(port) for port in sorted(ports)], sources)
