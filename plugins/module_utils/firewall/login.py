# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The SSH connection by which a run came to the host."""

from __future__ import annotations

import os
import typing as t

# A login has a shell, sudo and Python, and far fewer processes than this.
_MOST_PARENTS = 32
_VARIABLE = b"SSH_CONNECTION="


class Login(t.NamedTuple):
    """An SSH connection, as sshd tells it to the shell (ssh(1), ENVIRONMENT)."""

    client: str
    client_port: int
    server: str
    port: int

    def __str__(self) -> str:
        return f"{self.client} {self.client_port} {self.server} {self.port}"


def login(proc: str = "/proc", process: int = 0) -> Login | None:
    """Return the connection of this process, ``None`` if it came another way.

    sudo takes the variable away, so the processes that have started this one are asked, too.
    """
    process = process or os.getpid()
    for _step in range(_MOST_PARENTS):
        told = _told(f"{proc}/{process}/environ")
        if told:
            return told
        process = _parent(f"{proc}/{process}/stat")
        if process < 1:
            break
    return None


def _told(environ: str) -> Login | None:
    try:
        with open(environ, "rb") as file:
            variables = file.read().split(b"\0")
    except OSError:
        return None
    for variable in variables:
        fields = variable[len(_VARIABLE) :].decode(errors="replace").split() if variable.startswith(_VARIABLE) else []
        if len(fields) == 4 and fields[1].isdigit() and fields[3].isdigit():
            return Login(fields[0], int(fields[1]), fields[2], int(fields[3]))
    return None


def _parent(stat: str) -> int:
    try:
        with open(stat, "rb") as file:
            # The name of the program is in parentheses and may have any character.
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0
