# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certificates go live by one rename, are tested and taken by nginx, or the ones before are back."""

from __future__ import annotations

import os
import re
import stat
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.tls.install import Installer, NewCertificate, switch
from ansible_collections.flaskops.stack.plugins.module_utils.tls.pair import CertificateError, digest, examine
from ansible_collections.flaskops.stack.plugins.module_utils.tls.places import ASKED, RESULT, ROOT, CertificatePlaces, pending
from ansible_collections.flaskops.stack.plugins.module_utils.tls.wanted import unmet
from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.app import APP
from ansible_collections.flaskops.stack.tests.unit.certificates import Pair, pair
from ansible_collections.flaskops.stack.tests.unit.killed import killed_at, lines_that_change

SHOP, NEXT, OTHER = pair("shop.test"), pair("shop.test", "www.shop.test"), pair("blog.test")


class Nginx:
    """A server that notes what is live when it is asked."""

    def __init__(self, root: str, refuses: str = "", dies: str = "") -> None:
        self.root, self.refuses, self.dies, self.calls = root, refuses, dies, []

    def test(self) -> str:
        live = CertificatePlaces("shop", self.root).live_name()
        self.calls.append(("test", live))
        if self.dies == "test":
            raise KeyboardInterrupt
        return "no" if live == self.refuses else ""

    def reload(self) -> str:
        self.calls.append(("reload", CertificatePlaces("shop", self.root).live_name()))
        if self.dies == "reload":
            raise KeyboardInterrupt
        return ""


def new(given: Pair, app: str = "shop", kind: str = "given") -> NewCertificate:
    return NewCertificate(app, kind, given.chain, given.key, examine(given.chain, given.key))


def name(given: Pair) -> str:
    return digest(given.chain, given.key)


@pytest.fixture
def root(tmp_path: Path) -> str:
    return str(tmp_path / "tls")


def wanted(given: Pair, **changes) -> dict:
    order = {"app": "shop", "kind": "given", "names": [], "digest": name(given), "chain_path": "", "key_path": "", "server": ""}
    return {**order, **changes}


def reasons(order: dict, root: str) -> dict[str, str]:
    """Return why the certificate of an application is not as wanted, by application."""
    found = unmet([order], root)
    assert found.failures == {}
    return found.reasons


def test_no_application_can_have_the_name_of_a_file_beside_their_directories(root):
    assert not [path for path in (pending(ROOT), ASKED, RESULT) if re.fullmatch(APP.keys["name"].pattern, os.path.basename(path))]
    with pytest.raises(KeyboardInterrupt):
        Installer(Nginx(root, dies="reload"), root).install([new(SHOP)])
    assert os.listdir(root) == ["shop", ".pending"] or os.listdir(root) == [".pending", "shop"]


def test_a_certificate_is_tested_and_taken_once_it_is_live(root):
    nginx = Nginx(root)
    Installer(nginx, root).install([new(SHOP)])
    assert nginx.calls == [("test", name(SHOP)), ("reload", name(SHOP))]
    assert not os.path.lexists(pending(root))
    record = CertificatePlaces("shop", root).record()
    assert (record.names, record.kind, record.digest) == (("shop.test",), "given", name(SHOP))


def test_keys_are_roots_alone(root):
    Installer(Nginx(root), root).install([new(SHOP)])
    modes = {stat.S_IMODE(os.lstat(path).st_mode) for path in Path(root).rglob("*") if path.is_file() and not path.is_symlink()}
    assert modes == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in [Path(root), *Path(root).rglob("*")] if path.is_dir()} == {0o700}


def test_what_nginx_refuses_is_taken_back(root):
    Installer(Nginx(root), root).install([new(SHOP)])
    with pytest.raises(
        CertificateError, match="^shop: the certificate was not installed; nginx refuses its configuration with this change, .*: no$"
    ):
        Installer(Nginx(root, refuses=name(NEXT)), root).install([new(NEXT)])
    assert CertificatePlaces("shop", root).live_name() == name(SHOP)
    assert not os.path.lexists(pending(root))


def test_a_refused_first_certificate_leaves_the_site_without_one(root):
    with pytest.raises(CertificateError):
        Installer(Nginx(root, refuses=name(SHOP)), root).install([new(SHOP)])
    assert not os.path.lexists(CertificatePlaces("shop", root).live)


@pytest.mark.parametrize("dies", ["test", "reload"])
def test_the_run_after_a_killed_one_has_nginx_take_the_certificate(root, dies):
    with pytest.raises(KeyboardInterrupt):
        Installer(Nginx(root, dies=dies), root).install([new(SHOP)])
    assert reasons(wanted(SHOP), root) == {"shop": "nginx has not taken it yet"}
    nginx = Nginx(root)
    assert Installer(nginx, root).settle()
    assert nginx.calls == [("reload", name(SHOP))]
    assert reasons(wanted(SHOP), root) == {}
    assert not Installer(nginx, root).settle()


