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
import shutil
import tempfile
import typing as t

from ..host.command import CommandError, in_locale, run
from ..host.files import read_text, remove_tree, unlink, write_file
from .dns_proof import DnsProof
from .pair import Certificate, CertificateError, examine

_HOME = "/var/lib/flaskops/certbot"
WEBROOT = "/run/flaskops-acme"
_SECONDS = 600
_SHOWN = ("certbot", "certonly")
_WORD = re.compile(r"^\s*(?:Domain|Detail|Identifier):\s*(.+)$", re.MULTILINE)
# Lines that certbot writes whatever happens.
_USUAL = re.compile(
    r"^('certbot certonly' ended with|Saving debug log|Requesting a certificate|Renewing an existing|Account registered|Waiting \d+ seconds|Ask for help"
    r"|Encountered exception during recovery)"
)
# The certbot of Debian 12 fails while it raises the answer of a CA, with these words, and its log has the answer.
_LOST_WORDS = "AttributeError: can't set attribute"
_LOGGED = re.compile(r"^acme\.messages\.Error: urn:\S+ :: (?:.* :: )?(.+)$", re.MULTILINE)
# The words for an account that the CA no longer knows or that somebody has deactivated for good (RFC 8555, 6.7 and 7.3.6).
_ACCOUNT_GONE = re.compile(r"account\b.{0,200}\b(not found|deactivated|revoked|does ?not ?exist)", re.IGNORECASE | re.DOTALL)
# A CA may refuse the nonce of any request, and the client is to try again (RFC 8555, 6.5). certbot does so once, and then gives up.
_NONCE_REFUSED = re.compile(r"anti-replay nonce|badNonce", re.IGNORECASE)
_TRIES = 3


class CaSettings(t.NamedTuple):
    """The CA that is asked, and as whom.

    :param server: the URL of its directory
    :param email: the address of the account, empty for none
    :param key_type: ``ecdsa`` or ``rsa``
    :param ca_bundle: path of the certificates that the CA's own server is checked against, empty for those of the distribution
    :param eab_kid: the key identifier of an external account (RFC 8555, 7.3.4), empty for none
    :param eab_key: its key for HMAC
    :param profile: the profile of the CA that is preferred, empty for none
    """

    server: str
    email: str = ""
    key_type: str = "ecdsa"
    ca_bundle: str = ""
    eab_kid: str = ""
    eab_key: str = ""
    profile: str = ""

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

    def obtain(self, app: str, names: t.Sequence[str], dns: DnsProof | None = None) -> tuple[str, str, Certificate]:
        """Ask for a certificate, and return chain, key and what it says.

        :param dns: how the names are proved by the DNS; otherwise the CA asks nginx
        :raises CertificateError: with the words of the CA
        """
        for directory in (os.path.dirname(self.home), self.home):
            os.makedirs(directory, 0o700, exist_ok=True)
        self._forget(app)
        env = in_locale(os.environ, "C.UTF-8")
        if self.settings.ca_bundle:
            env["REQUESTS_CA_BUNDLE"] = self.settings.ca_bundle
        with tempfile.TemporaryDirectory(prefix="flaskops-acme-") as private:
            command = self._command(app, names, private, dns)
            env.update(dns.environment(_credentials(private)) if dns else {})
            timeout = _SECONDS + (dns.propagation or 0 if dns else 0)
            try:
                self._run(command, env, timeout)
            except CommandError as error:
                raise CertificateError(_by_dns(app, dns, words(str(error))) if dns else words(str(error))) from None
        found = self.kept(app)
        if found is None:
            raise CertificateError("certbot has said that it got a certificate, and there is none; see its log below " + self.home)
        return found

    def _forget(self, app: str) -> None:
        """Remove what certbot has of an application, so that it begins anew.

        certbot does not store a certificate in one step, nor does it wait for the disk. If it was killed or the power was cut, it may find half of
        one, and then puts the next one under another name, where nobody looks.
        """
        config = os.path.join(self.home, "config")
        for directory in ("live", "archive"):
            remove_tree(os.path.join(config, directory, app))
        unlink(os.path.join(config, "renewal", f"{app}.conf"))

    def _run(self, command: t.Sequence[str], env: t.Mapping[str, str], timeout: float) -> None:
        """Run certbot; if the CA has given up the account, once more with another one, which certbot makes by itself."""
        accounts = os.path.join(self.home, "config", "accounts")
        try:
            self._run_patiently(command, env, timeout)
        except CommandError as error:
            if not os.path.isdir(accounts) or not _ACCOUNT_GONE.search(str(error)):
                raise
            shutil.rmtree(accounts)
            self._run_patiently(command, env, timeout)

    def _run_patiently(self, command: t.Sequence[str], env: t.Mapping[str, str], timeout: float) -> None:
        """Run certbot again where the CA has refused nothing but a nonce."""
        for tries_left in reversed(range(_TRIES)):
            try:
                self._run_once(command, env, timeout)
                break
            except CommandError as error:
                if not tries_left or not _NONCE_REFUSED.search(str(error)):
                    raise

    def _run_once(self, command: t.Sequence[str], env: t.Mapping[str, str], timeout: float) -> None:
        try:
            run(command, env=env, timeout=timeout, together=True, shown=_SHOWN)
        except CommandError as error:
            logged = _LOGGED.findall(read_text(os.path.join(self.home, "logs", "letsencrypt.log")) or "")
            raise (CommandError(logged[-1]) if logged and _LOST_WORDS in str(error) else error) from None

    def _command(self, app: str, names: t.Sequence[str], private: str, dns: DnsProof | None) -> list[str]:
        known = self.settings
        account = ["--email", known.email] if known.email else ["--register-unsafely-without-email"]
        config = f"{private}/cli.ini"
        # A secret in an argument could be read by every program of the host.
        eab = f"eab-kid = {known.eab_kid}\neab-hmac-key = {known.eab_key}\n" if known.eab_kid else ""
        write_file(config, eab.encode(), 0o600)
        proof = ["--webroot", "--webroot-path", WEBROOT]
        if dns:
            write_file(_credentials(private), dns.file_text().encode(), 0o600)
            proof = dns.arguments(_credentials(private))
        directories = [part for name in ("config", "work", "logs") for part in (f"--{name}-dir", f"{self.home}/{name}")]
        # A CA that has the profile no longer gives a certificate all the same, so no renewal fails for that.
        profile = ["--preferred-profile", known.profile] if known.profile else []
        return [
            *("certbot", "certonly", "--non-interactive", "--agree-tos", "--config", config, *account, *directories),
            *("--server", known.server, "--key-type", known.key_type, *profile, *proof),
            *("--cert-name", app, "--max-log-backups", "10"),
            *(part for name in names for part in ("--domain", name)),
        ]


def words(said: str) -> str:
    """Return what the CA says in the output of certbot, or else the last lines of that; each once."""
    details = _WORD.findall(said)
    if details:
        return " ".join(dict.fromkeys(details))
    lines = [line.strip() for line in said.splitlines() if line.strip() and not _USUAL.match(line.strip())]
    return " ".join(dict.fromkeys(lines[-6:]))


def _credentials(private: str) -> str:
    return f"{private}/credentials"


def _by_dns(app: str, dns: DnsProof, says: str) -> str:
    return (
        f"certbot could not prove the names by its plugin dns-{dns.plugin}: {says.rstrip('.')}. If the plugin was refused, correct"
        f" {app}.nginx.tls.dns.credentials; if the CA has not seen the record, write a longer {app}.nginx.tls.dns.propagation"
    )
