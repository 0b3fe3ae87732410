# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Orders of certificates: one that cannot be carried out stops no other, and one that is met already makes nothing anew."""

from __future__ import annotations

import os

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.tls import self_signed
from ansible_collections.flaskops.stack.plugins.module_utils.tls.orders import carry_out, predict
from ansible_collections.flaskops.stack.plugins.module_utils.tls.pair import digest, examine
from ansible_collections.flaskops.stack.plugins.module_utils.tls.places import CertificatePlaces
from ansible_collections.flaskops.stack.tests.unit.certificates import Pair, pair


class Nginx:
    def __init__(self, dies: bool = False) -> None:
        self.dies, self.reloads = dies, 0

    def test(self) -> str:
        return ""

    def reload(self) -> str:
        if self.dies:
            raise KeyboardInterrupt
        self.reloads += 1
        return ""


@pytest.fixture
def root(tmp_path) -> str:
    return str(tmp_path / "tls")


@pytest.fixture
def made(monkeypatch) -> list[Pair]:
    """Collect the certificates that the host makes by itself."""
    pairs: list[Pair] = []

    def make(names):
        pairs.append(Pair(*names))
        return pairs[-1].chain, pairs[-1].key, examine(pairs[-1].chain, pairs[-1].key)

    monkeypatch.setattr(self_signed, "make", make)
    return pairs


def order(app: str, **changes) -> dict:
    empty = {"app": app, "names": [f"{app}.test"], "digest": "", "chain_path": "", "key_path": "", "server": "", "chain": "", "key": ""}
    return {**empty, "kind": "self_signed", **changes}


def given(app: str, of: Pair) -> dict:
    return order(app, kind="given", chain=of.chain, key=of.key, digest=digest(of.chain, of.key))


def test_an_order_that_cannot_be_carried_out_stops_no_other(root, made, tmp_path):
    bad = order("wiki", kind="files", chain_path=str(tmp_path / "chain"), key_path=str(tmp_path / "key"))
    result = carry_out([bad, given("shop", pair("shop.test")), order("blog")], Nginx(), root)
    assert result.changed
    assert list(result.failures) == ["wiki"]
    assert result.failures["wiki"].startswith(f"wiki: {tmp_path}/chain is no file of this host")
    assert [CertificatePlaces(app, root).record().names for app in ("shop", "blog")] == [("shop.test",), ("blog.test",)]
    assert not carry_out([given("shop", pair("shop.test")), order("blog")], Nginx(), root).changed
    assert len(made) == 1


def test_what_a_killed_run_has_put_in_place_is_not_made_anew(root, made):
    with pytest.raises(KeyboardInterrupt):
        carry_out([order("shop")], Nginx(dies=True), root)
    nginx = Nginx()
    assert carry_out([order("shop")], nginx, root).changed
    assert (len(made), nginx.reloads) == (1, 1)


def test_check_mode_tells_names_and_dates_and_makes_nothing(root, made):
    result = predict([order("shop"), given("blog", pair("blog.test"))], root)
    assert [each["after"].splitlines()[:2] for each in result.diff] == [
        ["names: shop.test", "issuer: itself"],
        ["names: blog.test", "issuer: commonName=Test CA"],
    ]
    assert (result.changed, made, os.path.exists(root)) == (True, [], False)


def test_no_diff_shows_a_key(root):
    shown = str(carry_out([given("shop", pair("shop.test"))], Nginx(), root))
    assert "PRIVATE" not in shown
