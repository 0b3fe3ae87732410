# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lock of a host, which nobody else than root makes, holds or reads."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.transaction import Transaction
from ansible_collections.flaskops.stack.plugins.module_utils.host import lock
from ansible_collections.flaskops.stack.plugins.module_utils.host.lock import held
from ansible_collections.flaskops.stack.tests.unit.hostile import STRANGER, in_time, needs_root


@pytest.fixture
def place(tmp_path) -> Path:
    return tmp_path / "flaskops"


@pytest.fixture
def precious(tmp_path) -> Path:
    """A file of root's that must stay as it is."""
    path = tmp_path / "precious"
    path.write_text("root's own")
    return path


def test_the_lock_is_in_no_directory_that_others_write_to():
    """/run/lock, /tmp and /dev/shm have mode 1777."""
    assert os.path.dirname(lock.PATH) == "/run/flaskops"


@pytest.mark.parametrize("before", [None, 0o755, 0o777])
def test_its_directory_is_roots_alone(place, before):
    if before:
        place.mkdir()
        place.chmod(before)
    with held("me", 0, str(place / "lock")):
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        assert sorted(os.listdir(place)) == ["lock", "lock.commands"]
        assert {stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()} == {0o600}


@needs_root
def test_a_strict_umask_does_not_lock_root_out(place):
    before = os.umask(0o777)
    try:
        with held("me", 0, str(place / "lock")):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["lock", "lock.commands"])
def test_a_link_in_its_place_is_not_followed(place, precious, name):
    place.mkdir()
    (place / name).symlink_to(precious)
    with pytest.raises(OSError, match="symbolic links"):
        held("me", 0, str(place / "lock")).__enter__()
    assert precious.read_text() == "root's own"


@pytest.mark.parametrize("name", ["lock", "lock.commands"])
def test_a_link_to_nothing_makes_nothing(place, tmp_path, name):
    place.mkdir()
    (place / name).symlink_to(tmp_path / "made")
    with pytest.raises(OSError, match="symbolic links"):
        held("me", 0, str(place / "lock")).__enter__()
    assert not (tmp_path / "made").exists()


def test_a_link_in_place_of_its_directory_is_not_followed(place, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    place.symlink_to("elsewhere")
    with pytest.raises(OSError, match="Not a directory"):
        held("me", 0, str(place / "lock")).__enter__()
    assert os.listdir(tmp_path / "elsewhere") == []


def test_a_pipe_in_its_place_keeps_nobody_waiting(place):
    place.mkdir()
    os.mkfifo(place / "lock.commands")

    def take() -> None:
        with held("me", 0, str(place / "lock")):
            pass

    in_time(take)


@needs_root
def test_a_directory_of_somebody_else_is_refused(place):
    place.mkdir()
    os.chown(place, STRANGER, STRANGER)
    with pytest.raises(OSError, match="The directory of the lock belongs to somebody else; remove it"):
        held("me", 0, str(place / "lock")).__enter__()
    assert os.listdir(place) == []


def test_a_failure_in_between_leaves_no_descriptor(place):
    place.mkdir()
    (place / "lock.commands").symlink_to("nowhere")
    before = len(os.listdir("/proc/self/fd"))
    for _time in range(3):
        with pytest.raises(OSError, match="symbolic links"):
            held("me", 0, str(place / "lock")).__enter__()
    assert len(os.listdir("/proc/self/fd")) == before
    assert lock.inherited() == ()


def test_the_lock_of_a_tree_of_files_is_no_link_either(tmp_path, precious):
    """The lock for nginx's files stands in a directory of root's as well."""
    transaction = Transaction.__new__(Transaction)
    transaction.name, transaction.who = "/etc/nginx", "me@here"
    transaction.state = str(tmp_path / "state/nginx")
    (tmp_path / "state").mkdir()
    (tmp_path / "state/nginx.lock").symlink_to(precious)
    with pytest.raises(OSError, match="symbolic links"), transaction._lock():
        pytest.fail("followed")


def test_a_directory_that_others_need_keeps_its_mode(tmp_path):
    """A lock in /dev once made /dev root's alone, and no other user could open /dev/null."""
    tmp_path.chmod(0o755)
    with held("me@here", 0, str(tmp_path / "lock"), for_commands=False):
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
