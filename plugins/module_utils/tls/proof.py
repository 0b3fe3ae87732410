# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prove that a site presents the certificate that is installed, that the certificate is the site's, and how long it is valid."""

from __future__ import annotations

import ssl
import time
import typing as t

from ..host.clock import DAY
from ..host.files import read_text
from .attempts import Attempts
from .pair import certificates_in, covers, day
from .places import CHAIN_FILE, ROOT, CertificatePlaces, CertificateRecord

# A certificate that has less time left should have been renewed long ago; those that live for days are compared with their lifetime.
_LEAST_SECONDS = 7 * DAY
_LEAST_SHARE = 0.25
_REDIRECTED = 308


class Site(t.Protocol):
    """The requests that prove a site."""

    def presented(self, host: str) -> bytes:
        """Return the certificate, as DER, that the server presents for a host.

        :raises OSError: if there is no TLS for it
        """

    def plain_status(self, host: str) -> int:
        """Return the status of a plain request for the site.

        :raises OSError: if there is no answer
        """


def prove(site: Site, app: str, host: str, wanted: t.Mapping[str, t.Any], root: str = ROOT) -> tuple[bool, str]:
    """Return whether the TLS of a site is as described, and in words what was seen.

    :param host: the name that is asked for
    :param wanted: ``names`` and ``redirect`` of the description
    """
    places = CertificatePlaces(app, root)
    record = places.record()
    trouble = Attempts(places).says
    if record is None:
        return False, f"has no certificate, so the site is served over HTTP only: {trouble or 'run the playbook site again'}"
    try:
        if site.presented(host) != ssl.PEM_cert_to_DER_cert(certificates_in(read_text(places.live_file(CHAIN_FILE)) or "")[0]):
            return False, "presents another certificate than the one that is installed; reload nginx"
    except (OSError, ValueError) as error:
        return False, f"has no TLS ({type(error).__name__}: {error})"
    if wanted["redirect"] and covers(record.names, host):
        try:
            status = site.plain_status(host)
        except OSError as error:
            return False, f"gave no answer to a plain request, which was to be redirected to HTTPS ({error})"
        if status != _REDIRECTED:
            return False, f"answers {status} to a plain request instead of redirecting it to HTTPS"
    ok, says = _judge(record, wanted, time.time())
    return ok and not trouble, f"{says}; the CA gave no other one: {trouble}" if trouble else says


def _judge(record: CertificateRecord, wanted: t.Mapping[str, t.Any], now: float) -> tuple[bool, str]:
    """Return whether a certificate is good for some time, and what it is for."""
    left, lifetime = record.not_after - now, record.not_after - record.not_before
    says = f"has a certificate for {', '.join(record.names)} by {record.issuer or 'itself'}, valid until {day(record.not_after)}"
    missing = [name for name in wanted["names"] if not covers(record.names, name)]
    if left < min(_LEAST_SECONDS, lifetime * _LEAST_SHARE):
        return False, f"{says}, {left / DAY:.0f} days from now; replace it"
    if missing:
        # Such names are served over plain HTTP; a certificate by ACME will have them once they lead to this host.
        return record.kind in ("given", "files"), f"{says}, and not for {', '.join(missing)}"
    return True, f"{says}, {left / DAY:.0f} days from now"
