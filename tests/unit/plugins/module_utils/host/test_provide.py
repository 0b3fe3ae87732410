# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The directories and files that a host lacks are made as they are wanted, and systemd reads its own."""

from __future__ import annotations

import errno
import grp
import os
import stat
import typing as t

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import provide as providing
from ansible_collections.flaskops.stack.plugins.module_utils.host import systemd
from ansible_collections.flaskops.stack.plugins.module_utils.host.lacks import wrong_files
from ansible_collections.flaskops.stack.plugins.module_utils.host.provide import ProvideError, differences, provide

GROUP = grp.getgrgid(os.getgid()).gr_name


@pytest.fixture
def done(tmp_path, monkeypatch) -> list[t.Any]:
    """The owners that directories got, and when systemd read its settings; the test need not be root's."""
    made: list[t.Any] = []
    monkeypatch.setattr(systemd, "UNIT_DIR", str(tmp_path / "units"))
    monkeypatch.setattr(systemd, "UNREAD", str(tmp_path / "unread"))
    monkeypatch.setattr(systemd, "daemon_reload", lambda: made.append("systemd reads"))
    monkeypatch.setattr(os, "fchown", lambda descriptor, user, group: made.append((_name(descriptor), user, group)))
    return made


def _name(descriptor: int) -> str:
    return os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_directories_get_their_owner_group_and_permissions_under_any_umask(tmp_path, done):
    (tmp_path / "there").mkdir(mode=0o777)
    before = os.umask(0o077)
    try:
        provide({str(tmp_path / "there"): "0755", str(tmp_path / "new"): f"0750 {GROUP}"}, {})
    finally:
        os.umask(before)
    assert (mode(tmp_path / "there"), mode(tmp_path / "new")) == (0o755, 0o750)
    assert done == [("there", 0, grp.getgrnam("root").gr_gid), ("new", 0, os.getgid())]


def test_the_directory_that_an_administrator_has_linked_to_is_taken(tmp_path, done):
    (tmp_path / "disk").mkdir(mode=0o700)
    (tmp_path / "cache").symlink_to("disk")
    provide({str(tmp_path / "cache"): "0755"}, {})
    assert (tmp_path / "cache").is_symlink()
    assert mode(tmp_path / "disk") == 0o755
    assert done == [("disk", 0, 0)]


def test_files_are_for_everybody_to_read_and_systemd_reads_its_own(tmp_path, done):
    files = {str(tmp_path / "tmpfiles/nginx.conf"): "d /run/x\n"}
    before = os.umask(0o077)
    try:
        provide({}, files)
        assert "systemd reads" not in done
        files[str(tmp_path / "units/nginx.service.d/flaskops.conf")] = "[Service]\n"
        provide({}, files)
    finally:
        os.umask(before)
    assert wrong_files(files) == []
    assert done.count("systemd reads") == 1
    unit = tmp_path / "units/nginx.service.d/flaskops.conf"
    assert (mode(unit), mode(unit.parent)) == (0o644, 0o755)


def test_units_that_systemd_could_not_read_are_wrong_until_it_has(tmp_path, done, monkeypatch):
    """It refuses to where /run is full, and a run can be killed before it has asked."""
    files = {str(tmp_path / "units/nginx.service.d/flaskops.conf"): "[Service]\n", str(tmp_path / "other"): "x"}

    def refuse() -> None:
        raise systemd.SystemdError("not enough space available on /run/systemd/")

    with monkeypatch.context() as full:
        full.setattr(systemd, "daemon_reload", refuse)
        with pytest.raises(systemd.SystemdError):
            provide({}, files)
    assert wrong_files(files) == [next(iter(files))]
    provide({}, files)
    assert wrong_files(files) == []
    assert done.count("systemd reads") == 1


def test_what_cannot_be_made_is_named(tmp_path, done, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(ProvideError, match=r"/file cannot be made: Not a directory$"):
        provide({str(tmp_path / "file"): "0755"}, {})
    with pytest.raises(ProvideError, match=r"/file/unit cannot be made: File exists \(.*/file\)$"):
        provide({}, {str(tmp_path / "file/unit"): ""})
    with pytest.raises(ProvideError, match="/new cannot be made: the host has no group no-such-group; make the group"):
        provide({str(tmp_path / "new"): "0750 no-such-group"}, {})

    def full(*_args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(providing, "write_atomically", full)
    with pytest.raises(ProvideError, match="/a cannot be made: No space left on device"):
        provide({}, {str(tmp_path / "a"): ""})


def test_the_difference_has_the_texts_of_files_and_the_permissions_of_directories(tmp_path):
    (tmp_path / "a").write_text("old\n")
    found = differences({"/run/x": "0750 www-data"}, {str(tmp_path / "a"): "new\n", str(tmp_path / "b"): "b\n"})
    assert [(one["before"], one["after"]) for one in found] == [("", "directory 0750 www-data\n"), ("old\n", "new\n"), ("", "b\n")]
    assert [one["after_header"] for one in found] == ["/run/x", str(tmp_path / "a"), str(tmp_path / "b")]
