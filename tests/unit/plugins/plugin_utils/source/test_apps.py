# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sources of many applications: the problems of one are its own."""

from __future__ import annotations

import pytest
from ansible import constants as C
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.apps import fetch_apps, for_each, with_source
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import SourceError
from ansible_collections.flaskops.stack.tests.unit.render import complete


@pytest.fixture(autouse=True)
def _local_tmp(tmp_path, monkeypatch):
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path))


def test_sources_are_looked_for_beside_inventory_playbook_and_in_the_current_directory(tmp_path, monkeypatch):
    for place, name in (("inventory", "a"), ("playbooks", "b"), ("here", "c")):
        (tmp_path / place / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    apps = [complete(name=name, source={"path": name}) for name in "abc"]
    variables = {"inventory_dir": str(tmp_path / "inventory"), "playbook_dir": str(tmp_path / "playbooks")}
    trees, failures = fetch_apps(apps, str(tmp_path / "cache"), variables)
    assert failures == {}
    assert [trees[name].root.parent.name for name in "abc"] == ["inventory", "playbooks", "here"]


def test_a_run_without_an_inventory_file_works(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path)
    trees, _failures = fetch_apps([complete(source={"path": "a"})], "~/nowhere", {"inventory_dir": None})
    assert trees["shop"].root == tmp_path / "a"


def test_problems_are_told_with_application_key_and_remedy_and_other_sources_are_had(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fine").mkdir()
    apps = [
        complete(name="one", source={"path": "gone"}),
        complete(name="two", source={"path": "fine"}),
        complete(name="three", source={"path": None, "archive": "gone.zip"}),
    ]
    trees, failures = fetch_apps(apps, str(tmp_path), {})
    remedy = "correct the path; a relative one starts at the inventory's directory."
    assert failures == {
        "one": f"one.source.path: 'gone' does not exist (looked in {tmp_path}); {remedy}",
        "three": f"three.source.archive: 'gone.zip' does not exist (looked in {tmp_path}); {remedy}",
    }
    assert list(trees) == ["two"]


def test_all_problems_of_one_application_are_in_its_message():
    def fails(_app):
        error = SourceError("wsgi", "is wrong", "write another")
        error.others = [SourceError("path", "is wrong too", "correct it")]
        raise error

    assert for_each([complete()], fails)[1] == {"shop": "shop.wsgi: is wrong; write another.\nshop.source.path: is wrong too; correct it."}


@pytest.mark.parametrize(
    ("key", "place"),
    [("version", "shop.source.version"), ("wsgi", "shop.wsgi"), ("python", "shop.python"), ("requirements", "shop.requirements")],
)
def test_a_key_is_named_where_it_is_written(key, place):
    def fails(_app):
        raise SourceError(key, "is wrong", "write another")

    assert for_each([complete()], fails) == ({}, {"shop": f"{place}: is wrong; write another."})


def test_code_that_is_on_the_host_or_goes_away_is_not_fetched():
    apps = [complete(), complete(name="b", source={"path": None, "prebuilt": "/x", "virtualenv": "/y"}), complete(name="c", state="absent")]
    assert [app["name"] for app in with_source(apps)] == ["shop"]
