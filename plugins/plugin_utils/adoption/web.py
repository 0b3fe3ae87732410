# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The servers of nginx on a host, and which application each of their locations leads to."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from . import addresses
from .nginx_files import AdoptionError, Directive

_PASSES = ("uwsgi_pass", "proxy_pass")
_MOST_SERVERS = 1000
_LOOPBACK = re.compile(r"127\.|localhost$|\[::1\]$|::1$")


@dataclasses.dataclass
class WebServer:
    """A server block.

    :param ports: the ports that it listens on
    :param secure: those of them with TLS
    """

    directive: Directive
    names: list[str]
    ports: list[str]
    secure: list[str]
    default: bool

    @property
    def file(self) -> str:
        return self.directive.place.file


@dataclasses.dataclass
class Passing:
    """The target of the requests to a location.

    :param address: as :func:`.addresses.normal` spells it, empty if the target cannot be told
    :param through: the server of nginx itself in between, as in the tutorials' recipe of a proxy before the default server
    :param uri: the path that takes the place of the location's
    """

    address: str
    hop: str
    uri: str = ""
    through: WebServer | None = None


class Web:
    """All servers, with the groups of upstream servers that they name."""

    def __init__(self, main: Directive) -> None:
        self.http = next(iter(main.all("http")), Directive("http", [], main.place))
        self.servers = [_server(each) for each in self.http.all("server")]
        if len(self.servers) > _MOST_SERVERS:
            raise AdoptionError(f"nginx has more than {_MOST_SERVERS} servers on this host; describe its applications by hand.")
        self._upstreams = {
            each.args[0]: [addresses.normal(server.args[0]) for server in each.all("server") if server.args]
            for each in self.http.all("upstream")
            if each.args
        }

    def passing(self, location: Directive, depth: int = 0) -> Passing | None:
        """Return where a location passes requests, ``None`` if it does not pass them on."""
        for directive in location.block:
            if directive.name in _PASSES and directive.args:
                hop = directive.name.removesuffix("_pass")
                text = re.sub(r"^https?://", "", directive.args[0]) if hop == "proxy" else directive.args[0]
                host, uri = _split(text)
                group = self._upstreams.get(host)
                address = group[0] if group else addresses.normal(host if ":" in host or hop == "uwsgi" else f"{host}:80")
                found = Passing(address, hop, uri)
                return self._through(found, location, depth) or found
        return None

    def of(self, address: str) -> list[WebServer]:
        """Return the servers with a location that leads to an address, those in between left out."""
        between = {id(passing.through) for server in self.servers for _location, passing in self.locations(server) if passing.through}
        found = [server for server in self.servers if any(passing.address == address for _location, passing in self.locations(server))]
        return [server for server in found if id(server) not in between] or found

    def locations(self, server: WebServer, depth: int = 0) -> t.Iterator[tuple[Directive, Passing]]:
        """Yield the locations of a server that pass requests on."""
        for location in server.directive.below():
            if location.name == "location" and (passing := self.passing(location, depth)):
                yield location, passing

    def _through(self, found: Passing, location: Directive, depth: int) -> Passing | None:
        """Return where requests lead that come back to nginx itself on another port, ``None`` if they do not."""
        host, _colon, port = found.address.rpartition(":")
        if found.hop != "proxy" or not port.isdigit() or depth > 1:
            return None
        for server in self.servers:
            if (
                port in server.ports
                and (_LOOPBACK.match(host) or host in server.names)
                and all(location is not each for each in server.directive.below())
            ):
                for _location, passing in self.locations(server, depth + 1):
                    return dataclasses.replace(passing, hop="proxy", uri=found.uri, through=server)
        return None


def _server(directive: Directive) -> WebServer:
    listens = [each.args for each in directive.all("listen") if each.args] or [["80"]]
    ports = [_port(each[0]) for each in listens]
    names = [name for each in directive.all("server_name") for name in each.args if name]
    secure = [
        port for port, each in zip(ports, listens, strict=True) if "ssl" in each or (port == "443" and directive.value("ssl") == "on")
    ]
    return WebServer(directive, names, list(dict.fromkeys(ports)), secure, any("default_server" in each for each in listens))


def _port(listen: str) -> str:
    last = listen.rpartition(":")[2]
    return last if last.isdigit() else "80"


def _split(text: str) -> tuple[str, str]:
    """Return host and path of the target of a pass."""
    if text.startswith("unix:"):
        host, _colon, uri = text.removeprefix("unix:").partition(":")
        return f"unix:{host}", uri
    host, slash, path = text.partition("/")
    return host, slash + path
