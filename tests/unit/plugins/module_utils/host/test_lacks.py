# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Users, directories and packages that a host lacks, as its own files tell."""

from __future__ import annotations

import grp
import os

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import debian, systemd
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandResult
from ansible_collections.flaskops.stack.plugins.module_utils.host.lacks import wrong_directories, wrong_files

STATUS = """Package: dpkg
Status: install ok installed
Architecture: amd64

Package: nginx
Status: install ok installed
Architecture: amd64
Description: small, powerful, scalable web/proxy server
 Package: this-is-no-field
Version: 1.26

Package: logrotate
Status: deinstall ok config-files
Architecture: amd64

Package: python3-venv
Status: install ok installed
Architecture: all

Package: libfoo
Status: install ok installed
Architecture: i386
"""
STATES = """Package: python3-venv
Architecture: amd64
Auto-Installed: 1

Package: nginx
Architecture: amd64
Auto-Installed: 0
"""


@pytest.fixture
def files(tmp_path, monkeypatch):
    for name, text in (("DPKG_STATUS", STATUS), ("APT_STATES", STATES), ("OS_RELEASE", "")):
        (tmp_path / name).write_text(text)
        monkeypatch.setattr(debian, name, str(tmp_path / name))
    return tmp_path


@pytest.mark.parametrize(
    ("package", "why"),
    [
        ("gcc", "not there"),
        ("logrotate", "removed, its configuration left"),
        ("python3-venv", "came with another package and would go with it"),
        ("libfoo", "there for another architecture only"),
        ("nginx=1.26", "for apt to understand"),
        ("nginx*", "for apt to understand"),
    ],
)
def test_packages_that_apt_has_something_to_do_about(files, package, why):
    assert debian.missing_packages(["nginx", package]) == [package], why


def test_packages_of_a_host_without_their_files(files):
    for file in files.iterdir():
        file.unlink()
    assert debian.missing_packages(["nginx"]) == ["nginx"]


@pytest.mark.parametrize(
    ("text", "family", "name"),
    [
        ('PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\n', ["debian"], "Debian GNU/Linux 13 (trixie)"),
        ('ID="linuxmint"\nID_LIKE="ubuntu debian"\n', ["linuxmint", "ubuntu", "debian"], "linuxmint"),
        ("ID=fedora\n# PRETTY_NAME=no\n", ["fedora"], "fedora"),
        ("", ["linux"], "linux"),
    ],
)
def test_what_the_distribution_is(files, text, family, name):
    (files / "OS_RELEASE").write_text(text)
    assert debian.distribution() == {"family": family, "name": name}


def test_directories_that_are_not_as_they_should_be(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "stat", lambda path, stat=os.stat, **more: _of_root(stat(path, **more)))
    for name, mode in (("right", 0o755), ("open", 0o777)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
    for name in ("right", "open", "missing"):
        (tmp_path / f"link to {name}").symlink_to(name)
    names = ("right", "open", "missing", "link to right", "link to open", "link to missing")
    wanted = {str(tmp_path / name): "0755" for name in names}
    found = [os.path.basename(path) for path in wrong_directories(wanted)]
    assert found == ["open", "missing", "link to open", "link to missing"]


def test_a_directory_may_be_for_a_group(tmp_path, monkeypatch):
    status = os.stat(tmp_path)
    group = grp.getgrgid(os.getgid()).gr_name
    monkeypatch.setattr(os, "stat", lambda _path, **_more: os.stat_result((0o40750, *status[1:4], 0, os.getgid() + 1, *status[6:10])))
    assert wrong_directories({"/x": f"0750 {group}"}) == ["/x"]
    monkeypatch.setattr(os, "stat", lambda _path, **_more: os.stat_result((0o40750, *status[1:4], 0, os.getgid(), *status[6:10])))
    assert wrong_directories({"/x": f"0750 {group}"}) == []
    assert wrong_directories({"/x": "0750 nobody-has-this-group"}) == ["/x"]


def test_files_that_are_not_as_they_should_be(tmp_path):
    for name, text in (("right", "a\n"), ("other", "b\n")):
        (tmp_path / name).write_text(text)
    wanted = {str(tmp_path / name): "a\n" for name in ("right", "other", "missing")}
    assert [os.path.basename(path) for path in wrong_files(wanted)] == ["other", "missing"]


def _of_root(status: os.stat_result) -> os.stat_result:
    return os.stat_result((*status[:4], 0, 0, *status[6:10]))


def test_a_directory_of_somebody_else(tmp_path, monkeypatch):
    status = os.stat(tmp_path)
    monkeypatch.setattr(os, "stat", lambda _path, **_more: os.stat_result((0o40755, *status[1:4], 1000, 0, *status[6:10])))
    assert wrong_directories({"/x": "0755"}) == ["/x"]


def test_services_that_do_not_run_or_would_not_after_a_boot(host):
    for name in ("good", "manual"):
        host.units[f"{name}.service"] = {"ActiveState": "active"}
    for name in ("good", "down"):
        systemd.enable(f"{name}.service")
    assert systemd.idle_services(["good", "manual", "down", "unknown"]) == ["manual", "down", "unknown"]


def test_a_host_without_systemd_is_for_those_who_start_services_to_refuse(monkeypatch):
    def refuse(_units):
        raise systemd.SystemdError("no bus")

    monkeypatch.setattr(systemd, "show", refuse)
    assert systemd.idle_services(["nginx"]) == ["nginx"]


_SOURCE = " 500 https://deb.example.com/debian trixie/main amd64 Packages\n"


@pytest.mark.parametrize(
    ("sources", "unknown"), [(_SOURCE, ["nothing", "removed"]), (" 100 /var/lib/dpkg/status\n     release a=now\n", [])]
)
def test_a_package_of_no_source_is_known_once_sources_were_read(monkeypatch, sources, unknown):
    found = "there:\n  Installed: (none)\n  Candidate: 1.0\nremoved:\n  Installed: (none)\n  Candidate: (none)\n"
    policy = f"Package files:\n{sources}"
    monkeypatch.setattr(debian, "run", lambda argv, **_options: CommandResult(0, found if len(argv) > 2 else policy))
    assert debian.unknown_packages(["there", "nothing", "removed"]) == unknown
    assert debian.unknown_packages([]) == []
