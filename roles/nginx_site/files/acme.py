# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The program of flaskops-acme.service: it brings the certificates of this host up to date.

The action plugin acme_certificate packs it, with the parts of the collection that it imports, into one file for the host.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
import typing as t

from flaskops.config_tree.request import ConfigTreeError
from flaskops.config_tree.tree_service import TreeService, nginx
from flaskops.host.files import names_in, read_text, unlink, write_atomically
from flaskops.host.json_file import parse_object
from flaskops.host.shown import learn
from flaskops.nginx.http_client import HttpClient, NoAnswerError
from flaskops.tls.acme import AcmeService, AcmeSite
from flaskops.tls.certbot import WEBROOT, CaSettings, Certbot
from flaskops.tls.dns_proof import DnsProof
from flaskops.tls.install import Installer
from flaskops.tls.pair import CertificateError
from flaskops.tls.places import ASKED, RESULT

DIRECTORY = "/etc/nginx/flaskops"
# The CA, the account there, and for each site its names, and how it proves them by the DNS.
CA, ACCOUNT, SITE, DNS = f"{DIRECTORY}/acme.json", f"{DIRECTORY}/acme-account.json", ".cert.json", ".dns.json"
HTTP_PORT = 80
SECONDS = 10
# A name of somebody else's can lead to any number of addresses.
MOST_ADDRESSES = 8


def elsewhere(name: str, path: str, text: str) -> str:
    """Return why a name does not lead to this host. A name that cannot be reached from here may lead to it all the same, as behind NAT."""
    try:
        addresses = sorted({place[4][0] for place in socket.getaddrinfo(name, HTTP_PORT, type=socket.SOCK_STREAM)})
    except OSError as error:
        return f"{name} has no address in the DNS ({error.strerror})"
    for address in addresses[:MOST_ADDRESSES]:
        client = HttpClient((address, HTTP_PORT), SECONDS)
        try:
            with client.get(name, path) as answer:
                if answer.status < 300 and client.read_beginning(answer, 1024).decode(errors="replace") == text:
                    continue
                if answer.status < 300 or answer.status >= 400:
                    return f"{name} leads to {address}, where another server answers {answer.status} instead of this host"
        except NoAnswerError:
            continue
    return ""


def wanted() -> dict[str, AcmeSite]:
    """Return the sites that are to have a certificate from the CA."""
    found = [parse_object(read_text(f"{DIRECTORY}/{name}") or "{}") for name in names_in(DIRECTORY) if name.endswith(SITE)]
    return {site["app"]: AcmeSite(tuple(site["names"]), proof(site["app"])) for site in found}


def proof(app: str) -> DnsProof | None:
    """Return how an application proves its names by the DNS, ``None`` where the CA asks nginx."""
    text = read_text(f"{DIRECTORY}/{app}{DNS}")
    if text is None:
        return None
    found = DnsProof.from_dict(parse_object(text))
    learn(found.secrets())
    return found


@contextlib.contextmanager
def held(server: TreeService) -> t.Iterator[None]:
    """Hold the lock of nginx's configuration.

    :raises CertificateError: if somebody else does not let go of it
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(server.held("flaskops-acme"))
        except ConfigTreeError as error:
            raise CertificateError(str(error)) from error
        yield


def main() -> int:
    ca = read_text(CA)
    if ca is None:
        return 0
    sites = wanted()
    account = parse_object(read_text(ACCOUNT) or "{}")
    learn([account.get("eab_key", "")])
    settings = CaSettings(**parse_object(ca), **account)
    by_hand = os.path.lexists(ASKED)
    unlink(ASKED)
    server = nginx()
    service = AcmeService(Certbot(settings), settings.server, Installer(server), lambda: held(server), elsewhere, WEBROOT)
    try:
        problems = service.run(sites, by_hand)
    except (CertificateError, OSError) as error:
        problems = dict.fromkeys(sites, str(error))
    write_atomically(RESULT, json.dumps({"time": time.time(), "problems": problems}), 0o600)
    for app, says in problems.items():
        print(f"{app}: {says}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
