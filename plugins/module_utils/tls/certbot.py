# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Get a certificate from a CA by certbot of the distribution, which speaks ACME (RFC 8555) and does nothing else here.

certbot keeps accounts and certificates in a directory of this collection, one for each CA, so the distribution's own timer for certbot does
not renew them. nginx reads nothing there, since certbot replaces key and certificate one after the other.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import typing as t

from ..host.command import CommandError, in_locale, run
from ..host.files import read_text, write_file
from .pair import Certificate, CertificateError, examine

_HOME = "/var/lib/flaskops/certbot"
WEBROOT = "/run/flaskops-acme"
_SECONDS = 600
_WORD = re.compile(r"^\s*(?:Domain|Detail|Identifier):\s*(.+)$", re.MULTILINE)


class CaSettings(t.NamedTuple):
    """The CA that is asked, and as whom.

    :param server: the URL of its directory
    :param email: the address of the account, empty for none
    :param key_type: ``ecdsa`` or ``rsa``
    :param ca_bundle: path of the certificates that the CA's own server is checked against, empty for those of the distribution
    :param eab_kid: the key identifier of an external account (RFC 8555, 7.3.4), empty for none
    :param eab_key: its key for HMAC
    """

    server: str
    email: str = ""
    key_type: str = "ecdsa"
    ca_bundle: str = ""
    eab_kid: str = ""
    eab_key: str = ""

    @property
    def directory(self) -> str:
        """Return where certbot keeps what it has of this CA."""
        return f"{_HOME}/{hashlib.sha256(self.server.encode()).hexdigest()[:12]}"


class Certbot:
    """Asks a CA for certificates.

    :param home: the directory of certbot's files
    """

    def __init__(self, settings: CaSettings, home: str = "") -> None:
        self.settings, self.home = settings, home or settings.directory

    def kept(self, app: str) -> tuple[str, str, Certificate] | None:
        """Return what certbot got last for an application, also where the run that asked for it was killed."""
        texts = [read_text(os.path.join(self.home, "config", "live", app, name), follow=True) for name in ("fullchain.pem", "privkey.pem")]
        try:
            return (texts[0], texts[1], examine(texts[0], texts[1])) if texts[0] and texts[1] else None
        except CertificateError:
            return None

    def obtain(self, app: str, names: t.Sequence[str]) -> tuple[str, str, Certificate]:
        """Ask for a certificate, and return chain, key and what it says.

        :raises CertificateError: with the words of the CA
        """
        for directory in (os.path.dirname(self.home), self.home):
            os.makedirs(directory, 0o700, exist_ok=True)
        env = in_locale(os.environ, "C.UTF-8")
        if self.settings.ca_bundle:
            env["REQUESTS_CA_BUNDLE"] = self.settings.ca_bundle
        with tempfile.TemporaryDirectory(prefix="flaskops-acme-") as private:
            try:
                run(self._command(app, names, private), env=env, timeout=_SECONDS, together=True, shown=["certbot", "certonly"])
            except CommandError as error:
                raise CertificateError(words(str(error))) from None
        found = self.kept(app)
        if found is None:
            raise CertificateError("certbot has said that it got a certificate, and there is none; see its log below " + self.home)
        return found

    def _command(self, app: str, names: t.Sequence[str], private: str) -> list[str]:
        known = self.settings
        account = ["--email", known.email] if known.email else ["--register-unsafely-without-email"]
        config = f"{private}/cli.ini"
        # A secret in an argument could be read by every program of the host.
        eab = f"eab-kid = {known.eab_kid}\neab-hmac-key = {known.eab_key}\n" if known.eab_kid else ""
        write_file(config, eab.encode(), 0o600)
        directories = [part for name in ("config", "work", "logs") for part in (f"--{name}-dir", f"{self.home}/{name}")]
        return [
            *("certbot", "certonly", "--non-interactive", "--agree-tos", "--config", config, *account, *directories),
            *("--server", known.server, "--key-type", known.key_type, "--webroot", "--webroot-path", WEBROOT),
            *("--cert-name", app, "--force-renewal", "--renew-with-new-domains", "--max-log-backups", "10"),
            *(part for name in names for part in ("--domain", name)),
        ]


def words(said: str) -> str:
    """Return what the CA says in the output of certbot, or else the last lines of that."""
    details = _WORD.findall(said)
    return " ".join(details) if details else " ".join(line.strip() for line in said.splitlines()[-6:] if line.strip())
