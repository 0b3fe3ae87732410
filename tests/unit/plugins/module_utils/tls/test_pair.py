# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which certificates can serve a site."""

from __future__ import annotations

import time

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.tls.pair import CertificateError, covers, digest, examine
from ansible_collections.flaskops.stack.tests.unit.certificates import Pair, authority, pair

SHOP = pair("shop.example.com", "*.shop.example.com")
OTHER = pair("other.example.com")


def test_a_certificate_says_what_it_is_for_and_how_long():
    found = examine(SHOP.chain + authority().chain, SHOP.key)
    assert found.names == ("shop.example.com", "*.shop.example.com")
    assert found.not_before < time.time() < found.not_after
    assert found.not_after - found.not_before == 90 * 86400
    assert found.issuer == "commonName=Test CA"
    assert not found.alone


def test_a_chain_without_the_issuer_is_told_from_one_that_needs_none():
    assert examine(SHOP.chain, SHOP.key).alone
    own = Pair("shop.example.com")
    assert not examine(own.chain, own.key).alone


@pytest.mark.parametrize(
    ("chain", "key", "says"),
    [
        (SHOP.chain, OTHER.key, "has another key"),
        (authority().chain + SHOP.chain, SHOP.key, "must come first"),
        (SHOP.chain + Pair("Other CA", authority=True).chain, SHOP.key, "is not signed by those that follow it"),
        (SHOP.chain, SHOP.key_with_password(), "a key with a password"),
        ("nothing", SHOP.key, "has no certificate in it"),
        (SHOP.chain[:200] + "-----END CERTIFICATE-----", SHOP.key, "cannot be read"),
        (SHOP.chain, "nothing", "cannot be read with its key"),
    ],
)
def test_what_could_serve_no_site_is_refused(chain, key, says):
    with pytest.raises(CertificateError, match=says):
        examine(chain, key)


def test_a_certificate_that_is_not_valid_now_is_refused_with_its_date():
    with pytest.raises(CertificateError, match=r"has expired on 20\d\d-"):
        examine(SHOP.chain, SHOP.key, time.time() + 100 * 86400)
    with pytest.raises(CertificateError, match=r"is valid from 20\d\d-"):
        examine(SHOP.chain, SHOP.key, time.time() - 10 * 86400)


def test_a_message_has_nothing_of_the_key():
    with pytest.raises(CertificateError) as caught:
        examine(SHOP.chain, OTHER.key)
    assert not any(line in str(caught.value) for line in OTHER.key.splitlines())


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("shop.example.com", True),
        ("SHOP.example.com", True),
        ("www.shop.example.com", True),
        ("a.b.shop.example.com", False),
        ("example.com", False),
        ("*.shop.example.com", True),
    ],
)
def test_a_star_stands_for_one_label(host, covered):
    assert covers(["shop.example.com", "*.shop.example.com"], host) is covered


def test_the_name_of_a_pair_changes_with_either_text():
    assert len({digest(SHOP.chain, SHOP.key), digest(SHOP.chain, OTHER.key), digest(OTHER.chain, SHOP.key)}) == 3
    assert digest(f"{SHOP.chain}\n", SHOP.key) == digest(SHOP.chain, SHOP.key)
