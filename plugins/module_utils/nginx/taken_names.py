# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find the server names of new sites that a file of somebody else has already, before anything is built for these sites."""

from __future__ import annotations

import glob
import os
import re
import typing as t

from .dump import DumpedDirective, DumpedFile, read
from .others import address_of, plain_name

# Returns the text of a file, None for one that does not exist or is no regular file.
TextOf = t.Callable[[str], "str | None"]

_MAIN = "nginx.conf"
_INCLUDE = re.compile(r"(?:^|[;{}])[ \t]*include\s+[\"']?([^;\"']+?)[\"']?\s*(?=;)", re.MULTILINE)
_SERVER_NAME = re.compile(r"^\s*server_name\s+([^;]+);", re.MULTILINE)
# nginx takes such a server for the address that it has without a word about it.
_USUAL_ADDRESS = ("", "80")
_SAME = {"*": "", "0.0.0.0": ""}
# So many files are read of a configuration that includes more than any that is known.
_MOST_FILES = 5000


def taken_names(root: str, own: t.Collection[str], sites: t.Sequence[t.Mapping[str, t.Any]], text_of: TextOf, mark: str) -> dict[str, str]:
    """Return a message for each application that is new at a server name which a file of somebody else has at the same address.

    nginx would serve one of the two and warn of the other (https://nginx.org/en/docs/http/server_names.html).

    :param root: directory of nginx's configuration
    :param own: paths below it that this collection manages
    :param sites: ``app``, ``names`` and ``listen`` of each application
    :param text_of: returns the text of a file
    :param mark: the sentence in each file that this collection has written; where nothing lists them any more, it tells them
    """
    known = {
        plain_name(name)
        for path in own
        for found in _SERVER_NAME.findall(text_of(os.path.join(root, path)) or "")
        for name in found.split()
    }
    new = [site for site in sites if not known.issuperset(map(plain_name, site["names"]))]
    if not new:
        return {}
    managed = {os.path.join(root, path) for path in own}
    servers = [server for server in _servers(read(printed(root, text_of))) if server.file not in managed and mark not in server.source.text]
    found = ((site["app"], _owner(site, servers, known)) for site in new)
    return {app: told for app, told in found if told}


def printed(root: str, text_of: TextOf) -> str:
    """Return the files of the configuration as ``nginx -T`` prints them. No program is run, so that check mode can do it too."""
    texts: dict[str, str] = {}
    pending = [os.path.join(root, _MAIN)]
    while pending and len(texts) < _MOST_FILES:
        path = pending.pop(0)
        text = None if path in texts else text_of(path)
        if text is None:
            continue
        texts[path] = text
        for pattern in _INCLUDE.findall(text):
            pending += sorted(glob.glob(os.path.join(root, pattern)))
    return "".join(f"# configuration file {path}:\n{text}\n" for path, text in texts.items())


def _servers(directives: t.Iterable[DumpedDirective]) -> t.Iterator[DumpedDirective]:
    for directive in directives:
        if directive.name == "http":
            yield from (inner for inner in directive.block if inner.name == "server")


def _owner(site: t.Mapping[str, t.Any], servers: t.Iterable[DumpedDirective], known: t.Collection[str]) -> str:
    """Return a message about the first name of a site that one of the servers has at an address of the site, empty if there is none."""
    wanted = {_normal(address_of(_listen(value))) for value in site["listen"]}
    for server in servers:
        addresses = {_normal(address_of(inner)) for inner in server.block if inner.name == "listen"} or {_USUAL_ADDRESS}
        if not wanted & addresses:
            continue
        for directive in (inner for inner in server.block if inner.name == "server_name"):
            theirs = set(map(plain_name, directive.args)) - set(known)
            for name in (name for name in site["names"] if plain_name(name) in theirs):
                return (
                    f"{site['app']}: {directive.place} of somebody else has the server name {name} at the same address, and nginx would serve"
                    " one of the two alone. Take the name out there, or out of nginx.server_names."
                )
    return ""


def _listen(value: str) -> DumpedDirective:
    return DumpedDirective("listen", tuple(value.split()), DumpedFile("", ""), 0)


def _normal(address: tuple[str, str]) -> tuple[str, str]:
    return _SAME.get(address[0], address[0]), address[1]
