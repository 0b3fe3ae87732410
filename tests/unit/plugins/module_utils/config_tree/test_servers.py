# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Directories of others' files that a file includes: who does so when a call names a part of the owners only."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import ConfigTreeError, Entry, Manifest, TreeRequest
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.servers import settle

ROOT = [Entry("sites/root", "root", b"server", serves=("shared",))]
SHOP = [Entry("shared/shop", "shop", b"shop"), Entry("sites/spare", "server", b"spare", serves=("shared",), spare=True)]
BLOG = [Entry("shared/blog", "blog", b"blog"), *SHOP[1:]]


def manifest(*entries: Entry) -> Manifest:
    return Manifest({entry.path: entry.record() for entry in entries})


def call(entries: list[Entry], *owners: str, known: list[Entry] = ()) -> tuple[list[str], set[str]]:
    found, gone = settle(TreeRequest("/etc/nginx", entries, owners=list(owners)), manifest(*known))
    return [entry.path for entry in found], set(gone) - set(owners)


def test_a_spare_file_is_there_while_nobody_else_serves():
    assert call([*SHOP, BLOG[0]], "shop", "blog") == (["shared/shop", "sites/spare", "shared/blog"], set())


def test_a_spare_file_is_left_out_where_another_serves():
    assert call([*ROOT, *SHOP], "root", "shop") == (["sites/root", "shared/shop"], set())


def test_it_is_left_out_also_where_the_other_is_not_named():
    assert call(SHOP, "shop", known=[*ROOT, SHOP[0]]) == (["shared/shop"], set())


def test_another_that_comes_takes_its_place():
    assert call(ROOT, "root", known=SHOP) == (["sites/root"], {"server"})


def test_it_goes_with_the_last_file():
    assert call([], "shop", known=[*SHOP, BLOG[0]]) == ([], set())
    assert call([], "shop", "blog", known=[*SHOP, BLOG[0]]) == ([], {"server"})


def test_what_serves_others_does_not_go_alone():
    with pytest.raises(
        ConfigTreeError, match="'root' has the server through which blog, shop can be reached, so it cannot go alone; run with a list"
    ):
        call([], "root", known=[*ROOT, SHOP[0], BLOG[0]])


def test_it_goes_with_them_or_while_another_comes():
    known = [*ROOT, SHOP[0]]
    assert call([], "root", "shop", known=known) == ([], set())
    assert call(SHOP, "root", "shop", known=known) == (["shared/shop", "sites/spare"], set())
