# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs that listen on TCP ports of a host, as the kernel tells in /proc (proc_pid_net(5))."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import struct
import typing as t

_LISTEN = "0A"
_ANYWHERE = ("0.0.0.0", "::")


class Listener(t.NamedTuple):
    """An address and a port on which a program listens, and the program's name, such as ``apache2``."""

    address: str
    port: int
    program: str


def in_the_way(wanted: t.Sequence[str], program: str, proc: str = "/proc") -> list[Listener]:
    """Return who else listens where a program is to listen.

    :param wanted: addresses with ports as in nginx's ``listen``; unix sockets and names of hosts are left out
    :param program: the one that is to listen there; its own sockets are not in the way
    """
    places = [place for text in wanted if (place := _place(text))]
    if not places:
        return []
    found = [listener for listener in _listeners({port for _address, port in places}, proc) if listener.program != program]
    return [listener for listener in found if any(_clash(listener, *place) for place in places)]


def _place(text: str) -> tuple[str, int] | None:
    """Return address and port of a ``listen``: ``80``, ``192.0.2.1:8080``, ``[::]:80`` or ``192.0.2.1``, with parameters behind it."""
    found = re.fullmatch(r"(?:(?P<address>\[[0-9a-fA-F:.]+\]|[0-9.]+|\*)(?::(?P<port>\d+))?|(?P<alone>\d+))", (text.split() or [""])[0])
    if found is None:
        return None
    if found["alone"] or re.fullmatch(r"\d+", found["address"]):
        return "0.0.0.0", int(found["alone"] or found["address"])
    return found["address"].strip("[]").replace("*", "0.0.0.0"), int(found["port"] or 80)


def _clash(listener: Listener, address: str, port: int) -> bool:
    """Return whether two sockets exclude each other: on one port of one family, if their addresses are equal or one is all of them."""
    if listener.port != port or (":" in listener.address) != (":" in address):
        return False
    return listener.address == address or listener.address in _ANYWHERE or address in _ANYWHERE


def _listeners(ports: t.Collection[int], proc: str) -> list[Listener]:
    sockets = {inode: place for name in ("tcp", "tcp6") for inode, place in _sockets(f"{proc}/net/{name}") if place[1] in ports}
    names = _programs(set(sockets), proc) if sockets else {}
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
    return str(ipaddress.ip_address(struct.pack(f"={len(words)}I", *words)))


def _programs(inodes: t.Collection[str], proc: str) -> dict[str, str]:
    """Return the names of the programs that have sockets open, by inode."""
    links = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[str, str] = {}
    for pid in filter(str.isdigit, os.listdir(proc)):
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
