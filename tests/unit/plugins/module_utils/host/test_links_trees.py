# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Trees that change hands while a process of their user is at work in them, at every point between two calls of root."""

from __future__ import annotations

import contextlib
import itertools
import os
import resource
import shutil
import stat
import typing as t
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import trees
from ansible_collections.flaskops.stack.plugins.module_utils.host.trees import TreeError, copy_from_user, give_to_user
from ansible_collections.flaskops.stack.tests.unit.hostile import STRANGER, in_time, meanwhile, needs_root

pytestmark = needs_root
ENTRIES = ("file", "script", "directory", "directory/file", "directory/deeper", "directory/deeper/file")


@pytest.fixture
def precious(memory) -> Path:
    """A file of root's that must stay as it is."""
    memory.chmod(0o755)
    path = memory / "precious"
    path.write_text("root's own")
    path.chmod(0o600)
    return path


@pytest.fixture
def tree(memory) -> t.Callable[[int], Path]:
    """Make a small tree of somebody's, in place of the one before."""

    def tree(owner: int) -> Path:
        memory.chmod(0o755)
        top = memory / "tree"
        shutil.rmtree(top, ignore_errors=True)
        (top / "directory/deeper").mkdir(parents=True)
        for name in ENTRIES:
            if not (top / name).is_dir():
                (top / name).write_text(name)
                (top / name).chmod(0o755 if name == "script" else 0o644)
        (top / "link").symlink_to("file")
        for path in [top, *top.rglob("*")]:
            os.chown(path, owner, owner, follow_symlinks=False)
        return top

    return tree


def at_every_step(monkeypatch, work: t.Callable[[], None], act: t.Callable[[], None], prepare: t.Callable[[], None]) -> t.Iterator[int]:
    """Do the work again and again, with an act of the stranger at one step more each time; yield after each of them."""
    for step in itertools.count():
        prepare()
        left = [step]

        def once(left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == -1:
                act()

        with monkeypatch.context() as watched:
            meanwhile(watched, STRANGER, once)
            # Whatever is no longer what it was may be an error.
            with contextlib.suppress(OSError):
                work()
        yield step
        if left[0] >= 0:
            assert step > 40, "there are steps"
            return


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.parametrize("kind", ["link", "pipe", "directory link"])
@pytest.mark.parametrize("way", ["to the user", "to root"])
def test_a_name_that_becomes_something_else_leads_root_nowhere(memory, tree, precious, monkeypatch, name, kind, way):
    where = memory / "tree" / name
    (memory / "elsewhere").mkdir()
    (memory / "elsewhere/file").write_text("root's own")
    (memory / "elsewhere/file").chmod(0o600)

    def exchange() -> None:
        os.rename(where, where.with_name("aside"))
        if kind == "pipe":
            os.mkfifo(where)
        else:
            where.symlink_to(precious if kind == "link" else memory / "elsewhere")

    def work() -> None:
        if way == "to the user":
            give_to_user(str(memory / "tree"), STRANGER, STRANGER)
        else:
            copy_from_user(str(memory / "tree"), str(memory / "copy"), STRANGER)

    def prepare() -> None:
        shutil.rmtree(memory / "copy", ignore_errors=True)
        tree(0 if way == "to the user" else STRANGER)

    for step in at_every_step(monkeypatch, lambda: in_time(work), exchange, prepare):
        for path in (precious, memory / "elsewhere/file"):
            status = path.lstat()
            assert (path.read_text(), status.st_uid, stat.S_IMODE(status.st_mode)) == ("root's own", 0, 0o600), f"step {step}"
        copied = [path for path in (memory / "copy").rglob("*") if path.is_file() and not path.is_symlink()]
        assert "root's own" not in [path.read_text() for path in copied], f"step {step}"
        assert stat.S_IMODE((memory / "elsewhere").stat().st_mode) == 0o755
        assert (memory / "elsewhere").stat().st_uid == 0


@pytest.mark.parametrize("act", ["chmod", "create", "create deep"])
@pytest.mark.parametrize("name", ["", *ENTRIES])
def test_what_the_user_does_meanwhile_gives_him_nothing(memory, tree, monkeypatch, name, act):
    where = memory / "tree" / name

    def change() -> None:
        if act == "chmod":
            where.chmod(0o6777)
        elif act == "create":
            (where / "late").touch()
            (where / "late").chmod(0o6777)
        else:
            (where / "late").mkdir()
            (where / "late").chmod(0o7777)
            (where / "late/file").touch()

    def prepare() -> None:
        shutil.rmtree(memory / "copy", ignore_errors=True)
        tree(STRANGER)

    def work() -> None:
        copy_from_user(str(memory / "tree"), str(memory / "copy"), STRANGER)

    for step in at_every_step(monkeypatch, work, change, prepare):
        for path in [memory / "copy", *(memory / "copy").rglob("*")]:
            status = path.lstat()
            assert (status.st_uid, status.st_gid) == (0, 0), f"step {step}: {path}"
            assert stat.S_ISLNK(status.st_mode) or status.st_mode & 0o7022 == 0, f"step {step}: {path}"


def test_a_tree_goes_to_its_user_and_back(tree, memory):
    top = tree(0)
    give_to_user(str(top), STRANGER, STRANGER + 1)
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in [top, *top.rglob("*")]} == {(STRANGER, STRANGER + 1)}
    copy = memory / "copy"
    copy_from_user(str(top), str(copy), STRANGER)
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in [copy, *copy.rglob("*")]} == {(0, 0)}
    assert [stat.S_IMODE((copy / name).stat().st_mode) for name in ("file", "script", "directory")] == [0o644, 0o755, 0o755]
    assert (copy / "link").readlink() == Path("file")
    assert sorted(path.relative_to(copy) for path in copy.rglob("*")) == sorted(path.relative_to(top) for path in top.rglob("*"))
    assert (copy / "file").read_bytes() == (top / "file").read_bytes()
    assert (copy / "file").stat().st_mtime_ns == (top / "file").stat().st_mtime_ns, "compiled code is valid for this time"


