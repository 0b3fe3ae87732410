# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The paths of the certificates of sites on a host, and the record beside each.

    /var/lib/flaskops/tls/<app>/<digest>/{fullchain.pem,key.pem,meta.json,on.conf}    root's alone, never changed once made
    /var/lib/flaskops/tls/<app>/live -> <digest>                                      renamed, the only thing that changes
    /var/lib/flaskops/tls/.pending                                                    there while nginx has not taken a change

nginx includes ``live/on.con[f]`` into a site, a pattern that may match nothing. So the certificate itself switches TLS on, and a site
without one is served over HTTP.
"""

from __future__ import annotations

import os
import stat
import typing as t

from ..host.files import read_link
from ..host.json_file import read_object

ROOT = "/var/lib/flaskops/tls"
_LIVE = "live"
# Names of files beside the directories of applications; no application has a dot in its name.
_PENDING = ".pending"
# A run leaves the first file for the service of ACME, and the service leaves the second one.
ASKED, RESULT = f"{ROOT}/.asked", f"{ROOT}/.result.json"
ACME_PROGRAM = "/var/lib/flaskops/acme.pyz"
CHAIN_FILE, KEY_FILE, META_FILE, SWITCH_FILE = "fullchain.pem", "key.pem", "meta.json", "on.conf"


class CertificateRecord(t.NamedTuple):
    """The record of an installed certificate, a dict with these keys in its ``meta.json``.

    :param kind: how the site came to it: ``given``, ``files``, ``self_signed`` or ``acme``
    :param digest: what ``pair.digest`` makes of chain and key
    :param names: the names in the certificate
    :param not_before: seconds since the epoch
    :param not_after: seconds since the epoch
    :param issuer: who has signed it
    :param server: the URL of the CA's directory, empty unless ``kind`` is ``acme``
    """

    kind: str
    digest: str
    names: tuple[str, ...]
    not_before: int
    not_after: int
    issuer: str
    server: str = ""

    @classmethod
    def from_dict(cls, values: t.Mapping[str, t.Any]) -> CertificateRecord:
        known = {name: values[name] for name in cls._fields if name in values}
        return cls(**{**known, "names": tuple(known["names"])})


class CertificatePlaces:
    """The paths of one application's certificates."""

    def __init__(self, app: str, root: str = ROOT) -> None:
        self.app = app
        self.directory = f"{root}/{app}"
        self.live = f"{self.directory}/{_LIVE}"
        self.attempts = f"{self.directory}/attempts.json"

    def version(self, name: str) -> str:
        return f"{self.directory}/{name}"

    def live_file(self, name: str) -> str:
        return f"{self.live}/{name}"

    def live_name(self) -> str:
        """Return the name of the directory that is live, empty if there is none."""
        return read_link(self.live) or ""

    def exposed(self) -> list[str]:
        """Return the paths of the live certificate that are not for root alone any more, as all were made."""
        return [path for path, mode in self._modes().items() if _is_another(path, mode)]

    def protect(self) -> None:
        """Give these paths back to root alone."""
        modes = self._modes()
        for path in self.exposed():
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                os.fchown(descriptor, *_owner())
                os.fchmod(descriptor, modes[path])
            finally:
                os.close(descriptor)

    def _modes(self) -> dict[str, int]:
        """Return the mode of each path of the live certificate."""
        name = self.live_name()
        if not name or "/" in name:
            return {}
        live = self.version(name)
        return {self.directory: 0o700, live: 0o700, **{f"{live}/{file}": 0o600 for file in (CHAIN_FILE, KEY_FILE, META_FILE, SWITCH_FILE)}}

    def record(self) -> CertificateRecord | None:
        """Return what is written down of the live certificate; ``None`` also where a part of it is missing."""
        if not all(os.path.isfile(self.live_file(name)) for name in (CHAIN_FILE, KEY_FILE, SWITCH_FILE)):
            return None
        try:
            values = read_object(os.path.realpath(self.live_file(META_FILE)))
            return CertificateRecord.from_dict(values) if values else None
        except (OSError, KeyError, TypeError):
            return None


def _is_another(path: str, mode: int) -> bool:
    """Return whether a path has other permissions or another owner; one that is missing has none."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    if stat.S_ISLNK(found.st_mode):
        return False
    return (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) != (mode, *_owner())


def _owner() -> tuple[int, int]:
    """Return the user and the group of certificates: root's, which is who works on a host."""
    return os.geteuid(), os.getegid()


def pending(root: str = ROOT) -> str:
    """Return the path of the file that is there while nginx may not have taken a change of certificates."""
    return f"{root}/{_PENDING}"
