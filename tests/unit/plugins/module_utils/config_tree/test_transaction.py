# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The transaction as a whole, also when it is refused or undone."""

from __future__ import annotations

import fcntl
import os

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree import journal, stage, tree_lock
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import ConfigTreeError, Entry, TreeRequest
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.service import Service
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.transaction import Transaction
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError
from ansible_collections.flaskops.stack.tests.unit.plugins.module_utils.config_tree.played_host import (
    FIRST,
    SECOND,
    TREE_OF_FIRST,
    TREE_OF_SECOND,
)


def test_first_change(host):
    got = host.run(FIRST)
    assert (got.changed, got.reloaded, got.validated, got.swapped) == (True, True, "namespace", host.how)
    assert host.live() == TREE_OF_FIRST
    assert host.has_loaded_its_tree()
    assert not host.leftovers()


def test_a_hundred_sites_are_checked_once(host):
    many = [Entry(f"sites/many{number}", "shop", b"many\n") for number in range(100)]
    got = host.run([*FIRST, *many])
    assert len(got.plan.created) == len(FIRST) + 100
    assert (host.checks, len(host.reloads)) == (1, 1)


def test_second_run_does_nothing(host):
    host.run(FIRST)
    before, inode = stage.inventory(str(host.root)), host.root.stat().st_ino
    got = host.run(FIRST)
    assert not got.changed
    assert not got.reloaded
    assert got.swapped == "none"
    assert len(host.reloads) == 1
    assert stage.inventory(str(host.root)) == before
    assert host.root.stat().st_ino == inode


def test_a_run_without_changes_tells_of_a_tree_that_the_service_could_not_start_with(host):
    host.run(FIRST)
    host.spoiled = f'[emerg] open() "{host.root}/enabled/gone" failed in {host.root}/foreign:3'
    got = host.run(FIRST)
    assert not got.changed
    (told,) = got.warnings
    assert told.startswith("true refuses the configuration of the host, although this run changes nothing: [emerg] open()")
    assert told.endswith("(a file that is not from this collection). nginx serves what it has loaded before, and would not start again")


def test_a_run_without_changes_fails_where_the_service_cannot_start(host):
    host.run(FIRST)
    host.active, host.spoiled = False, "[emerg] no"
    with pytest.raises(ConfigTreeError, match="this run changes nothing.*nginx does not run and cannot be started"):
        host.run(FIRST)
    host.spoiled = ""
    assert host.run(FIRST).warnings == []


def test_next_change_and_removal(host):
    host.run(FIRST)
    got = host.run(SECOND)
    assert host.live() == TREE_OF_SECOND
    assert not host.leftovers()
    assert got.plan.files() == {
        "created": ["sites/more/shop"],
        "changed": ["enabled/shop", "foreign", "sites/shop"],
        "removed": ["enabled/default", "extra/blog", "sites/blog"],
        "restored": [],
        "adopted": [],
        "kept": [],
        "drifted": [],
    }
    assert not (host.root / "extra").exists(), "a directory of ours goes with its last file"


def test_other_files_are_the_same_ones_afterwards(host):
    foreign = host.root / "foreign"
    foreign.chmod(0o640)
    os.utime(foreign, (1, 1))
    host.root.chmod(0o750)
    before = foreign.stat()
    host.run(FIRST)
    after = foreign.stat()
    assert [after.st_ino, after.st_mtime, after.st_mode] == [before.st_ino, before.st_mtime, before.st_mode]
    assert host.root.stat().st_mode & 0o777 == 0o750


def test_a_replaced_file_comes_back(host):
    foreign = host.root / "foreign"
    foreign.chmod(0o604)
    inode = foreign.stat().st_ino
    forced = Entry("foreign", "shop", b"ours\n", force=True)
    assert host.run([*FIRST, forced]).plan.files()["changed"] == ["foreign"]
    assert foreign.read_text() == "ours\n"
    assert not host.run([*FIRST, forced]).changed
    host.run([*FIRST, Entry("foreign", "shop", b"ours 2\n")])
    assert host.run(FIRST, check=True).plan.files()["restored"] == ["foreign"]
    host.run(FIRST)
    assert {"enabled/default": "-> nowhere", **host.live()} == TREE_OF_FIRST
    assert (foreign.stat().st_mode & 0o777, foreign.stat().st_ino) == (0o604, inode)
    assert not (host.root / ".flaskops.saved").exists()
    assert not host.run(FIRST).changed


