# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""config_tree: requests, the manifest, and what has to change."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree import plan as plan_module
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.plan import Planner, TreePlan
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import (
    MANIFEST,
    Absent,
    ConfigTreeError,
    Entry,
    Manifest,
    check_request,
    decode_payload,
    encode_payload,
    payload_text,
)


def shop(path: str = "sites/shop.conf", content: bytes = b"shop\n", **more: object) -> Entry:
    return Entry(path=path, owner="shop", content=content, **more)


def plan(root: Path, entries: list[Entry], absent: list[Absent] | None = None, owners: str = "shop") -> TreePlan:
    return Planner(str(root), want_diff=True).make(entries, absent or [], owners.split())


def put(root: Path, path: str, content: bytes = b"", record: str = "", digest_of: Entry | None = None) -> Path:
    """Write a file, and record it for an owner."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    target.chmod(0o644)
    if record:
        manifest = Manifest.load(str(root))
        manifest.files[path] = (digest_of or Entry(path, record, content)).record()
        (root / MANIFEST).write_text(manifest.dump())
    return target


def test_payload_keeps_entries_whole():
    entries = [shop(content="ü\udcff\0".encode("utf-8", "surrogateescape"), mode=0o600, diff=False, force=True)]
    entries.append(Entry("a", "blog", link="../b"))
    assert decode_payload(encode_payload(payload_text(entries))) == entries


def test_payload_of_others_is_refused():
    with pytest.raises(ConfigTreeError, match="action plugin"):
        decode_payload("e30=")


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/./b", "a/", MANIFEST, f"{MANIFEST}/x"])
def test_paths_outside_the_root_are_refused(path):
    with pytest.raises(ConfigTreeError, match="shop"):
        check_request([shop(path)], [])


def test_one_path_has_one_owner():
    with pytest.raises(ConfigTreeError, match="given twice, by shop and by blog"):
        check_request([shop("a"), Entry("a", "blog", b"")], [])


def test_a_file_is_no_directory():
    with pytest.raises(ConfigTreeError, match="'a/b/c' lies below 'a'"):
        check_request([shop("a"), shop("a/b/c")], [])


def test_wanted_and_absent_is_refused():
    with pytest.raises(ConfigTreeError, match="in absent"):
        check_request([shop("a")], [Absent("a")])


def test_a_damaged_manifest_is_named(tmp_path):
    (tmp_path / MANIFEST).write_text("{")
    with pytest.raises(ConfigTreeError, match="damaged"):
        plan(tmp_path, [])


def test_manifest_is_the_same_bytes_for_the_same_files():
    one, two = Manifest(), Manifest()
    one.files = {"a": shop("a").record(), "b": shop("b").record()}
    two.files = {"b": shop("b").record(), "a": shop("a").record()}
    assert one.dump() == two.dump()


def test_missing_root_means_all_is_created(tmp_path):
    got = plan(tmp_path / "none", [shop(), Entry("l", "shop", link="x")])
    assert got.created == ["sites/shop.conf", "l"]
    assert got.differs


def test_nothing_differs(tmp_path):
    put(tmp_path, "sites/shop.conf", b"shop\n", record="shop")
    got = plan(tmp_path, [shop()])
    assert not got.differs
    assert not got.manifest_changed
    assert not got.diff


@pytest.mark.parametrize("drift", ["edited", "deleted", "directory", "link", "mode"])
def test_drift_is_repaired(tmp_path, drift):
    target = put(tmp_path, "sites/shop.conf", b"shop\n", record="shop")
    if drift == "mode":
        target.chmod(0o600)
    else:
        target.unlink()
    if drift == "edited":
        put(tmp_path, "sites/shop.conf", b"shop!\n")
    if drift == "directory":
        target.mkdir()
    if drift == "link":
        target.symlink_to("nowhere")
    got = plan(tmp_path, [shop()])
    assert list(got.write) == ["sites/shop.conf"]
    assert got.drifted == ([] if drift == "mode" else ["sites/shop.conf"])
    assert got.created == (["sites/shop.conf"] if drift == "deleted" else [])


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file away")
def test_other_ownership_is_repaired(tmp_path):
    os.chown(put(tmp_path, "sites/shop.conf", b"shop\n", record="shop"), 1234, 0)
    assert plan(tmp_path, [shop()]).changed == ["sites/shop.conf"]


def test_a_changed_template_is_no_drift(tmp_path):
    put(tmp_path, "sites/shop.conf", b"old\n", record="shop")
    got = plan(tmp_path, [shop()])
    assert got.changed == ["sites/shop.conf"]
    assert got.drifted == []


def test_somebody_elses_file_is_refused_with_a_remedy(tmp_path):
    put(tmp_path, "sites/shop.conf", b"mine\n")
    with pytest.raises(ConfigTreeError, match="sites/shop.conf exists .*shop wants.*move it away.*force") as refused:
        plan(tmp_path, [shop()])
    assert "Nothing was changed" in str(refused.value)


def test_all_refusals_are_told_at_once(tmp_path):
    put(tmp_path, "a", b"mine\n")
    put(tmp_path, "b", b"mine\n")
    with pytest.raises(ConfigTreeError, match="/a exists.*/b exists"):
        plan(tmp_path, [shop("a"), shop("b")])


def test_force_replaces_it(tmp_path):
    put(tmp_path, "sites/shop.conf", b"mine\n")
    assert plan(tmp_path, [shop(force=True)]).changed == ["sites/shop.conf"]


@pytest.mark.parametrize(("packaged", "changed", "kept"), [(True, ["sites/shop.conf"], []), (False, [], ["sites/shop.conf"])])
def test_a_packaged_file_is_replaced_unless_it_was_edited(tmp_path, monkeypatch, packaged, changed, kept):
    asked: list[str] = []
    monkeypatch.setattr(plan_module, "is_as_packaged", lambda path: asked.append(path) or packaged)
    put(tmp_path, "sites/shop.conf", b"theirs\n")
    got = plan(tmp_path, [shop(if_unedited=True)])
    assert (got.changed, got.kept) == (changed, kept)
    assert ("sites/shop.conf" in got.manifest.files) == packaged, "what is kept is not ours"
    assert asked == [f"{tmp_path}/sites/shop.conf"]
    # The replaced file is saved, to come back one day.
    assert got.saved == changed


def test_once_ours_it_is_repaired(tmp_path, monkeypatch):
    monkeypatch.setattr(plan_module, "is_as_packaged", lambda _path: pytest.fail("it is known whose it is"))
    put(tmp_path, "sites/shop.conf", b"edited\n", record="shop", digest_of=shop())
    got = plan(tmp_path, [shop(if_unedited=True)])
    assert (got.changed, got.drifted, got.kept) == (["sites/shop.conf"], ["sites/shop.conf"], [])


def test_a_link_in_its_place_is_somebodys(tmp_path):
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites/shop.conf").symlink_to("elsewhere")
    assert plan(tmp_path, [shop(if_unedited=True)]).kept == ["sites/shop.conf"]


def test_an_identical_one_is_adopted(tmp_path):
    put(tmp_path, "sites/shop.conf", b"shop\n")
    got = plan(tmp_path, [shop()])
    assert got.adopted == ["sites/shop.conf"]
    assert not got.differs
    assert got.manifest_changed


def test_a_directory_with_files_is_never_replaced(tmp_path):
    put(tmp_path, "sites/shop.conf/precious", b"")
    with pytest.raises(ConfigTreeError, match="directory with files"):
        plan(tmp_path, [shop(force=True)])


def test_another_owners_file_is_refused(tmp_path):
    put(tmp_path, "sites/shop.conf", b"blog\n", record="blog")
    with pytest.raises(ConfigTreeError, match="belongs to blog"):
        plan(tmp_path, [shop()])


def test_a_file_moves_between_owners_of_one_call(tmp_path):
    put(tmp_path, "sites/shop.conf", b"blog\n", record="blog")
    got = plan(tmp_path, [shop()], owners="shop blog")
    assert got.changed == ["sites/shop.conf"]
    assert got.manifest.owner("sites/shop.conf") == "shop"


@pytest.mark.parametrize("parent", ["link", "file"])
def test_a_parent_that_is_no_directory_is_refused(tmp_path, parent):
    (tmp_path / "outside").mkdir()
    root = tmp_path / "root"
    root.mkdir()
    if parent == "link":
        (root / "sites").symlink_to(tmp_path / "outside")
    else:
        (root / "sites").write_text("")
    with pytest.raises(ConfigTreeError, match="sites is not a directory"):
        plan(root, [shop()])


def test_what_nobody_wants_any_more_is_removed(tmp_path):
    put(tmp_path, "a", b"", record="shop")
    put(tmp_path, "b", b"", record="blog")
    put(tmp_path, "c", b"")
    got = plan(tmp_path, [], owners="shop")
    assert got.removed == ["a"]
    assert list(got.manifest.files) == ["b"]


def test_removed_by_hand_is_only_forgotten(tmp_path):
    put(tmp_path, "a", b"", record="shop").unlink()
    got = plan(tmp_path, [])
    assert not got.differs
    assert got.manifest_changed
    assert got.manifest.files == {}


def test_removal_never_follows_a_link_out_of_the_tree(tmp_path):
    outside, root = tmp_path / "outside", tmp_path / "root"
    put(root, "sites/a", b"", record="shop").unlink()
    (root / "sites").rmdir()
    put(outside, "a", b"precious")
    (root / "sites").symlink_to(outside)
    assert plan(root, []).removed == []
    with pytest.raises(ConfigTreeError, match="symbolic link"):
        plan(root, [], [Absent("sites/a")])


def test_absent_removes_whoever_made_it(tmp_path):
    put(tmp_path, "sites/default", b"debian")
    assert plan(tmp_path, [], [Absent("sites/default"), Absent("sites/none")]).removed == ["sites/default"]


@pytest.mark.parametrize(
    ("target", "removed"),
    [("{root}/available/default", True), ("../available/default", True), ("/elsewhere/default", False)],
)
def test_absent_only_if_link(tmp_path, target, removed):
    (tmp_path / "enabled").mkdir()
    (tmp_path / "enabled/default").symlink_to(target.format(root=tmp_path))
    got = plan(tmp_path, [], [Absent("enabled/default", f"{tmp_path}/available/default")])
    assert got.removed == (["enabled/default"] if removed else [])


def test_absent_forgets_the_replaced_one_too(tmp_path):
    put(tmp_path, "a", b"ours")
    manifest = Manifest({"a": {**Entry("a", "shop", b"ours").record(), "saved": True}})
    (tmp_path / MANIFEST).write_text(manifest.dump())
    got = plan(tmp_path, [], [Absent("a")], owners="")
    assert (got.removed, got.forgotten, got.restored) == (["a"], [".flaskops.saved/a"], [])


def test_absent_only_if_link_keeps_a_file(tmp_path):
    put(tmp_path, "enabled/default", b"mine")
    assert not plan(tmp_path, [], [Absent("enabled/default", "../available/default")]).differs


@pytest.mark.parametrize(("packaged", "removed", "kept"), [(True, ["enabled/default"], []), (False, [], ["enabled/default"])])
def test_a_link_to_a_packaged_file_is_removed_unless_the_file_was_edited(tmp_path, monkeypatch, packaged, removed, kept):
    asked: list[str] = []
    monkeypatch.setattr(plan_module, "is_as_packaged", lambda path: asked.append(path) or packaged)
    put(tmp_path, "available/default", b"somebody's site")
    (tmp_path / "enabled").mkdir()
    (tmp_path / "enabled/default").symlink_to("../available/default")
    got = plan(tmp_path, [], [Absent("enabled/default", "../available/default", if_unedited=True)])
    assert (got.removed, got.kept) == (removed, kept)
    assert asked == [f"{tmp_path}/available/default"]


def test_a_link_that_leads_nowhere_is_removed(tmp_path):
    (tmp_path / "enabled").mkdir()
    (tmp_path / "enabled/default").symlink_to("../available/default")
    assert plan(tmp_path, [], [Absent("enabled/default", "../available/default", if_unedited=True)]).removed == ["enabled/default"]


def test_diff_is_like_the_template_modules(tmp_path):
    put(tmp_path, "sites/shop.conf", b"old\n", record="shop")
    put(tmp_path, "gone", b"bye\n", record="shop")
    got = plan(tmp_path, [shop(), Entry("l", "shop", link="x")])
    name = f"{tmp_path}/sites/shop.conf"
    by_name = {item["after_header"]: (item["before"], item["after"]) for item in got.diff}
    assert by_name == {
        name: ("old\n", "shop\n"),
        f"{tmp_path}/gone": ("bye\n", ""),
        f"{tmp_path}/l": ("", "symbolic link to x\n"),
    }


def test_diff_of_a_mode(tmp_path):
    put(tmp_path, "sites/shop.conf", b"shop\n", record="shop").chmod(0o600)
    assert plan(tmp_path, [shop()]).diff[0]["before"] == "mode: 0600\n"


def test_diff_hides_secrets_also_when_they_go(tmp_path):
    secret = shop("key", b"new hush", diff=False)
    put(tmp_path, "key", b"old hush", record="shop", digest_of=secret)
    told = json.dumps([plan(tmp_path, [secret]).diff, plan(tmp_path, []).diff])
    assert "hush" not in told
    assert "hidden" in told
