# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Questions about files to the package manager."""

from __future__ import annotations

import hashlib

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.debian import is_as_packaged

PACKAGED = "worker_processes auto;\n"


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A configuration file of the packages nginx-common and nginx-extra, as dpkg-query answers for it."""
    path = tmp_path / "nginx.conf"
    path.write_text(PACKAGED)
    digest = hashlib.md5(PACKAGED.encode()).hexdigest()
    query = tmp_path / "bin/dpkg-query"
    query.parent.mkdir()
    query.write_text(
        f"""#!/bin/sh
case "$*" in
"--search {path}") echo "nginx-common, nginx-extra: {path}" ;;
"--search "*) echo "dpkg-query: no path found" >&2; exit 1 ;;
"--show --showformat "*" nginx-common nginx-extra") printf ' {path}.old {digest}\\n\\n {path} {digest} obsolete\\n' ;;
*) exit 2 ;;
esac
"""
    )
    query.chmod(0o755)
    monkeypatch.setenv("PATH", str(query.parent), prepend=":")
    return path


def test_a_file_as_its_package_brought_it(file):
    assert is_as_packaged(str(file))


def test_a_file_that_somebody_has_edited(file):
    file.write_text(PACKAGED + "# mine\n")
    assert not is_as_packaged(str(file))


def test_a_file_that_is_gone(file):
    file.unlink()
    assert not is_as_packaged(str(file))


def test_a_file_of_no_package(file):
    other = file.with_name("other.conf")
    other.write_text(PACKAGED)
    assert not is_as_packaged(str(other))


def test_a_host_without_dpkg(file, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert not is_as_packaged(str(file))
