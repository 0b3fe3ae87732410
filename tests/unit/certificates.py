# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certificates for tests: a CA, and pairs that it has signed or that nobody has."""

from __future__ import annotations

import datetime
import functools

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Pair:
    """A certificate with its key, as PEM.

    :param names: host names in it
    :param issuer: who signs it, itself without one
    :param days: how long it is valid from ``since`` days on
    """

    def __init__(self, *names: str, issuer: Pair | None = None, days: int = 90, since: int = -1, authority: bool = False) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        begin = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=since)
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(issuer.subject if issuer else self.subject)
            .public_key(self.private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        )
        signed = builder.sign(issuer.private if issuer else self.private, hashes.SHA256())
        self.chain = signed.public_bytes(serialization.Encoding.PEM).decode()
        self.key = self._key(serialization.NoEncryption())

    def key_with_password(self) -> str:
        return self._key(serialization.BestAvailableEncryption(b"password"))

    def _key(self, encryption: serialization.KeySerializationEncryption) -> str:
        return self.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption).decode()


@functools.cache
def authority() -> Pair:
    return Pair("Test CA", authority=True, days=3650)


@functools.cache
def pair(*names: str, days: int = 90, since: int = -1) -> Pair:
    """Return a pair that the CA has signed; equal ones are made once."""
    return Pair(*names, issuer=authority(), days=days, since=since)
