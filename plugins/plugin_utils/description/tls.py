# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""TLS of a site: what a description may say together, and what follows from it."""

from __future__ import annotations

import ipaddress
import ssl
import typing as t
from collections.abc import Mapping, Sequence

from ...module_utils.tls.dns_proof import DnsProof, unwritable
from ...module_utils.tls.pair import CertificateError, covers, digest, examine
from ..keys.server_names import CATCH_ALL
from .validate import Validator

# Mozilla's guidelines (version 6.0): two years.
_HSTS_SECONDS = 63072000
_SOURCES = ("certificate", "self_signed", "acme")
# The directories of CAs that have a name here.
_SERVERS = {
    "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
    "staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
}


def check_tls(validator: Validator, where: str, tls: Mapping[str, t.Any]) -> None:
    """Refuse keys of the description that do not belong together."""
    named = [source for source in _SOURCES if tls.get(source)]
    if len(named) > 1:
        validator.refuse(where, f"has {' and '.join(named)}, but a site has one certificate", "keep one of them")
        return
    _check_clients(validator, f"{where}.client_ca", tls.get("client_ca", ""))
    if "dns" in tls:
        _check_dns(validator, f"{where}.dns", tls["dns"], named)
    if not named and (tls.keys() & {"key", "hsts", "client_ca"} or tls.get("http3")):
        validator.refuse(where, "has no certificate", f"write one of {', '.join(_SOURCES)}, or remove the rest")
    if named != ["certificate"]:
        return
    if "key" not in tls:
        validator.refuse(f"{where}.key", "is missing", "write the private key of the certificate, and keep it in a vault")
    elif _is_path(tls["certificate"]) != _is_path(tls["key"]):
        validator.refuse(where, "has one of certificate and key as a path and the other as text", "write both in the same way")


def _check_dns(validator: Validator, where: str, dns: Mapping[str, t.Any], named: Sequence[str]) -> None:
    """Refuse a proof by the DNS that nobody asks for, and credentials that cannot be written down."""
    if named != ["acme"]:
        validator.refuse(where, "is how a CA proves names, and there is no acme", "write acme: true beside it, or remove it")
    for name, value in dns["credentials"].items():
        problem = unwritable(dns.get("plugin", ""), str(value))
        if problem:
            validator.refuse(f"{where}.credentials.{name}", f"is a secret that {problem}", "have the provider give you another one")


def _check_clients(validator: Validator, where: str, text: str) -> None:
    """Refuse certificates of CAs that OpenSSL cannot read, since nginx could not either."""
    try:
        if "-----BEGIN" in text:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        validator.refuse(where, "has no certificate that can be read", "write the PEM text of the CA as it is")


def unusable(apps: Sequence[Mapping[str, t.Any]]) -> list[str]:
    """Return a line for each certificate in a description that cannot serve a site now.

    Only a deployment asks for it: a site whose certificate has expired can still be rolled back, closed and looked at.

    :param apps: complete descriptions
    """
    found = {app["name"]: _problem(app["nginx"]["tls"]) for app in apps if app["nginx"]["tls"]["kind"] == "given"}
    return [f"{name}.nginx.tls.certificate {says}." for name, says in found.items() if says]


def check_names(validator: Validator, where: str, app: Mapping[str, t.Any]) -> None:
    """Refuse names that a CA cannot prove.

    :param app: a complete description
    """
    if app["nginx"]["tls"]["kind"] != "acme":
        return
    for name in app["nginx"]["tls"]["names"]:
        if name.startswith("*.") and "dns" not in app["nginx"]["tls"]:
            says = f"has {name}, which a CA proves by a record in the DNS and not by a request to this site"
            remedy = "add tls.dns with a plugin of certbot, write the names one by one, or bring a certificate as tls.certificate"
            validator.refuse(where, says, remedy)
        elif name == CATCH_ALL or "." not in name.removeprefix("*.") or _is_address(name):
            validator.refuse(where, f"has {name}, for which no CA gives a certificate by ACME here", "write host names of the DNS")


def derive_tls(nginx: dict[str, t.Any]) -> None:
    """Complete the keys of TLS; ``kind`` is empty for a site without it."""
    tls = nginx["tls"]
    named = next((source for source in _SOURCES if tls.get(source)), "")
    tls["kind"] = named if named != "certificate" else "files" if _is_path(tls["certificate"]) else "given"
    # Browsers that have seen a certificate that nobody has signed are not to insist on it.
    tls.setdefault("hsts", 0 if tls["kind"] == "self_signed" else _HSTS_SECONDS)
    named_hosts = [name for name in nginx["server_names"] if name != CATCH_ALL] or [nginx["host"]]
    tls["names"] = [_plain_address(name) for name in named_hosts]
    tls["package"] = f"python3-certbot-dns-{tls['dns'].get('plugin', '')}" if named == "acme" and "dns" in tls else ""


