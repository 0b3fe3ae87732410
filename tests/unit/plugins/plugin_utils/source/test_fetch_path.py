# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fetching sources from directories of the controller."""

from __future__ import annotations


def test_a_relative_path_starts_at_the_inventory_then_at_the_playbook(get, places):
    (places.playbooks / "shop").mkdir()
    (places.playbooks / "shop/play.py").touch()
    assert get(path="shop").root == (places.playbooks / "shop").resolve()
    (places.inventory / "shop").mkdir()
    assert get(path="shop").root == (places.inventory / "shop").resolve()


def test_an_absolute_path_and_a_home_are_taken(get, tmp_path, monkeypatch):
    (tmp_path / "shop/src").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert get(path=str(tmp_path / "shop")).root == get(path="~/shop").root == tmp_path / "shop"
    assert get(path="~/shop", subdir="src").root == tmp_path / "shop/src"


def test_what_is_excluded_is_the_users_choice(get, places):
    (places.inventory / "shop").mkdir()
    (places.inventory / "shop/a.md").touch()
    before = get(path="shop", exclude=["*.md"]).digest
    (places.inventory / "shop/b.md").touch()
    assert get(path="shop", exclude=["*.md"]).digest == before != get(path="shop").digest


def test_a_path_that_is_not_there_is_told_with_where_it_was_looked_for(refused, places):
    key, problem = refused(path="shop")
    assert key == "path"
    assert problem == f"'shop' does not exist (looked in {places.inventory}, {places.playbooks})"


def test_a_file_is_no_directory(refused, places):
    (places.inventory / "shop.tar.gz").touch()
    assert refused(path="shop.tar.gz") == ("path", "'shop.tar.gz' is not a directory")


def test_a_subdirectory_that_is_not_there_is_told(refused, places):
    (places.inventory / "shop").mkdir()
    assert refused(path="shop", subdir="src") == ("subdir", "'src' is not a directory of the source")
