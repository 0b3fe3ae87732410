# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The service on a host that gets certificates from a CA and renews them, with Ansible or without."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import time
import typing as t
from contextlib import AbstractContextManager

from ..host import files
from .attempts import Attempts, is_due
from .dns_proof import DnsProof
from .install import Installer, NewCertificate
from .pair import Certificate, CertificateError
from .places import ROOT, CertificatePlaces, CertificateRecord

_CHALLENGES = ".well-known/acme-challenge"
# For the names of one site: who rules the DNS of a name can have each question last.
_ELSEWHERE_SECONDS = 60
_HOUR_AND_MINUTE = "%Y-%m-%d %H:%M UTC"
Found = tuple[str, str, Certificate]


class Ca(t.Protocol):
    """A CA, and what was got from it before."""

    def kept(self, app: str) -> Found | None:
        """Return the certificate that was got last."""

    def obtain(self, app: str, names: t.Sequence[str], dns: DnsProof | None) -> Found:
        """Ask for a certificate; CertificateError has the words of the CA."""


class AcmeSite(t.NamedTuple):
    """A site that is to have a certificate from the CA.

    :param names: the names of the certificate
    :param dns: how they are proved by the DNS; otherwise the CA asks nginx of this host
    """

    names: tuple[str, ...]
    dns: DnsProof | None = None


class AcmeService:
    """Brings the certificates of sites up to date, each for itself: a failure of one keeps no other one from its certificate.

    :param ca: where certificates come from
    :param server: the URL of the CA's directory, which is written down with a certificate
    :param installer: puts them in place
    :param held: gives the lock of nginx's configuration; CertificateError says that somebody keeps it
    :param elsewhere: returns why a name does not lead to this host, empty if it does or that cannot be told; it is given the name, a path
        below the root of every site and the text that must be there
    :param webroot: the directory whose files nginx serves to the CA
    """

    def __init__(
        self,
        ca: Ca,
        server: str,
        installer: Installer,
        held: t.Callable[[], AbstractContextManager[None]],
        elsewhere: t.Callable[[str, str, str], str],
        webroot: str,
        root: str = ROOT,
    ) -> None:
        self.ca, self.server, self.installer, self.held = ca, server, installer, held
        self.elsewhere, self.webroot, self.root = elsewhere, webroot, root

    def run(self, sites: t.Mapping[str, AcmeSite], by_hand: bool) -> dict[str, str]:
        """Bring all certificates up to date, and return for each application that has no such certificate the reason.

        :param sites: what is wanted, by application
        :param by_hand: whether somebody waits for the answer
        """
        with self.held():
            self.installer.settle()
        self._sweep_challenges()
        problems = {app: self._care_for(app, site, by_hand) for app, site in sites.items()}
        return {app: says for app, says in problems.items() if says}

    def _sweep_challenges(self) -> None:
        """Remove what killed runs have left for a CA to read; systemd starts no second service beside this one."""
        directory = f"{self.webroot}/{_CHALLENGES}"
        for name in files.names_in(directory):
            with contextlib.suppress(OSError):
                files.remove_path(f"{directory}/{name}")

    def _care_for(self, app: str, site: AcmeSite, by_hand: bool) -> str:
        try:
            self._bring_up_to_date(app, site, by_hand)
        except (OSError, ValueError) as error:
            return str(error)
        return ""

    def _bring_up_to_date(self, app: str, site: AcmeSite, by_hand: bool) -> None:
        places, now = CertificatePlaces(app, self.root), time.time()
        os.makedirs(places.directory, 0o700, exist_ok=True)
        places.protect()
        record = places.record()
        if record and self._is_good(record, site.names) and not is_due(record, now):
            return
        attempts = Attempts(places)
        found = self._kept(app, site.names, record)
        if found:
            attempts.remember(site.names, NewCertificate(app, "acme", *found, self.server).record().not_before)
        else:
            found = self._ask(app, site, attempts, by_hand)
        with self.held():
            self.installer.install([NewCertificate(app, "acme", *found, self.server)])

    def _is_good(self, record: CertificateRecord, names: t.Sequence[str]) -> bool:
        return (record.kind, record.server, set(record.names)) == ("acme", self.server, set(names))

    def _kept(self, app: str, names: t.Sequence[str], record: CertificateRecord | None) -> Found | None:
        """Return a certificate that a killed run has got and not installed."""
        found = self.ca.kept(app)
        if not found or set(found[2].names) != set(names):
            return None
        new = NewCertificate(app, "acme", *found, self.server).record()
        if is_due(new, time.time()) or (record and record.digest == new.digest):
            return None
        return found

    def _ask(self, app: str, site: AcmeSite, attempts: Attempts, by_hand: bool) -> Found:
        """Ask the CA, unless that is known to fail or would be too often.

        :raises CertificateError: with the reason
        """
        until = attempts.wait_until(site.names, time.time(), by_hand)
        if until > time.time():
            when = time.strftime(_HOUR_AND_MINUTE, time.gmtime(until))
            raise CertificateError(f"{attempts.says or 'the CA was asked for these names too often'} (the CA is not asked before {when})")
        # A name that is proved by the DNS may lead anywhere.
        elsewhere = "" if site.dns else self._elsewhere(site.names)
        if elsewhere:
            attempts.failed(elsewhere, asked=False)
            raise CertificateError(elsewhere)
        try:
            found = self.ca.obtain(app, site.names, site.dns)
        except CertificateError as error:
            attempts.failed(str(error), asked=True)
            raise
        attempts.succeeded(site.names)
        return found

    def _in_time(self, names: t.Sequence[str]) -> t.Iterator[str]:
        """Yield names until their time is over; those that are left may lead to this host, and the CA will say so."""
        until = time.monotonic() + _ELSEWHERE_SECONDS
        yield from itertools.takewhile(lambda _name: time.monotonic() < until, names)

    def _elsewhere(self, names: t.Sequence[str]) -> str:
        """Return which names do not lead to this host, so that the CA need not be asked in vain."""
        token, text = f"flaskops-{secrets.token_hex(8)}", secrets.token_hex(16)
        path = f"{self.webroot}/{_CHALLENGES}/{token}"
        with files.plain_umask():
            os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            files.write_file(path, text.encode(), 0o644)
            return "; ".join(filter(None, (self.elsewhere(name, f"/{_CHALLENGES}/{token}", text) for name in self._in_time(names))))
        finally:
            files.unlink(path)