def derive_clients(nginx: dict[str, t.Any], name: str) -> None:
    """Name the file with the CAs of clients, and variables of nginx.

    ``certified`` is 1 for a request whose certificate was verified for this site, ``subject`` is the subject of that certificate, and
    ``uncertified`` is 1 for a request without the certificate that it needs.
    """
    tls = nginx["tls"]
    asks = bool(tls["kind"] and tls.get("client_ca"))
    tls["clients_file"] = f"flaskops/{name}.clients.pem" if asks else ""
    tls["certified"] = f"${nginx['variable']}_certified" if asks else ""
    tls["subject"] = f"${nginx['variable']}_subject" if asks else ""
    tls["uncertified"] = f"${nginx['variable']}_uncertified" if asks and tls["verify"] == "required" else ""


def derive_hsts(nginx: dict[str, t.Any]) -> None:
    """Name the variable of nginx with the header, empty where the site sends none or a user has written an own one."""
    own = any(name.lower() == "strict-transport-security" for name in nginx["headers"])
    sent = nginx["tls"]["kind"] and nginx["tls"]["hsts"] and not own
    nginx["tls"]["hsts_variable"] = f"{nginx['variable']}_hsts" if sent else ""


def warnings_of_tls(apps: Sequence[Mapping[str, t.Any]]) -> list[str]:
    """Return what is known to hurt of certificates that descriptions give."""
    found = []
    for app in apps:
        tls = app["nginx"]["tls"]
        if tls["kind"] != "given":
            continue
        certificate = examine(tls["certificate"], tls["key"])
        missing = [name for name in tls["names"] if not covers(certificate.names, name)]
        if missing:
            found.append(
                f"{app['name']}.nginx.tls.certificate is for {', '.join(certificate.names) or 'no name'}, and not for {', '.join(missing)},"
                " which plain HTTP serves as before."
            )
        if certificate.alone:
            found.append(
                f"{app['name']}.nginx.tls.certificate comes without the certificate of its issuer ({certificate.issuer}), and many clients will"
                " not trust it; append the intermediate certificates, unless the issuer is a root that your clients have."
            )
    return found


def wanted(app: Mapping[str, t.Any], server: str) -> dict[str, t.Any]:
    """Return which certificate a host is to have for an application, without the certificate itself.

    :param app: a complete description with TLS
    :param server: the directory of the CA for ``acme``
    """
    tls = app["nginx"]["tls"]
    in_files = tls["kind"] == "files"
    return {
        "app": app["name"],
        "kind": tls["kind"],
        "names": tls["names"],
        "digest": digest(tls["certificate"], tls["key"]) if tls["kind"] == "given" else "",
        "chain_path": tls["certificate"] if in_files else "",
        "key_path": tls["key"] if in_files else "",
        "server": server if tls["kind"] == "acme" else "",
    }


def order(app: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what the host needs to install the certificate of an application, which has the private key in it."""
    tls = app["nginx"]["tls"]
    given = tls["kind"] == "given"
    return {**wanted(app, ""), "chain": tls["certificate"] if given else "", "key": tls["key"] if given else ""}


def directory_url(server: str) -> str:
    """Return the URL of a CA's directory (RFC 8555, section 7.1.1).

    :param server: ``letsencrypt``, ``staging`` or the URL itself
    """
    return _SERVERS.get(server, server)


def site_certificate(tls: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what a probe asks of the certificate of a site, nothing for a site without TLS."""
    return {"kind": tls["kind"], "names": tls["names"], "redirect": tls["redirect"]} if tls["kind"] else {}


def private_values(app: Mapping[str, t.Any]) -> list[str]:
    """Return what no message may show."""
    tls = app["nginx"]["tls"]
    key = tls.get("key", "")
    return [*([] if _is_path(key) else [key]), *(DnsProof.from_dict(proof(tls)).secrets() if tls["package"] else [])]


def proof(tls: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return how the names are proved by the DNS, as the host reads it; nothing where the CA asks nginx."""
    if not tls["package"]:
        return {}
    credentials = {name: str(value) for name, value in tls["dns"]["credentials"].items()}
    return {"plugin": tls["dns"]["plugin"], "credentials": credentials, "propagation": tls["dns"].get("propagation")}


def shown(nginx: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the keys of nginx as templates see them, since messages may show the variables of a template."""
    return {**nginx, "tls": {name: value for name, value in nginx["tls"].items() if name not in ("certificate", "key", "client_ca", "dns")}}


def _problem(tls: Mapping[str, t.Any]) -> str:
    """Return why a certificate cannot be used, empty if it can."""
    try:
        examine(tls["certificate"], tls["key"])
    except CertificateError as error:
        return str(error)
    return ""


def _is_path(text: str) -> bool:
    return text.startswith("/")


def _plain_address(name: str) -> str:
    return str(ipaddress.ip_address(name.strip("[]"))) if _is_address(name) else name


def _is_address(name: str) -> bool:
    try:
        return bool(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return False
