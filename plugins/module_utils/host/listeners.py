# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs that listen on TCP ports of a host, as the kernel tells in /proc (proc_pid_net(5))."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import re
import socket
import struct
import typing as t

from .processes import users_of

_LISTEN = "0A"
_ANYWHERE = ("0.0.0.0", "::")


class Listener(t.NamedTuple):
    """An address and a port on which a program listens, and the program's name, such as ``apache2``."""

    address: str
    port: int
    program: str


def has_ipv6() -> bool:
    """Return whether a program can listen at addresses of IPv6: a kernel that was started with ``ipv6.disable=1`` makes no such socket."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


def in_the_way(wanted: t.Sequence[str], program: str, proc: str = "/proc") -> list[Listener]:
    """Return who else listens where a program is to listen.

    :param wanted: addresses with ports as in nginx's ``listen``; unix sockets and names of hosts are left out
    :param program: the one that is to listen there; its own sockets are not in the way
    """
    places = [place for text in wanted if (place := _place(text))]
    if not places:
        return []
    found = _listeners({port for _address, port in places}, proc)
    own = {listener.port for listener in found if listener.program == program and ":" not in listener.address}

    def clash(listener: Listener, address: str, port: int) -> bool:
        if listener.port != port:
            return False
        if listener.address == "::" and ":" not in address:
            # It takes IPv4 as well, unless it has IPV6_V6ONLY (ipv6(7)), as it must have beside a socket of IPv4.
            return port not in own and is_taken(address, port)
        return _exclude(listener.address, address)

    return [listener for listener in found if listener.program != program and any(clash(listener, *place) for place in places)]


def is_taken(address: str, port: int) -> bool:
    """Return whether the kernel refuses a socket at an address of IPv4, since a program listens there."""
    with socket.socket() as probe:
        # As nginx sets it: otherwise connections that have ended a moment ago would be in the way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def ports_of(program: str, proc: str = "/proc") -> list[int]:
    """Return the TCP ports on which a program of root listens for other hosts; a process of anybody else may have any name."""
    found = _listeners(range(65536), proc, of_root=True)
    return sorted(
        {listener.port for listener in found if listener.program == program and not ipaddress.ip_address(listener.address).is_loopback}
    )


def _place(text: str) -> tuple[str, int] | None:
    """Return address and port of a ``listen``: ``80``, ``192.0.2.1:8080``, ``[::]:80`` or ``192.0.2.1``, with parameters behind it."""
    found = re.fullmatch(r"(?:(?P<address>\[[0-9a-fA-F:.]+\]|[0-9.]+|\*)(?::(?P<port>\d+))?|(?P<alone>\d+))", (text.split() or [""])[0])
    if found is None:
        return None
    if found["alone"] or re.fullmatch(r"\d+", found["address"]):
        return "0.0.0.0", int(found["alone"] or found["address"])
    return found["address"].strip("[]").replace("*", "0.0.0.0"), int(found["port"] or 80)


def _exclude(one: str, other: str) -> bool:
    """Return whether sockets of one port exclude each other: their addresses are of one family, and equal, or one of them is all addresses."""
    return (":" in one) == (":" in other) and (one == other or one in _ANYWHERE or other in _ANYWHERE)


def _listeners(ports: t.Container[int], proc: str, of_root: bool = False) -> list[Listener]:
    """Return who listens on some ports.

    :param of_root: whether only programs of root have their name
    """
    sockets = {inode: place for name in ("tcp", "tcp6") for inode, place in _sockets(f"{proc}/net/{name}") if place[1] in ports}
    names = _programs(set(sockets), proc, of_root) if sockets else {}
    # A socket without a process is the kernel's, or belongs to another container of the same network.
    return sorted({Listener(*place, names.get(inode, "another program")) for inode, place in sockets.items()})


def _sockets(path: str) -> t.Iterator[tuple[str, tuple[str, int]]]:
    """Yield inode, address and port of each listening socket."""
    with contextlib.suppress(OSError), open(path, encoding="ascii") as file:
        for line in list(file)[1:]:
            fields = line.split()
            if fields[3] == _LISTEN:
                address, port = fields[1].split(":")
                yield fields[9], (_address(address), int(port, 16))


def _address(text: str) -> str:
    """Return an address from its words of 32 bits, which are written in the order of the processor."""
    words = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
    address = ipaddress.ip_address(struct.pack(f"={len(words)}I", *words))
    # A socket of IPv6 at ::ffff:192.0.2.1 takes the connections of IPv4 to that address.
    return str(getattr(address, "ipv4_mapped", None) or address)


def _programs(inodes: t.Collection[str], proc: str, of_root: bool) -> dict[str, str]:
    """Return the names of the programs that have sockets open, by inode."""
    links = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[str, str] = {}
    for pid in filter(str.isdigit, os.listdir(proc)):
        # The user of this process counts as root, so that tests need not be root's.
        if of_root and not {0, os.geteuid()}.issuperset(users_of(f"{proc}/{pid}/status")):
            continue
        for link in links.keys() & set(_open_files(f"{proc}/{pid}/fd")):
            with contextlib.suppress(OSError), open(f"{proc}/{pid}/comm", encoding="utf-8", errors="replace") as file:
                found[links[link]] = file.read().strip()
    return found


def _open_files(directory: str) -> t.Iterator[str]:
    """Yield what the open files of a process are; they and the process may end at any moment."""
    with contextlib.suppress(OSError):
        for name in os.listdir(directory):
            with contextlib.suppress(OSError):
                yield os.readlink(f"{directory}/{name}")
