# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which certificates of a host are not as wanted, by what is written down of them."""

from __future__ import annotations

import os
import time
import typing as t

from ..host.clock import DAY
from ..host.files import read_text
from .pair import Certificate, CertificateError, digest, examine
from .places import ROOT, CertificatePlaces, CertificateRecord, pending

# A self-signed certificate lives for ten years; the run that finds it so old makes another one.
_SELF_SIGNED_LEFT = 30 * DAY


class WantedCertificate(t.TypedDict):
    """The certificate that the description of an application asks for, as the controller sends it.

    ``digest`` is that of a certificate which is ``given``; ``chain_path`` and ``key_path`` are those of ``files``; ``server`` is that of
    ``acme``.
    """

    app: str
    kind: str
    names: list[str]
    digest: str
    chain_path: str
    key_path: str
    server: str


class Unmet(t.NamedTuple):
    """Applications whose certificates are not as wanted, each with the reason, and those with files that nobody can use, each with a message."""

    reasons: dict[str, str]
    failures: dict[str, str]


def unmet(wanted: t.Sequence[WantedCertificate], root: str = ROOT) -> Unmet:
    """Compare the certificates of a host with those that are wanted."""
    now, reasons, failures = time.time(), {}, {}
    otherwise = "nginx has not taken it yet" if os.path.lexists(pending(root)) else ""
    for each in wanted:
        try:
            reason = _reason(each, CertificatePlaces(each["app"], root).record(), now) or otherwise
        except CertificateError as error:
            failures[each["app"]] = str(error)
        else:
            reasons |= {each["app"]: reason} if reason else {}
    return Unmet(reasons, failures)


def exposed(wanted: t.Sequence[WantedCertificate], root: str = ROOT) -> dict[str, list[str]]:
    """Return by application the paths of its certificate that others than root may read or change, where there are any."""
    found = {each["app"]: CertificatePlaces(each["app"], root).exposed() for each in wanted}
    return {app: paths for app, paths in found.items() if paths}


def _reason(wanted: WantedCertificate, live: CertificateRecord | None, now: float) -> str:
    if wanted["kind"] == "files":
        chain, key, _certificate = read_pair(wanted)
        wanted = {**wanted, "digest": digest(chain, key)}
    if live is None:
        return "there is none yet"
    if wanted["kind"] in ("given", "files"):
        return "" if live.digest == wanted["digest"] else "another one is wanted"
    if live.kind != wanted["kind"] or live.server != wanted["server"]:
        return "another one is wanted"
    if set(live.names) != set(wanted["names"]):
        return "it is for other names"
    left = live.not_after - now
    return "it expires" if left < (_SELF_SIGNED_LEFT if wanted["kind"] == "self_signed" else 0) else ""


def read_pair(wanted: WantedCertificate) -> tuple[str, str, Certificate]:
    """Return chain and key from files of the host, with what the certificate says.

    :raises CertificateError: if there is no such file, or they cannot be used
    """
    texts = []
    for path in (wanted["chain_path"], wanted["key_path"]):
        try:
            text = read_text(path, follow=True)
        except OSError as error:
            raise CertificateError(f"{wanted['app']}: cannot read {path} ({error.strerror})") from error
        if text is None:
            raise CertificateError(f"{wanted['app']}: {path} is no file of this host; put it there, or correct the path")
        texts.append(text)
    try:
        return texts[0], texts[1], examine(*texts)
    except CertificateError as error:
        raise CertificateError(f"{wanted['app']}: the certificate {wanted['chain_path']} {error}") from None
