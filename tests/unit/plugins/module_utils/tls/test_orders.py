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
from ansible_collections.flaskops.stack.plugins.module_utils.tls.wanted import exposed
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


@pytest.mark.parametrize(
    ("name", "mode"), [("live/key.pem", 0o644), ("live/fullchain.pem", 0o666), ("live/on.conf", 0o777), ("live/", 0o755), ("", 0o755)]
)
def test_the_permissions_of_a_certificate_are_mended_and_it_is_not_made_anew(root, made, name, mode):
    nginx = Nginx()
    carry_out([order("shop")], nginx, root)
    places = CertificatePlaces("shop", root)
    path = os.path.realpath(f"{places.directory}/{name}")
    before = os.stat(path).st_mode & 0o777
    os.chmod(path, mode)
    assert exposed([order("shop")], root) == {"shop": [path]}
    predicted = predict([order("shop")], root)
    assert predicted.changed
    assert os.stat(path).st_mode & 0o777 == mode
    result = carry_out([order("shop")], nginx, root)
    assert result.changed
    assert [shown["before_header"] for shown in result.diff] == [path]
    assert result.diff == predicted.diff
    assert os.stat(path).st_mode & 0o777 == before
    assert (len(made), nginx.reloads) == (1, 1)
    assert not carry_out([order("shop")], nginx, root).changed


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_key_that_was_given_away_is_taken_back(root, made):
    carry_out([order("shop")], Nginx(), root)
    key = CertificatePlaces("shop", root).live_file("key.pem")
    os.chown(key, 65534, 65534)
    assert carry_out([order("shop")], Nginx(), root).changed
    assert (os.stat(key).st_uid, os.stat(key).st_gid) == (0, 0)


def test_a_link_to_elsewhere_in_the_place_of_the_live_certificate_is_not_followed(root, tmp_path):
    places = CertificatePlaces("shop", root)
    os.makedirs(places.directory, 0o700)
    (tmp_path / "other").mkdir(0o755)
    (tmp_path / "other/key.pem").touch(0o644)
    os.symlink("../../other", places.live)
    places.protect()
    assert os.stat(tmp_path / "other/key.pem").st_mode & 0o777 == 0o644
