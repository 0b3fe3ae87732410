# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The proof that a site presents its certificate, and the way of a probe to HTTPS; here to servers on the loopback."""

from __future__ import annotations

import contextlib
import http.server
import os
import ssl
import tempfile
import threading
import time

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.nginx.http_client import HttpClient, NoAnswerError
from ansible_collections.flaskops.stack.plugins.module_utils.tls.attempts import Attempts
from ansible_collections.flaskops.stack.plugins.module_utils.tls.install import Installer, NewCertificate
from ansible_collections.flaskops.stack.plugins.module_utils.tls.pair import examine
from ansible_collections.flaskops.stack.plugins.module_utils.tls.places import CertificatePlaces
from ansible_collections.flaskops.stack.plugins.module_utils.tls.proof import prove
from ansible_collections.flaskops.stack.plugins.modules.site_probe import ProvenSite
from ansible_collections.flaskops.stack.tests.unit.certificates import Pair, pair

SHOP, OTHER, SHORT = pair("shop.test"), pair("shop.test", "www.shop.test"), pair("shop.test", days=8, since=-2)
WANTED = {"kind": "given", "names": ["shop.test"], "redirect": True}


class Plain(http.server.BaseHTTPRequestHandler):
    status, place = 308, "https://shop.test/cart"

    def do_GET(self) -> None:
        self.send_response(self.status)
        if self.place:
            self.send_header("Location", self.place)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        pass


class Secure(Plain):
    status, place = 200, ""


@contextlib.contextmanager
def serving(handler: type[Plain], given: Pair | None = None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if given:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with _files(given) as (chain, key):
            context.load_cert_chain(chain, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_address
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def _files(given: Pair):
    with tempfile.NamedTemporaryFile("w") as chain, tempfile.NamedTemporaryFile("w") as key:
        for file, text in ((chain, given.chain), (key, given.key)):
            file.write(text)
            file.flush()
        yield chain.name, key.name


@pytest.mark.parametrize(
    ("place", "status"),
    [("https://shop.test/cart", 200), ("https://other.test/cart", 308), ("http://shop.test/cart", 308), ("/cart", 308)],
)
def test_a_probe_goes_on_to_https_on_the_same_host(place, status):
    with serving(type("Here", (Plain,), {"place": place})) as plain, serving(Secure, SHOP) as tls:
        with HttpClient(plain, tls_address=tls).get("shop.test", "/cart") as answer:
            assert answer.status == status
        with HttpClient(plain).get("shop.test", "/cart") as answer:
            assert answer.status == 308


def test_a_probe_says_where_tls_is_missing():
    with (
        serving(Plain) as plain,
        serving(Secure) as no_tls,
        pytest.raises(NoAnswerError, match="SSL"),
        HttpClient(plain, tls_address=no_tls).get("shop.test", "/"),
    ):
        pass


class Quiet:
    def test(self) -> str:
        return ""

    def reload(self) -> str:
        return ""


def proof(root, presented: Pair, installed: Pair = SHOP, plain: type[Plain] = Plain, **changes) -> tuple[bool, str]:
    new = NewCertificate("shop", "given", installed.chain, installed.key, examine(installed.chain, installed.key))
    Installer(Quiet(), str(root)).install([new])
    with serving(plain) as address, serving(Secure, presented) as tls:
        return prove(ProvenSite(HttpClient(address), tls), "shop", "shop.test", {**WANTED, **changes}, str(root))


def test_a_site_that_presents_its_certificate_is_proved(tmp_path):
    ok, says = proof(tmp_path, SHOP)
    assert ok
    assert says.startswith("has a certificate for shop.test by commonName=Test CA, valid until 20")
    assert says.endswith(" 89 days from now")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"presented": OTHER}, "presents another certificate than the one that is installed"),
        ({"plain": Secure}, "answers 200 to a plain request instead of redirecting it to HTTPS"),
    ],
)
def test_what_the_site_does_not_do_is_told(tmp_path, changes, says):
    ok, said = proof(tmp_path, **{"presented": SHOP, **changes})
    assert not ok
    assert said.startswith(says)


def test_what_stands_before_a_certificate_is_no_part_of_it(tmp_path):
    named = Pair("shop.test")
    bare, named.chain = named.chain, f"Bag Attributes\n    friendlyName: shop\n{named.chain}"
    assert bare != named.chain
    assert proof(tmp_path, named, named)[0]


def test_a_site_without_an_answer_to_a_plain_request_is_told(tmp_path):
    class Silent:
        def presented(self, host: str) -> bytes:
            return ssl.PEM_cert_to_DER_cert(SHOP.chain)

        def plain_status(self, host: str) -> int:
            raise ConnectionRefusedError("nobody listens")

    proof(tmp_path, SHOP)
    found = prove(Silent(), "shop", "shop.test", WANTED, str(tmp_path))
    assert found == (False, "gave no answer to a plain request, which was to be redirected to HTTPS (nobody listens)")


def test_a_certificate_that_should_have_been_renewed_is_told(tmp_path, monkeypatch):
    assert proof(tmp_path, SHORT, SHORT)[0], "a certificate of eight days has six of them left"
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 4.9 * 86400)
    ok, says = proof(tmp_path, SHORT, SHORT)
    assert not ok
    assert says.endswith("1 days from now; replace it")


def test_a_name_without_a_certificate_is_told(tmp_path):
    assert proof(tmp_path, SHOP, names=["shop.test", "b.test"])[1].endswith("and not for b.test")


def test_a_site_without_a_certificate_is_told(tmp_path):
    with serving(Plain) as plain, serving(Secure) as no_tls:
        proven = ProvenSite(HttpClient(plain), no_tls)
        assert prove(proven, "shop", "shop.test", WANTED, str(tmp_path))[1].startswith("has no certificate")


def test_a_renewal_that_fails_is_told_while_the_old_certificate_is_valid(tmp_path):
    os.makedirs(tmp_path / "shop")
    Attempts(CertificatePlaces("shop", str(tmp_path))).failed("shop.test has no address", asked=False)
    with serving(Plain) as plain, serving(Secure) as no_tls:
        found = prove(ProvenSite(HttpClient(plain), no_tls), "shop", "shop.test", WANTED, str(tmp_path))
    assert found == (False, "has no certificate, so the site is served over HTTP only: shop.test has no address")
    ok, says = proof(tmp_path, SHOP)
    assert not ok
    assert says.endswith("days from now; the CA gave no other one: shop.test has no address")