def test_a_replaced_file_comes_back_when_the_reload_does_not_take(host):
    host.run(FIRST)
    host.refuse = lambda live: live["foreign"] != "foreign\n"
    with pytest.raises(ConfigTreeError, match="old tree is back"):
        host.run([*FIRST, Entry("foreign", "shop", b"ours\n", force=True)])
    assert host.live() == TREE_OF_FIRST
    assert not (host.root / ".flaskops.saved").exists()


def test_a_root_behind_a_link(host):
    real = host.root.rename(host.base / "real")
    host.root.symlink_to(real)
    host.run(FIRST)
    assert host.root.is_symlink()
    assert (real / "sites/shop").read_text() == "shop 1\n"
    with pytest.raises(ConfigTreeError, match=r"nginx/sites/shop:1 \(application shop\): `bad`"):
        host.run([Entry("sites/shop", "shop", b"bad\n")])
    assert sorted(os.listdir(host.base)) == ["etc", "loaded", "real", "state"]


def test_a_root_that_is_not_there_is_made(host):
    for path in ("foreign", "enabled/default"):
        (host.root / path).unlink()
    (host.root / "enabled").rmdir()
    host.root.rmdir()
    assert host.run(FIRST, check=True).plan.files()["created"]
    assert not host.root.exists()
    assert host.run(FIRST).changed
    assert host.live() == {path: TREE_OF_FIRST[path] for path in TREE_OF_FIRST if path not in ("foreign", "enabled/default")}


def test_a_root_made_for_a_refused_change_goes(host):
    host.root = host.root.parent / "other"
    with pytest.raises(ConfigTreeError):
        host.run([Entry("sites/shop", "shop", b"bad\n")])
    assert not host.root.exists()


def test_check_mode_predicts_and_touches_nothing(host):
    before = stage.inventory(str(host.base))
    predicted = host.run(FIRST, check=True)
    assert stage.inventory(str(host.base)) == before
    assert not host.state.exists()
    assert not host.reloads
    got = host.run(FIRST)
    assert (predicted.changed, predicted.plan.files()) == (got.changed, got.plan.files())
    assert not host.run(FIRST, check=True).changed


def test_what_the_validator_refuses_is_never_live(host):
    host.run(FIRST)
    before = stage.inventory(str(host.root))
    with pytest.raises(ConfigTreeError, match=r"true refused.*\[emerg\] bad.*\(application shop\): `bad line`"):
        host.run([Entry("sites/shop", "shop", b"bad line\n")])
    assert stage.inventory(str(host.root)) == before
    assert len(host.reloads) == 1
    assert not host.leftovers()
    assert not host.run(FIRST).changed


def test_a_validator_that_cannot_be_started_is_told_and_nothing_is_live(host):
    def cannot_start():
        raise CommandError("cannot run /usr/sbin/nginx: Exec format error")

    host.run(FIRST)
    host.on_check = cannot_start
    with pytest.raises(ConfigTreeError, match=r"^cannot run /usr/sbin/nginx: Exec format error$"):
        host.run(SECOND)
    assert host.live() == TREE_OF_FIRST
    assert not host.leftovers()


def test_a_reload_that_does_not_take_is_undone(host):
    host.run(FIRST)
    inode = (host.root / "sites/shop").stat().st_ino
    host.refuse = lambda live: live["sites/shop"] == "shop 2\n"
    with pytest.raises(ConfigTreeError, match="Job failed.*old tree is back, and the service runs.*`shop 2`"):
        host.run(SECOND)
    assert host.live() == TREE_OF_FIRST
    assert host.has_loaded_its_tree()
    assert not host.leftovers()
    assert [live["sites/shop"] for live in host.reloads] == ["shop 1\n", "shop 2\n", "shop 1\n"]
    assert (host.root / "sites/shop").stat().st_ino == inode
    assert not host.run(FIRST).changed


def test_a_service_that_takes_nothing_is_reloaded_by_the_next_run(host):
    host.run(FIRST)
    host.refuse = lambda _live: True
    with pytest.raises(ConfigTreeError, match="but with it too"):
        host.run(SECOND)
    assert host.live() == TREE_OF_FIRST
    with pytest.raises(ConfigTreeError, match="Job failed"):
        host.run(FIRST)
    host.refuse = lambda _live: False
    assert host.run(FIRST, check=True).changed
    got = host.run(FIRST)
    assert got.changed
    assert got.reloaded
    assert got.swapped == "none"
    assert not host.leftovers()
    assert not host.run(FIRST).changed


