# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files and symlinks that are the old or the new one at any instant, and what is on the disk."""

from __future__ import annotations

import ctypes
import errno
import os
from types import SimpleNamespace

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import files
from ansible_collections.flaskops.stack.plugins.module_utils.host.files import (
    link_atomically,
    plain_umask,
    read_link,
    read_text,
    write_atomically,
)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "file")


def test_what_is_written_is_read(path):
    write_atomically(path, "caf\u00e9 \udcff\n", 0o600)
    assert read_text(path) == "caf\u00e9 \udcff\n"
    with open(path, "rb") as file:
        assert file.read() == b"caf\xc3\xa9 \xff\n"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_the_mode_does_not_depend_on_the_umask(path, mode):
    before = os.umask(0o077)
    try:
        write_atomically(path, "x", mode)
    finally:
        os.umask(before)
    assert os.stat(path).st_mode & 0o777 == mode


def test_a_secret_is_never_readable_by_others(path, monkeypatch):
    modes = []
    real = os.replace

    def replace(old, new):
        modes.append(os.stat(old).st_mode & 0o777)
        real(old, new)

    monkeypatch.setattr(os, "replace", replace)
    # An earlier run left a partial file that everybody may read.
    with open(f"{os.path.dirname(path)}/.file.partial", "w") as left:
        os.fchmod(left.fileno(), 0o666)
    write_atomically(path, "secret", 0o600)
    assert modes == [0o600]


def test_an_existing_file_is_replaced_and_not_written_into(path):
    write_atomically(path, "old", 0o644)
    with open(path) as before:
        write_atomically(path, "new", 0o600)
        assert before.read() == "old"
    assert read_text(path) == "new"


def test_a_link_is_replaced_and_not_followed(path, tmp_path):
    (tmp_path / "target").write_text("untouched")
    os.symlink("target", path)
    write_atomically(path, "new", 0o644)
    assert (tmp_path / "target").read_text() == "untouched"
    assert not os.path.islink(path)


