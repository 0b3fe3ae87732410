# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fetching packages from an index, which is played."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.source import git
from ansible_collections.flaskops.stack.plugins.plugin_utils.source import package as package_module
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.package import wheel_metadata
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import SourceError
from ansible_collections.flaskops.stack.tests.unit.archives import zipped


@pytest.fixture
def index(monkeypatch):
    """A package index behind `pip download`: file by requirement and kind; returns it and the commands."""
    made = SimpleNamespace(files={}, words="ERROR: No matching distribution found for x", commands=[])

    def run(command, **_more):
        made.commands.append(command)
        kind = "wheel" if "--only-binary=:all:" in command else "sdist"
        file = made.files.get((command[-1], kind))
        if file is None:
            return subprocess.CompletedProcess(command, 1, "", f"WARNING: x\n{made.words}\n")
        (target,) = [item.removeprefix("--dest=") for item in command if item.startswith("--dest=")]
        Path(target, file).write_bytes(f"content of {file}".encode())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(git.subprocess, "run", run)
    return made


def test_a_package_is_downloaded_as_a_wheel(get, index):
    index.files[("httpbin==0.10.2", "wheel")] = "httpbin-0.10.2-py3-none-any.whl"
    tree = get(package="httpbin==0.10.2")
    assert tree.file.name == "httpbin-0.10.2-py3-none-any.whl"
    assert tree.revision == "httpbin 0.10.2"
    (command,) = index.commands
    # Any host can use it, and nothing of it runs on the controller.
    assert {"--no-deps", "--only-binary=:all:", "--platform=any", "--no-input"} <= set(command)


def test_a_package_without_a_wheel_is_downloaded_as_source(get, index):
    index.files[("old==1", "sdist")] = "old-1.tar.gz"
    assert get(package="old==1").file.name == "old-1.tar.gz"


def test_extras_are_no_part_of_what_is_downloaded(get, index):
    index.files[("httpbin==0.10.2", "wheel")] = "httpbin-0.10.2-py3-none-any.whl"
    assert get(package="httpbin[mainapp, x]==0.10.2").revision == "httpbin 0.10.2"


def test_a_package_is_downloaded_once(get, index):
    index.files[("a==1", "wheel")] = "a-1-py3-none-any.whl"
    assert get(package="a==1").digest == get(package="a==1").digest
    assert len(index.commands) == 1


def test_two_packages_are_not_mixed_up(get, index):
    index.files[("a-1==2", "wheel")] = "a_1-2-py3-none-any.whl"
    index.files[("a==1-2", "wheel")] = "a-1.post2-py3-none-any.whl"
    assert get(package="a-1==2").digest != get(package="a==1-2").digest


def test_a_package_that_is_not_there_is_told(refused, index, places):
    assert refused(package="x==1") == ("package", "'x==1' could not be downloaded (ERROR: No matching distribution found for x)")
    assert not (places.cache / "packages/x-1").exists()


def test_a_controller_without_pip_is_told(refused, index):
    index.words = "/usr/bin/python3: No module named pip"
    assert refused(package="x==1") == ("package", "the controller's Python has no pip to fetch it with")


def test_metadata_of_a_wheel_is_read(tmp_path):
    wheel = zipped(
        tmp_path / "a-1-py3-none-any.whl", {"a/__init__.py": "", "a-1.dist-info/METADATA": "Name: a\n", "a/x.dist-info/METADATA": "no"}
    )
    assert wheel_metadata(wheel) == "Name: a\n"
    assert wheel_metadata(tmp_path / "a-1.tar.gz") is None


def test_a_file_without_an_end_is_told_before_it_fills_the_controller(get, monkeypatch, tmp_path):
    """pip itself writes it, here from a directory of wheels."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    metadata = "Metadata-Version: 2.1\nName: big\nVersion: 1\n"
    zipped(
        wheels / "big-1-py3-none-any.whl",
        {
            "big.py": "x" * 3_000_000,
            "big-1.dist-info/METADATA": metadata,
            "big-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "big-1.dist-info/RECORD": "big.py,,\n",
        },
    )
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    assert get(package="big==1").file.stat().st_size > 3_000_000
    monkeypatch.setattr(package_module, "MOST_BYTES", 2_000_000)
    shutil.rmtree(next(path for path in tmp_path.rglob("*") if path.name.startswith("big-1") and path.parent != wheels).parent)
    with pytest.raises(SourceError, match="^package: the file of 'big==1' has more than 0 GiB; name another version"):
        get(package="big==1")
