# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs and places on a host that was set up by hand, before a description is made of them."""

from __future__ import annotations

import dataclasses
import typing as t


class FoundAt(t.NamedTuple):
    """A line of a file on the host."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class Left(t.NamedTuple):
    """Something that no description has been made of: where it is, what it is, and what to do about it."""

    place: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}; {self.remedy}."


class HostFile(t.NamedTuple):
    """A file of the host.

    :param owner: the number of its user
    """

    path: str
    real: str
    text: str
    owner: int
    owner_name: str


@dataclasses.dataclass
class Launch:
    """A definition by which something of the host starts a program.

    :param kind: ``systemd``, ``supervisor``, ``upstart``, ``emperor``, ``apps-enabled`` or ``process``
    :param name: the name of the unit, section, job or file
    :param words: the command line, without shells and ``env`` in front of it
    :param sockets: where systemd listens for it (systemd.socket(5))
    :param owner: the number of the user who wrote the definition
    """

    kind: str
    name: str
    place: FoundAt
    words: list[str] = dataclasses.field(default_factory=list)
    directory: str = ""
    user: str = ""
    env: dict[str, str] = dataclasses.field(default_factory=dict)
    env_files: list[str] = dataclasses.field(default_factory=list)
    sockets: list[str] = dataclasses.field(default_factory=list)
    owner: int = 0


@dataclasses.dataclass
class Program:
    """An application server with one Flask application.

    :param addresses: where it listens, as :func:`.addresses.normal` spells them
    :param uwsgi: keys of ``uwsgi`` of a description
    :param statics: URL path, directory and place of files that the server serves itself
    """

    name: str
    launch: Launch
    place: FoundAt
    entry: str = ""
    directory: str = ""
    virtualenv: str = ""
    user: str = ""
    prefix: str = ""
    addresses: list[str] = dataclasses.field(default_factory=list)
    env: dict[str, str] = dataclasses.field(default_factory=dict)
    env_files: list[str] = dataclasses.field(default_factory=list)
    uwsgi: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    workers: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)
    statics: list[tuple[str, str, FoundAt]] = dataclasses.field(default_factory=list)
    left: list[Left] = dataclasses.field(default_factory=list)

    def leave(self, place: object, what: str, remedy: str) -> None:
        self.left.append(Left(str(place), what, remedy))