def test_a_failure_leaves_the_old_file(path, monkeypatch):
    write_atomically(path, "old", 0o644)
    monkeypatch.setattr(os, "fsync", lambda _descriptor: (nothing for nothing in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, "new", 0o644)
    assert read_text(path) == "old"


def test_the_content_is_on_the_disk_before_it_has_the_name(path, monkeypatch):
    order = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(files.os, name, lambda *args, name=name, real=real: order.append(name) or real(*args))
    write_atomically(path, "x", 0o644)
    assert order == ["fsync", "replace"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_belongs_to_root_and_the_group(path):
    write_atomically(path, "x", 0o640, group=12345)
    assert (os.stat(path).st_uid, os.stat(path).st_gid) == (0, 12345)


@pytest.mark.parametrize("name", ["nothing", "directory", "file/below", "broken"])
def test_what_is_no_file_has_no_text(tmp_path, name):
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "broken").symlink_to("nowhere")
    assert read_text(str(tmp_path / name)) is None


def test_a_link_is_made_and_moved(path):
    assert link_atomically("one", path) is True
    assert link_atomically("one", path) is False
    assert link_atomically("two", path) is True
    assert read_link(path) == "two"


def test_a_link_is_there_all_the_time(path, monkeypatch):
    link_atomically("one", path)
    seen = []
    real = os.rename
    monkeypatch.setattr(files.os, "rename", lambda old, new: seen.append(os.readlink(path)) or real(old, new))
    monkeypatch.setattr(files.os, "unlink", lambda name: pytest.fail(f"{name} is removed"))
    link_atomically("two", path)
    assert seen == ["one"]


def test_what_a_killed_run_left_is_no_hindrance(path, tmp_path):
    (tmp_path / ".file.partial").symlink_to("left")
    link_atomically("one", path)
    write_atomically(str(tmp_path / "other"), "x", 0o600)
    assert sorted(os.listdir(tmp_path)) == ["file", "other"]


def test_a_file_becomes_a_link(path):
    write_atomically(path, "x", 0o600)
    assert link_atomically("one", path) is True
    assert read_link(path) == "one"


@pytest.mark.parametrize("name", ["nothing", "file"])
def test_what_is_no_link_says_nothing(tmp_path, name):
    (tmp_path / "file").touch()
    assert read_link(str(tmp_path / name)) is None


@pytest.mark.parametrize("fails", [False, True])
def test_a_strict_umask_is_put_back(tmp_path, fails):
    @plain_umask()
    def make() -> None:
        os.mkdir(tmp_path / "made")
        if fails:
            raise KeyError

    before = os.umask(0o077)
    try:
        make()
    except KeyError:
        assert fails
    finally:
        after = os.umask(before)
    assert after == 0o077
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o755


def test_a_file_system_is_synced(tmp_path):
    files.sync_filesystem(str(tmp_path))


def test_a_file_system_that_cannot_be_synced_is_told(tmp_path, monkeypatch):
    def syncfs(_handle):
        ctypes.set_errno(errno.EIO)
        return -1

    monkeypatch.setattr(files.ctypes, "CDLL", lambda *_args, **_kwargs: SimpleNamespace(syncfs=syncfs))
    with pytest.raises(OSError, match="Input/output error"):
        files.sync_filesystem(str(tmp_path))


def test_a_file_that_somebody_made_a_directory_is_a_file_again(path):
    os.mkdir(path)
    write_atomically(path, "x", 0o600)
    assert read_text(path) == "x"


def test_a_directory_with_something_in_it_stays(path):
    os.makedirs(f"{path}/kept")
    with pytest.raises(OSError, match="Directory not empty"):
        write_atomically(path, "x", 0o600)
    assert os.listdir(path) == ["kept"]


def test_what_is_written_through_is_on_the_disk_with_its_name(path, tmp_path, monkeypatch):
    order = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)

        def call(*args, name=name, real=real):
            order.append(f"{name} {os.readlink(f'/proc/self/fd/{args[0]}')}" if name == "fsync" else name)
            return real(*args)

        monkeypatch.setattr(files.os, name, call)
    files.write_through(path, "x", 0o600)
    assert [step.partition(" ")[0] for step in order] == ["fsync", "replace", "fsync"]
    assert order[-1] == f"fsync {tmp_path}"


def test_partials_of_one_path_are_removed_and_those_of_others_stay(path, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", lambda *_names: (nothing for nothing in ()).throw(KeyboardInterrupt))
    for name in ("file", "file2", "other.file"):
        with pytest.raises(KeyboardInterrupt):
            write_atomically(str(tmp_path / name), "x", 0o600)
    assert len(files.partials(str(tmp_path))) == 3
    files.remove_partials(path)
    left = [os.path.basename(partial) for partial in files.partials(str(tmp_path))]
    assert sorted(name.startswith(".file.") for name in left) == [False, False]
    files.remove_partials(str(tmp_path / "nowhere/file"))


@pytest.mark.parametrize("kind", ["nothing", "below a file", "file", "link", "directory"])
def test_what_is_there_is_removed_and_what_is_not_is_no_error(tmp_path, kind):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("directory")
    (tmp_path / "directory").mkdir()
    name = {"nothing": "nothing", "below a file": "file/below"}.get(kind, kind)
    files.remove_path(str(tmp_path / name))
    assert not os.path.lexists(tmp_path / name)
    assert len(os.listdir(tmp_path)) == (3 if kind in ("nothing", "below a file") else 2)


def test_a_directory_with_something_in_it_is_not_removed(tmp_path):
    (tmp_path / "directory/kept").mkdir(parents=True)
    with pytest.raises(OSError, match="Directory not empty"):
        files.remove_path(str(tmp_path / "directory"))


@pytest.mark.parametrize(("name", "names"), [("directory", ["a", "b"]), ("file", []), ("nothing", [])])
def test_names_in_a_directory_are_in_order(tmp_path, name, names):
    (tmp_path / "file").touch()
    for inner in ("b", "a"):
        (tmp_path / "directory" / inner).mkdir(parents=True)
    assert files.names_in(str(tmp_path / name)) == names
