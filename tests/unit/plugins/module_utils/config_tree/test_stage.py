# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""config_tree: trees on disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree import journal, stage
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.plan import Planner
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import Entry, Manifest
from ansible_collections.flaskops.stack.plugins.module_utils.host import files


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "etc"
    (root / "deep/er").mkdir(parents=True)
    (root / "deep/er/file").write_text("text")
    (root / "deep").chmod(0o750)
    os.utime(root / "deep", (1, 1))
    (root / "link").symlink_to("/nowhere")
    os.mkfifo(root / "fifo")
    return root


def apply(root: Path, tree: Path, *entries: Entry, owners: str = "shop"):
    """Stage the files, as the transaction does between comparing and validating."""
    plan = Planner(str(root)).make(list(entries), [], [owners])
    files.copy_tree(str(root), str(tree))
    stage.apply_plan(str(tree), plan)
    return plan


@pytest.mark.parametrize("links", [True, False])
def test_a_copy_keeps_everything(root, tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(os, "link", lambda *_args, **_more: (nothing for nothing in ()).throw(OSError(errno.EXDEV, "")))
    copy = tmp_path / "copy"
    copy.mkdir()
    files.copy_tree(str(root), str(copy))
    assert os.readlink(copy / "link") == "/nowhere"
    assert (copy / "deep/er/file").read_text() == "text"
    assert (copy / "deep").stat().st_mode & 0o777 == 0o750
    assert (copy / "deep").stat().st_mtime == 1
    assert (copy / "fifo").exists() == links


def test_writing_into_the_copy_leaves_the_live_file(root, tmp_path):
    (root / "a").write_text("old")
    copy = tmp_path / "copy"
    copy.mkdir()
    plan = apply(root, copy, Entry("a", "shop", b"new", mode=0o600, force=True))
    assert (root / "a").read_text() == "old"
    assert (copy / "a").read_text() == "new"
    assert (copy / "a").stat().st_mode & 0o777 == 0o600
    assert Manifest.load(str(copy)).files == plan.manifest.files


def test_directories_are_made_and_go_when_empty(root, tmp_path):
    first, second = tmp_path / "one", tmp_path / "two"
    first.mkdir()
    second.mkdir()
    plan = apply(root, first, Entry("x/y/z", "shop", b""), Entry("deep/z", "shop", b""))
    assert plan.manifest.dirs == ["x", "x/y"]
    plan = apply(first, second)
    assert plan.manifest.dirs == []
    assert plan.dropped_dirs == ["x/y", "x"]
    assert not (second / "x").exists()
    assert (second / "deep").is_dir()


def test_a_directory_of_ours_with_a_foreign_file_stays(root, tmp_path):
    first, second = tmp_path / "one", tmp_path / "two"
    first.mkdir()
    second.mkdir()
    apply(root, first, Entry("x/z", "shop", b""))
    (first / "x/foreign").write_text("")
    plan = apply(first, second)
    assert (second / "x/foreign").exists()
    assert plan.manifest.dirs == ["x"]


def test_inventory_sees_edits_but_not_hard_links(root, tmp_path):
    before = stage.inventory(str(root))
    copy = tmp_path / "copy"
    copy.mkdir()
    files.copy_tree(str(root), str(copy))
    assert stage.inventory(str(root)) == before
    (root / "new").write_text("")
    assert stage.inventory(str(root)) != before
    (root / "new").unlink()
    os.utime(root / "deep", (1, 1))
    assert stage.inventory(str(root)) == before
    (root / "deep/er/file").chmod(0o600)
    assert stage.inventory(str(root)) != before


def test_exchange_is_one_step(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text("")
    if not files.exchange(str(tmp_path / "a"), str(tmp_path / "b")):
        pytest.skip("this filesystem cannot exchange")
    assert os.listdir(tmp_path / "a") == ["b"]
    assert os.listdir(tmp_path / "b") == ["a"]


def test_exchange_with_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        files.exchange(str(tmp_path / "a"), str(tmp_path / "b"))


def test_mounts_are_found(tmp_path):
    table = tmp_path / "mountinfo"
    table.write_text("1 0 8:1 / / rw - ext4 x rw\n2 1 8:1 / /etc/ng\\040inx/ssl rw - ext4 x rw\n3 1 8:1 / /etc/nginx2 rw\n")
    assert files.mounts_at_or_below("/etc/ng inx", str(table)) == ["/etc/ng inx/ssl"]
    assert files.mounts_at_or_below("/etc/nginx", str(table)) == []


def test_a_tree_with_a_mount_is_not_deleted(root, monkeypatch):
    monkeypatch.setattr(files, "mounts_at_or_below", lambda path: [path])
    files.remove_tree(str(root))
    assert root.exists()


def test_order_of_single_files(root, tmp_path):
    for name in ("changed", "gone"):
        (root / name).write_text("")
    manifest = Manifest({name: Entry(name, "shop", b"").record() for name in ("changed", "gone")})
    (root / ".flaskops.json").write_text(manifest.dump())
    entries = [Entry("a-link", "shop", link="new"), Entry("changed", "shop", b"x"), Entry("new", "shop", b"")]
    plan = Planner(str(root)).make(entries, [], ["shop"])
    assert journal._in_safe_order(plan) == ["new", "changed", "a-link", "gone", ".flaskops.json"]
