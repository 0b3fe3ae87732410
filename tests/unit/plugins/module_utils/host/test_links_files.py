# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files and links that root makes or reads by name, in a directory where somebody else was before."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import debian, files
from ansible_collections.flaskops.stack.plugins.module_utils.host.files import link_atomically, partials, read_text, write_atomically
from ansible_collections.flaskops.stack.tests.unit.hostile import in_time


@pytest.fixture
def precious(tmp_path) -> Path:
    """A file of root's that must stay as it is."""
    path = tmp_path / "precious"
    path.write_text("root's own")
    return path


@pytest.fixture
def place(tmp_path) -> Path:
    """The directory that is written to."""
    path = tmp_path / "place"
    path.mkdir()
    return path


# --- writing -----------------------------------------------------------------------------------------------------------------


def test_a_link_where_a_partial_file_used_to_be_is_not_followed(place, precious):
    (place / ".file.partial").symlink_to(precious)
    write_atomically(str(place / "file"), "new", 0o644)
    assert precious.read_text() == "root's own"
    assert (place / "file").read_text() == "new"


@pytest.mark.parametrize("make", [write_atomically, link_atomically])
def test_no_two_partial_names_are_equal(place, monkeypatch, make):
    """A name that can be foreseen can be taken before."""
    names: list[str] = []
    for call in ("replace", "rename"):
        real = getattr(os, call)
        monkeypatch.setattr(files.os, call, lambda old, new, real=real: names.append(os.path.basename(old)) or real(old, new))
    for number in range(3):
        make(str(place / "file"), f"{number}", 0o644) if make is write_atomically else make(f"{number}", str(place / "file"))
    assert len(set(names)) == 3
    assert all(name.startswith(".file.") and name.endswith(".partial") and len(name) > 30 for name in names)


@pytest.mark.parametrize("kind", ["link", "file", "pipe"])
def test_whatever_has_the_name_already_is_refused_and_not_written_to(place, precious, monkeypatch, kind):
    """Even where somebody knows the name, root opens nothing that was there before."""
    monkeypatch.setattr(files, "_partial", lambda _path: str(place / "known"))
    if kind == "link":
        (place / "known").symlink_to(precious)
    elif kind == "pipe":
        os.mkfifo(place / "known")
    else:
        os.link(precious, place / "known")
    with pytest.raises(FileExistsError):
        in_time(lambda: write_atomically(str(place / "file"), "new", 0o644))
    with pytest.raises(FileExistsError):
        in_time(lambda: link_atomically("target", str(place / "file")))
    assert precious.read_text() == "root's own"


def test_a_failure_leaves_nothing_beside_the_old_file(place, monkeypatch):
    write_atomically(str(place / "file"), "old", 0o644)
    (place / "directory/kept").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        link_atomically("target", str(place / "directory"))
    monkeypatch.setattr(os, "fsync", lambda _descriptor: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_atomically(str(place / "file"), "new", 0o644)
    assert sorted(os.listdir(place)) == ["directory", "file"]


def test_what_killed_runs_left_is_found_and_goes_with_the_next_one(place, monkeypatch):
    for call in ("replace", "rename"):
        with monkeypatch.context() as dead:
            dead.setattr(files.os, call, lambda *_names: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                write_atomically(str(place / "file"), "x", 0o644) if call == "replace" else link_atomically("x", str(place / "link"))
    assert len(partials(str(place))) == 2
    write_atomically(str(place / "file"), "new", 0o644)
    link_atomically("new", str(place / "link"))
    assert sorted(os.listdir(place)) == ["file", "link"]


def test_what_another_run_is_writing_stays(place):
    """The process with number 1 is always there."""
    (place / ".file.1-0123456789abcdef.partial").touch()
    (place / ".file.0-0123456789abcdef.partial").touch()
    (place / ".other.0-0123456789abcdef.partial").touch()
    write_atomically(str(place / "file"), "new", 0o644)
    assert sorted(os.listdir(place)) == [".file.1-0123456789abcdef.partial", ".other.0-0123456789abcdef.partial", "file"]


def test_a_directory_is_nothing_that_a_writer_left(place):
    """In its own directory an application may make one of that name; removing it as a file would fail on every run."""
    (place / ".uwsgi.sock.partial/x").mkdir(parents=True)
    assert partials(str(place)) == []
    link_atomically("one.sock", str(place / "uwsgi.sock"))
    assert (place / "uwsgi.sock").readlink() == Path("one.sock")
    assert partials(str(place / "nowhere")) == partials(str(place / "uwsgi.sock")) == []


# --- reading -----------------------------------------------------------------------------------------------------------------


def test_a_link_is_no_file_of_ours(place, precious):
    (place / "file").symlink_to(precious)
    assert read_text(str(place / "file")) is None
    assert read_text(str(place / "file"), follow=True) == "root's own"


def test_the_distributions_own_links_are_followed(place, monkeypatch):
    """/etc/os-release is a link."""
    (place / "real").write_text("ID=debian\nPRETTY_NAME=Debian\n")
    (place / "os-release").symlink_to("real")
    monkeypatch.setattr(debian, "OS_RELEASE", str(place / "os-release"))
    assert debian.distribution() == {"name": "Debian", "family": ["debian"]}


def test_nobody_waits_for_a_writer_of_a_pipe(place):
    os.mkfifo(place / "file")
    assert in_time(lambda: read_text(str(place / "file"))) is None


def test_a_socket_or_a_device_has_no_text(place):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place / "file"))
        assert read_text(str(place / "file")) is None
    assert read_text("/dev/null") is None


def test_a_file_without_end_is_not_taken_into_memory(place):
    with open(place / "file", "wb") as file:
        file.truncate(2**40)
    with pytest.raises(OSError, match="larger than any of ours; remove it") as caught:
        in_time(lambda: read_text(str(place / "file")))
    assert caught.value.errno == errno.EFBIG


def test_text_is_read_as_it_was_written(place):
    write_atomically(str(place / "file"), "one\r\ntwo\rcaf\u00e9 \udcff\n", 0o600)
    assert read_text(str(place / "file")) == "one\r\ntwo\rcaf\u00e9 \udcff\n"
