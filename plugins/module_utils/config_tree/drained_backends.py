# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The backends of sites that somebody has taken out, so that nginx sends them no request until somebody puts them back.

One file for each application has its addresses. The role reads it when it writes a site, so a backend stays out through reboots and
later runs.
"""

from __future__ import annotations

import json
import os
import typing as t

from ..host import files
from ..host.clock import now
from ..host.json_file import damaged, read_object
from .request import ConfigTreeError

ROOT = "/var/lib/flaskops/drained"
_SUFFIX = ".json"

# Since when a backend is out and by whom, by its address.
Drained = dict[str, str]


class DrainedBackends:
    """The backends that are taken out on a host.

    :param root: the directory of the files
    """

    def __init__(self, root: str = ROOT) -> None:
        self._root = root

    def of(self, app: str) -> Drained:
        """Return the backends of an application that are out.

        :raises OSError: if its file is damaged
        """
        found = read_object(self._file(app)) or {}
        if not all(isinstance(since, str) for since in found.values()):
            raise damaged(self._file(app), "has an address without a time")
        return found

    def by_application(self) -> tuple[dict[str, Drained], dict[str, str]]:
        """Return the backends that are out by application, and messages of applications of which nobody can tell."""
        found: dict[str, Drained] = {}
        failures: dict[str, str] = {}
        for name in files.names_in(self._root):
            app = name.removesuffix(_SUFFIX)
            try:
                found |= {app: drained} if app != name and (drained := self.of(app)) else {}
            except OSError as error:
                failures[app] = f"{app}: {error}"
        return found, failures

    def put(self, apps: t.Mapping[str, Drained]) -> None:
        """Write which backends of applications are out."""
        os.makedirs(self._root, 0o700, exist_ok=True)
        for app, drained in apps.items():
            if drained:
                files.write_through(self._file(app), json.dumps(drained, sort_keys=True) + "\n", 0o600)
            else:
                files.unlink(self._file(app))

    def _file(self, app: str) -> str:
        return f"{self._root}/{app}{_SUFFIX}"


def drain(sites: t.Mapping[str, t.Sequence[str]], out: t.Mapping[str, Drained], server: str, who: str) -> dict[str, Drained]:
    """Return which backends of sites are out when a server is taken out of them.

    :param sites: the backends of each application
    :param out: those that are out already
    :param server: its address, with a port or without
    :raises ConfigTreeError: if no site has this server, or one would have no other server left
    """
    named = {app: _named(addresses, server) for app, addresses in sites.items()}
    _require_known(named, sites, server)
    after = {app: {**{address: f"since {now()} by {who}" for address in named[app]}, **out.get(app, {})} for app in sites if named[app]}
    for app, drained in after.items():
        if not set(sites[app]) - set(drained):
            others = ", ".join(address for address in sites[app] if address not in named[app])
            raise ConfigTreeError(
                f"{app}: without {', '.join(named[app])} no backend is left: "
                + (f"{others} is out already; put it back before, by -e state=restore." if others else "the site has no other.")
            )
    return after


def restore(sites: t.Mapping[str, t.Sequence[str]], out: t.Mapping[str, Drained], server: str) -> dict[str, Drained]:
    """Return which backends of sites are out when a server is put back into them; see :func:`drain`."""
    known = {app: [*addresses, *out.get(app, {})] for app, addresses in sites.items()}
    named = {app: _named(addresses, server) for app, addresses in known.items()}
    _require_known(named, known, server)
    return {app: {address: since for address, since in out.get(app, {}).items() if address not in named[app]} for app in sites}


def _named(addresses: t.Iterable[str], server: str) -> list[str]:
    """Return the addresses of a server; in brackets if they are of IPv6."""
    return [address for address in addresses if server in (address, address.rpartition(":")[0].strip("[]"))]


def _require_known(named: t.Mapping[str, t.Sequence[str]], sites: t.Mapping[str, t.Iterable[str]], server: str) -> None:
    if not any(named.values()):
        known = sorted({address for addresses in sites.values() for address in addresses})
        raise ConfigTreeError(
            f"backend is '{server}', which is no server of a site on this host; write -e backend=NAME with the name or the address of one of"
            f" {', '.join(known) or 'none: no site here has nginx.backends'}."
        )
