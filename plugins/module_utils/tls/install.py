# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Put certificates in place: complete directories first, then one rename for each site, then a test and a reload of nginx; or back."""

from __future__ import annotations

import json
import os
import re
import shutil
import typing as t

from ..host import files
from ..host.marked_change import MarkedChange, Server
from .pair import Certificate, CertificateError
from .pair import digest as digest_of
from .places import CHAIN_FILE, KEY_FILE, META_FILE, ROOT, SWITCH_FILE, CertificatePlaces, CertificateRecord, pending

_PARTIAL = ".partial"


class NewCertificate(t.NamedTuple):
    """A certificate that is to serve an application's site."""

    app: str
    kind: str
    chain: str
    key: str
    certificate: Certificate
    server: str = ""

    def record(self) -> CertificateRecord:
        """Return what is written down of it."""
        seen = self.certificate
        digest = digest_of(self.chain, self.key)
        return CertificateRecord(self.kind, digest, seen.names, seen.not_before, seen.not_after, seen.issuer, self.server)


def switch(app: str, names: t.Iterable[str]) -> str:
    """Return what nginx includes into a site once it has a certificate: plain requests are redirected for the names in it alone.

    The path of the inner include is relative: nginx then reads it beside the configuration that it tests.
    """
    patterns = "|".join(f"[^.]+{re.escape(name[1:])}" if name.startswith("*.") else re.escape(name) for name in sorted(names))
    return (
        "# Managed by flaskops.stack. This file switches TLS on.\n"
        "set $flaskops_certified 0;\n"
        f'if ($host ~ "^({patterns})$") {{\n    set $flaskops_certified 1;\n}}\n'
        f"include flaskops/{app}.tls.conf;\n"
    )


class Installer:
    """Installs certificates. Its caller holds the lock of nginx's configuration.

    :param server: the server that reads them
    :param root: the directory of all certificates
    """

    def __init__(self, server: Server, root: str = ROOT) -> None:
        self.root = root
        self._change = MarkedChange(server, pending(root), self._sweep)

    def install(self, certificates: t.Sequence[NewCertificate]) -> None:
        """Make certificates live, all of them or none.

        :raises CertificateError: if nginx refuses its configuration with them; everything is then as before
        """
        places = {new.app: CertificatePlaces(new.app, self.root) for new in certificates}
        before = {app: place.live_name() for app, place in places.items()}

        def change() -> None:
            self._point(places, {new.app: self._write(places[new.app], new) for new in certificates})

        # The mark is there before the first file, so that the next run removes the key which a killed one has left.
        _private(self.root)
        trouble = self._change.make(change, lambda: self._point(places, before))
        if trouble:
            raise CertificateError(f"{', '.join(sorted(places))}: the certificate was not installed; nginx {trouble}")

    def settle(self) -> bool:
        """Have nginx take what a killed run left, and return whether there was anything.

        :raises CertificateError: if it does not
        """
        if not self._change.is_pending():
            return False
        trouble = self._change.settle()
        if trouble:
            raise CertificateError(f"nginx {trouble}")
        return True

    def _write(self, place: CertificatePlaces, new: NewCertificate) -> str:
        """Write a certificate into a directory of its own, and return the name of the directory."""
        _private(place.directory)
        record = new.record()
        version = place.version(record.digest)
        partial = f"{version}{_PARTIAL}"
        shutil.rmtree(partial, ignore_errors=True)
        os.mkdir(partial, 0o700)
        texts = {
            CHAIN_FILE: f"{new.chain.strip()}\n",
            KEY_FILE: f"{new.key.strip()}\n",
            SWITCH_FILE: switch(new.app, record.names),
            META_FILE: json.dumps(record._asdict()) + "\n",
        }
        for name, text in texts.items():
            files.write_file(f"{partial}/{name}", text.encode(), 0o600)
        if os.path.isdir(version):
            # It may be the live one, whose files somebody has damaged.
            files.exchange(partial, version)
            shutil.rmtree(partial)
        else:
            os.rename(partial, version)
        files.fsync_dirs(version)
        return record.digest

    def _point(self, places: t.Mapping[str, CertificatePlaces], versions: t.Mapping[str, str]) -> None:
        for app, place in places.items():
            if versions[app]:
                files.link_atomically(versions[app], place.live)
            else:
                files.unlink(place.live)
            files.fsync(place.directory)

    def _sweep(self) -> None:
        """Remove the certificates that are not live any more, and what killed runs have left."""
        for app in files.names_in(self.root):
            place = CertificatePlaces(app, self.root)
            files.remove_partials(place.live)
            for name in files.names_in(place.directory):
                path = place.version(name)
                if name != place.live_name() and os.path.isdir(path) and not os.path.islink(path):
                    shutil.rmtree(path)


def _private(directory: str) -> None:
    """Make a directory of root's alone."""
    os.makedirs(directory, 0o700, exist_ok=True)
    os.chmod(directory, 0o700)
