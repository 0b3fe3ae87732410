# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The packages in a virtualenv are read from its files, whatever they are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app.package_names import normal_name
from ansible_collections.flaskops.stack.plugins.module_utils.host.trees import TreeError
from ansible_collections.flaskops.stack.plugins.module_utils.release import installed as installed_module
from ansible_collections.flaskops.stack.plugins.module_utils.release.installed import Distribution, installed, pins
from ansible_collections.flaskops.stack.tests.unit.hostile import in_time

METADATA = "Metadata-Version: 2.4\nName: {}\nVersion: {}\nSummary: it says Name: other\n\nName: not this\nVersion: 0\n"


@pytest.fixture
def packages(tmp_path) -> Path:
    """The directory of packages of a virtualenv in `tmp_path`."""
    place = tmp_path / "lib/python3.12/site-packages"
    place.mkdir(parents=True)
    return place


def describe(packages: Path, name: str, version: str, **more: str) -> Path:
    directory = packages / f"{name}-{version}.dist-info"
    directory.mkdir(parents=True)
    (directory / "METADATA").write_text(METADATA.format(name, version))
    for file, text in more.items():
        (directory / file.replace("_json", ".json")).write_text(text)
    return directory


def test_it_is_what_pip_freeze_prints():
    """The virtualenv of these tests has packages of every kind that is installed today."""
    printed = subprocess.run([sys.executable, "-m", "pip", "freeze"], check=True, capture_output=True, text=True).stdout
    frozen = [line for line in printed.splitlines() if "==" in line and not line.startswith("-e")]
    ours = [pin for name, pin in pins(installed(sys.prefix)) if name not in ("setuptools", "wheel")]
    theirs = [line for line in frozen if normal_name(line.partition("==")[0]) not in ("pip", "setuptools", "wheel")]
    assert {normal_name(pin) for pin in ours} == {normal_name(line) for line in theirs}
    assert len(ours) > 20


def test_metadata_of_wheels_of_eggs_and_of_distutils(packages, tmp_path):
    describe(packages, "Flask", "3.1.3")
    (packages / "old-1.0.egg-info").mkdir()
    (packages / "old-1.0.egg-info/PKG-INFO").write_text(METADATA.format("old", "1.0"))
    (packages / "older-0.9.egg-info").write_text(METADATA.format("older", "0.9"))
    assert [line for _name, line in pins(installed(str(tmp_path)))] == ["Flask==3.1.3", "old==1.0", "older==0.9"]


def test_what_came_from_a_path_is_there_and_no_constraint(packages, tmp_path):
    describe(packages, "local", "1.0", direct_url_json='{"url": "file:///x"}')
    assert installed(str(tmp_path)) == [Distribution("local", "1.0", direct=True)]
    assert pins(installed(str(tmp_path))) == []


@pytest.mark.parametrize(("python", "listed"), [("python3.11", ["flask"]), ("python3.12", ["flask", "setuptools"])])
def test_installers_are_left_out_as_pip_does(tmp_path, python, listed):
    for name in ("pip", "setuptools", "flask"):
        describe(tmp_path / "lib" / python / "site-packages", name, "1")
    assert sorted(one.name for one in installed(str(tmp_path))) == listed


@pytest.mark.parametrize(
    "text",
    ["", "Name: x\n", "Version: 1\n", "\n\nName: x\nVersion: 1\n", "Name\nVersion\n", "\0" * 100, f"Summary: {'x' * 70000}\nName: x\n"],
)
def test_metadata_without_name_and_version_is_passed_over(packages, tmp_path, text):
    (describe(packages, "x", "1") / "METADATA").write_text(text)
    assert installed(str(tmp_path)) == []


@pytest.mark.parametrize("version", ["1 --index-url=http://evil.example", "1\tx", "latest", "1; os_name", "../x"])
def test_a_version_that_is_none_is_no_constraint(packages, tmp_path, version):
    (packages / "x.dist-info").mkdir()
    (packages / "x.dist-info/METADATA").write_text(METADATA.format("x", version))
    assert pins(installed(str(tmp_path))) == []


@pytest.mark.parametrize("how", ["pipe", "link", "directory", "link to a directory", "nothing"])
def test_what_is_no_file_is_neither_waited_for_nor_followed(packages, tmp_path, how):
    """The virtualenv is the application's user's while gevent is still to be installed."""
    real = describe(tmp_path, "secret", "1")
    target = packages / "x.dist-info"
    if how == "link to a directory":
        target.symlink_to(real)
    else:
        target.mkdir()
    if how == "pipe":
        os.mkfifo(target / "METADATA")
    elif how == "link":
        (target / "METADATA").symlink_to(real / "METADATA")
    elif how == "directory":
        (target / "METADATA").mkdir()
    assert in_time(lambda: installed(str(tmp_path)), 10) == []


def test_packages_without_end_are_told(packages, tmp_path, monkeypatch):
    monkeypatch.setattr(installed_module, "_MOST", 2)
    for number in range(3):
        describe(packages, f"x{number}", "1")
    with pytest.raises(TreeError, match="more than 2 packages; have the requirements install fewer"):
        installed(str(tmp_path))
