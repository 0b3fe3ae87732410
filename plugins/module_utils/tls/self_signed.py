# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make a certificate that nobody but its own key has signed, on the host, so that the key never travels."""

from __future__ import annotations

import ipaddress
import os
import tempfile
import typing as t

from ..host.command import CommandError, run
from ..host.files import write_file
from .pair import Certificate, CertificateError, examine

_DAYS = 3650
# Without it OpenSSL would make a CA of it (req(1), x509_extensions).
_CONFIG = """\
[req]
distinguished_name = subject
x509_extensions = site
prompt = no
[subject]
CN = {subject}
[site]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = {names}
"""
# The longest common name (RFC 5280, appendix A.1, ub-common-name); browsers read the alternative names only.
_LONGEST = 64


def make(names: t.Sequence[str]) -> tuple[str, str, Certificate]:
    """Return chain, key and what the certificate says, for ten years.

    :raises CertificateError: if OpenSSL cannot make it
    """
    with tempfile.TemporaryDirectory(prefix="flaskops-tls-") as directory:
        config, key, chain = (os.path.join(directory, name) for name in ("config", "key", "chain"))
        subject = names[0] if len(names[0]) <= _LONGEST else "flaskops"
        write_file(config, _CONFIG.format(subject=subject, names=",".join(map(_alternative, names))).encode(), 0o600)
        options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(_DAYS)]
        try:
            run(["openssl", "req", "-x509", *options, "-config", config, "-keyout", key, "-out", chain])
        except CommandError as error:
            raise CertificateError(f"cannot make a self-signed certificate: {error}") from error
        texts = []
        for path in (chain, key):
            with open(path, encoding="ascii") as file:
                texts.append(file.read())
    return texts[0], texts[1], examine(*texts)


def _alternative(name: str) -> str:
    try:
        return f"IP:{ipaddress.ip_address(name.strip('[]'))}"
    except ValueError:
        return f"DNS:{name}"