class Loading:
    """A server that writes down which certificate it has loaded, so that another process can read it."""

    def __init__(self, root: str) -> None:
        self.root, self.loaded = root, Path(f"{root}.loaded")

    def test(self) -> str:
        return ""

    def reload(self) -> str:
        self.loaded.write_text(CertificatePlaces("shop", self.root).live_name())
        return ""


def test_killed_at_any_line_a_site_has_a_whole_certificate_and_the_next_run_converges(tmp_path):
    def host(number: int) -> tuple[str, t.Callable[[], None]]:
        root = str(tmp_path / str(number) / "tls")
        Installer(Loading(root), root).install([new(SHOP)])
        return root, lambda: Installer(Loading(root), root).install([new(NEXT)])

    lines = lines_that_change(tmp_path / "0", host(0)[1])
    assert len(lines) > 10
    for line in lines:
        root, install = host(line)
        killed_at(line, install)
        places = CertificatePlaces("shop", root)
        examine(*(Path(places.live_file(file)).read_text() for file in ("fullchain.pem", "key.pem")))
        assert places.record().digest == places.live_name()
        after = Installer(Loading(root), root)
        after.settle()
        assert Path(f"{root}.loaded").read_text() == places.live_name(), f"killed at line {line}"
        # The description may have been changed back meanwhile, so nothing else removes a certificate that is not live, with its key.
        assert sorted(os.listdir(places.directory)) == sorted([places.live_name(), "live"]), f"killed at line {line}"
        install()
        assert (places.live_name(), sorted(os.listdir(places.directory))) == (name(NEXT), sorted([name(NEXT), "live"]))
        assert (Path(f"{root}.loaded").read_text(), os.path.lexists(pending(root))) == (name(NEXT), False)


def test_old_certificates_and_leftovers_are_removed(root):
    Installer(Nginx(root), root).install([new(SHOP)])
    os.mkdir(f"{root}/shop/0123.partial")
    Installer(Nginx(root), root).install([new(NEXT)])
    assert sorted(os.listdir(f"{root}/shop")) == sorted([name(NEXT), "live"])


def test_a_damaged_live_certificate_is_seen_and_written_again(root):
    Installer(Nginx(root), root).install([new(SHOP)])
    os.unlink(f"{root}/shop/live/key.pem")
    assert reasons(wanted(SHOP), root) == {"shop": "there is none yet"}
    Installer(Nginx(root), root).install([new(SHOP)])
    assert reasons(wanted(SHOP), root) == {}


def test_nginx_redirects_the_names_of_the_certificate_alone():
    text = switch("shop", ["shop.test", "*.shop.test"])
    assert r'if ($host ~ "^([^.]+\.shop\.test|shop\.test)$")' in text
    assert "include flaskops/shop.tls.conf;" in text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, None),
        ({"digest": "another"}, "another one is wanted"),
        ({"kind": "self_signed", "names": ["shop.test"]}, "another one is wanted"),
    ],
)
def test_the_reason_why_a_certificate_is_not_as_wanted(root, changes, says):
    Installer(Nginx(root), root).install([new(SHOP)])
    assert reasons(wanted(SHOP, **changes), root) == ({"shop": says} if says else {})


def test_a_self_signed_certificate_is_made_again_for_other_names_and_in_time(root, monkeypatch):
    Installer(Nginx(root), root).install([new(SHOP, kind="self_signed")])
    own = {"kind": "self_signed", "names": ["shop.test"]}
    assert reasons(wanted(SHOP, **own), root) == {}
    assert reasons(wanted(SHOP, **{**own, "names": ["shop.test", "www.shop.test"]}), root) == {"shop": "it is for other names"}
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 70 * 86400)
    assert reasons(wanted(SHOP, **own), root) == {"shop": "it expires"}


def test_files_of_the_host_are_checked_and_compared(root, tmp_path):
    for file, text in (("chain", SHOP.chain), ("key", SHOP.key)):
        (tmp_path / file).write_text(text)
    files = wanted(SHOP, kind="files", digest="", chain_path=str(tmp_path / "chain"), key_path=str(tmp_path / "key"))
    assert reasons(files, root) == {"shop": "there is none yet"}
    Installer(Nginx(root), root).install([new(SHOP, kind="files")])
    assert reasons(files, root) == {}
    (tmp_path / "chain").write_text(NEXT.chain)
    other = wanted(OTHER, app="blog")
    found = unmet([files, other], root)
    assert re.match(r"shop: the certificate .*/chain has another key", found.failures["shop"])
    assert found.reasons == {"blog": "there is none yet"}, "a bad file is the failure of its application alone"
    (tmp_path / "key").unlink()
    assert re.match(r"shop: .*/key is no file of this host", unmet([files], root).failures["shop"])