def test_the_way_back_is_known_after_a_kill(host, monkeypatch):
    """Killed while the service reloads; the next run's reload shows that it cannot take the tree."""

    def killed(_self):
        raise KeyboardInterrupt

    host.run(FIRST)
    host.refuse = lambda live: live["sites/shop"] == "shop 2\n"
    with monkeypatch.context() as patched:
        patched.setattr(Service, "reload", killed)
        with pytest.raises(KeyboardInterrupt):
            host.run(SECOND)
    assert host.live() == TREE_OF_SECOND
    with pytest.raises(ConfigTreeError, match="The old tree is back, and the service runs with it"):
        host.run(SECOND)
    assert host.live() == TREE_OF_FIRST
    assert host.has_loaded_its_tree()
    assert not host.leftovers()


def test_a_stopped_service_is_not_reloaded(host):
    host.active = False
    got = host.run(FIRST)
    assert got.changed
    assert not got.reloaded
    assert not host.reloads
    assert not host.leftovers()


def test_a_reload_that_cannot_be_asked_for_is_undone(host, monkeypatch):
    host.run(FIRST)

    def broken(_self):
        raise CommandError("cannot run systemctl")

    monkeypatch.setattr(Service, "reload", broken)
    with pytest.raises(ConfigTreeError, match="cannot run systemctl"):
        host.run(SECOND)
    assert host.live() == TREE_OF_FIRST


def test_an_edit_meanwhile_is_kept(host):
    host.run(FIRST)
    edits = iter(["edited once\n", "edited twice\n"])

    def edit():
        text = next(edits, None)
        if text:
            (host.root / "note").write_text(text)

    host.on_check = edit
    host.run(SECOND)
    assert host.live() == {**TREE_OF_SECOND, "note": "edited twice\n"}


def test_edits_without_end_are_given_up_on(host):
    host.run(FIRST)
    count = iter(range(100))
    host.on_check = lambda: (host.root / "note").write_text(str(next(count)))
    with pytest.raises(ConfigTreeError, match="keeps changing"):
        host.run(SECOND)
    assert host.live() == {**TREE_OF_FIRST, "note": "2"}
    assert not host.leftovers()


def test_adopting_changes_the_manifest_only(host):
    for name in ("sites", "extra"):
        (host.root / name).mkdir()
    for entry in FIRST:
        path = host.root / entry.path
        path.symlink_to(entry.link) if entry.link else path.write_bytes(entry.content)
    got = host.run(FIRST)
    assert got.changed
    assert got.swapped == "none"
    assert not host.reloads
    assert len(got.plan.adopted) == len(FIRST)
    assert not host.run(FIRST).changed


def test_two_runs_exclude_each_other(host, monkeypatch):
    host.run(FIRST)
    monkeypatch.setattr(tree_lock, "_SECONDS", 0)
    (lock,) = host.state.glob("*.lock")
    with lock.open() as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(ConfigTreeError, match="another run"):
            host.run(SECOND)
        assert not host.run(FIRST, check=True).changed
    host.run(SECOND)
    assert [path.name for path in host.state.iterdir()] == [lock.name]


def test_a_run_that_waits_in_vain_is_told_for_whom(host, monkeypatch):
    says = (
        rf"^another run changes the files below {host.root}: me@here since 20.*Z \(process {os.getpid()}\)\. Waited 0 s for it\. Try again"
    )
    monkeypatch.setattr(tree_lock, "_SECONDS", 0)

    def second():
        with pytest.raises(ConfigTreeError, match=says):
            host.run(SECOND)

    host.on_check = second
    host.run(FIRST)
    assert host.live() == TREE_OF_FIRST


@pytest.mark.parametrize("host", ["files"], indirect=True)
def test_a_full_disk_while_single_files_are_renamed_is_undone(host, monkeypatch):
    host.run(FIRST)
    bring = journal._bring

    def full(source, target, path):
        if target == str(host.root) and path == "enabled/shop" and "journal" not in source:
            raise OSError(28, "No space left on device")
        bring(source, target, path)

    monkeypatch.setattr(journal, "_bring", full)
    with pytest.raises(ConfigTreeError, match="No space left.*everything is as before"):
        host.run(SECOND)
    assert host.live() == TREE_OF_FIRST
    assert not host.leftovers()
    assert not host.run(FIRST).changed


@pytest.mark.parametrize("root", ["/", "relative", "/etc/.."])
def test_a_wrong_root_is_refused(tmp_path, root):
    with pytest.raises(ConfigTreeError, match="absolute path"):
        Transaction(TreeRequest(root, []), Service(""), str(tmp_path))