@pytest.mark.parametrize(
    "work", [lambda top: give_to_user(top, STRANGER, STRANGER), lambda top: copy_from_user(top, f"{top}.copy", STRANGER)]
)
def test_a_tree_that_is_a_link_itself_is_refused(memory, tree, work):
    tree(STRANGER)
    (memory / "linked").symlink_to("tree")
    with pytest.raises(NotADirectoryError):
        work(str(memory / "linked"))


def test_the_root_of_a_deep_tree_is_named(memory):
    top = memory / "tree"
    (top / "/".join(["d"] * 200)).mkdir(parents=True)
    with pytest.raises(
        TreeError, match="^below 'd/d/d/d' there are more than 128 directories inside each other; have nothing make so many$"
    ):
        copy_from_user(str(top), str(memory / "copy"), 0)


def test_few_descriptors_do_for_many_directories(memory):
    for number in range(300):
        (memory / f"tree/{number}/inner").mkdir(parents=True)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, limits[1]))
    try:
        copy_from_user(str(memory / "tree"), str(memory / "copy"), 0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_what_cannot_be_removed_is_told(memory):
    (memory / "tree").write_text("x")
    trees.remove(str(memory / "tree"))
    trees.remove(str(memory / "tree"))
    with pytest.raises(TreeError, match="^/proc/self cannot be removed: rm: cannot remove '/proc/self': Operation not permitted$"):
        trees.remove("/proc/self")


def test_a_link_is_removed_and_not_what_it_leads_to(memory, precious):
    (memory / "tree").mkdir()
    (memory / "tree/file").symlink_to(precious)
    (memory / "link").symlink_to(".")
    for name in ("link", "tree"):
        trees.remove(str(memory / name))
    assert precious.exists()
    assert sorted(os.listdir(memory)) == ["precious"]


def test_a_file_that_grows_while_it_is_read_has_an_end(memory, monkeypatch):
    (memory / "tree").mkdir()
    path = memory / "tree/log"
    path.write_text("x" * 10)
    real = os.read

    def growing(file, size):
        with path.open("a") as more:
            more.write("y" * 1000)
        return real(file, size)

    monkeypatch.setattr(trees.os, "read", growing)
    in_time(lambda: copy_from_user(str(memory / "tree"), str(memory / "copy"), 0, dated=True))
    assert path.stat().st_size < 5000


def test_names_beyond_what_is_copied_are_not_kept_in_memory(memory, tree, monkeypatch):
    """A build can make tens of millions of names."""
    top = tree(STRANGER)
    monkeypatch.setattr(trees, "_MOST_ENTRIES", 2)
    listed, scandir = [], os.scandir

    class Counted:
        def __init__(self, place):
            self.real = scandir(place)

        def __enter__(self):
            return (listed.append(entry.name) or entry for entry in self.real)

        def __exit__(self, *_error):
            self.real.close()

    monkeypatch.setattr(trees.os, "scandir", Counted)
    with pytest.raises(TreeError, match=r"^a release and its virtualenv may have 2 files each. Keep data in shared/$"):
        copy_from_user(str(top), str(memory / "copy"), STRANGER)
    assert len(listed) == 3
