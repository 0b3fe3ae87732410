# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A certificate and its key: whether they can serve a site, shown by a TLS handshake between two ends in memory.

The handshake is that of OpenSSL, so what passes here nginx can serve too. Nothing but the standard library is needed, on the host and on
the controller.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import os
import re
import ssl
import tempfile
import time
import typing as t

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
# X509_V_FLAG_NO_CHECK_TIME: dates are compared below, so that the message can name them (X509_VERIFY_PARAM_set_flags(3)).
_NO_CHECK_TIME = 0x200000
# A TLS 1.3 handshake takes two turns of each end, a TLS 1.2 handshake three.
_TURNS = 4


class CertificateError(ValueError):
    """A certificate that nginx could not serve; the message says why and what to do."""


class Certificate(t.NamedTuple):
    """The names, the dates and the issuer of a certificate.

    :param names: host names and addresses of its subject alternative name
    :param not_before: seconds since the epoch
    :param not_after: seconds since the epoch
    :param issuer: who has signed it, as one text
    :param alone: whether the chain has no certificate but this one, and another one has signed it
    """

    names: tuple[str, ...]
    not_before: int
    not_after: int
    issuer: str
    alone: bool


def digest(chain: str, key: str) -> str:
    """Return a name for a pair that changes with either of its texts."""
    return hashlib.sha256(f"{chain.strip()}\n{key.strip()}\n".encode()).hexdigest()[:16]


def certificates_in(chain: str) -> list[str]:
    """Return the certificates of a chain, without what may stand between them, such as names of their owners."""
    return _CERTIFICATE.findall(chain)


def examine(chain: str, key: str, now: float | None = None) -> Certificate:
    """Return what a certificate says, once a handshake with it has succeeded.

    :param chain: PEM of the site's certificate, followed by those between it and the root
    :param key: PEM of its private key, without a password
    :param now: seconds since the epoch, the present without it
    :raises CertificateError: if it cannot serve a site now
    """
    found = certificates_in(chain)
    if not found:
        raise CertificateError("has no certificate in it; write PEM text, which begins with -----BEGIN CERTIFICATE-----")
    if "ENCRYPTED" in key:
        raise CertificateError("has a key with a password; remove the password (openssl pkey) and keep the key in a vault")
    server = _server(chain, key)
    seen = _handshake(server, found[0])
    if len(found) > 1:
        _require_chain(server, found[-1])
    certificate = Certificate(
        names=tuple(_name(kind, value) for kind, value in seen.get("subjectAltName", ()) if kind in ("DNS", "IP Address")),
        not_before=int(ssl.cert_time_to_seconds(seen["notBefore"])),
        not_after=int(ssl.cert_time_to_seconds(seen["notAfter"])),
        issuer=", ".join(f"{name}={value}" for part in seen["issuer"] for name, value in part),
        alone=len(found) == 1 and seen["issuer"] != seen["subject"],
    )
    _require_time(certificate, time.time() if now is None else now)
    return certificate


def covers(names: t.Iterable[str], host: str) -> bool:
    """Return whether one of the names of a certificate is a host's; a star stands for one label (RFC 6125, 6.4.3)."""
    host = host.lower()
    known = {name.lower() for name in names}
    return host in known or f"*.{host.partition('.')[2]}" in known


def day(seconds: float) -> str:
    """Return a time as a date."""
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def _name(kind: str, value: str) -> str:
    """Return a name in the one spelling that is compared; Python writes an IPv6 address out in full."""
    return value.lower() if kind == "DNS" else str(ipaddress.ip_address(value))


def _require_time(certificate: Certificate, now: float) -> None:
    if certificate.not_after <= now:
        raise CertificateError(f"has expired on {day(certificate.not_after)}, and it is {day(now)} here; write one that is valid")
    if certificate.not_before > now:
        raise CertificateError(
            f"is valid from {day(certificate.not_before)} on only, and it is {day(now)} here; write one that is valid now"
        )


def _server(chain: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with _file(chain) as chain_path, _file(key) as key_path:
        try:
            # Without a password OpenSSL would ask for one at the terminal.
            context.load_cert_chain(chain_path, key_path, password="")
        except ssl.SSLError as error:
            raise CertificateError(_load_problem(error)) from None
    return context


def _load_problem(error: ssl.SSLError) -> str:
    reason = error.reason or str(error)
    if reason == "KEY_VALUES_MISMATCH":
        return "has another key than the one that is given; the site's own certificate must come first, before those of its issuers"
    if "TOO_SMALL" in reason or "TOO_WEAK" in reason:
        return f"is too weak for OpenSSL ({reason}); take a key for ECDSA, or RSA with 2048 bits or more"
    return f"cannot be read with its key ({reason}); write both as PEM text, the key without a password"


def _handshake(server: ssl.SSLContext, trusted: str) -> dict[str, t.Any]:
    """Return the certificate that a client sees that trusts just one certificate, whatever its dates.

    :raises CertificateError: if the client refuses it
    """
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VerifyFlags(ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME)
    try:
        client.load_verify_locations(cadata=trusted)
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        ends = (client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True))
        for end in ends * _TURNS:
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
    except ssl.SSLCertVerificationError as error:
        raise CertificateError(f"would be refused by browsers: {error.verify_message}") from None
    except ssl.SSLError as error:
        raise CertificateError(f"cannot be used for TLS ({error.reason or error})") from None
    return t.cast("dict[str, t.Any]", ends[0].getpeercert())


def _require_chain(server: ssl.SSLContext, last: str) -> None:
    try:
        _handshake(server, last)
    except CertificateError:
        raise CertificateError(
            "is not signed by those that follow it; write the site's certificate first and then each issuer after the one that it has signed"
        ) from None


@contextlib.contextmanager
def _file(text: str) -> t.Iterator[str]:
    """Give the path of a file with a text that is on no disk, where the system has such files (memfd_create(2))."""
    if not hasattr(os, "memfd_create"):
        with tempfile.NamedTemporaryFile() as file:
            file.write(text.encode())
            file.flush()
            yield file.name
        return
    descriptor = os.memfd_create("certificate")
    try:
        with open(descriptor, "w", encoding="utf-8", closefd=False) as file:
            file.write(text)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
