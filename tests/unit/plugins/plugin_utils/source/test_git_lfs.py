# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Repositories with files in Git LFS, and with files that git does not pack.

git-lfs need not be on the machine that runs these tests: a program in its place does what it does for a repository in a directory.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tarfile
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.release.source_checks import check_source
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import SourceError
from ansible_collections.flaskops.stack.tests.unit.render import complete
from ansible_collections.flaskops.stack.tests.unit.repository import Repository

MODEL = b"a model" * 1000
CHECKSUM = hashlib.sha256(MODEL).hexdigest()
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{CHECKSUM}\nsize {len(MODEL)}\n"
ATTRIBUTES = "*.bin filter=lfs diff=lfs merge=lfs -text\ndocs export-ignore\nsecret.txt export-ignore\n"
PLAYED = """#!{python}
import os, shutil, subprocess, sys
remote = subprocess.run(["git", "config", "remote.flaskops.url"], capture_output=True, text=True, check=True).stdout.strip()
assert sys.argv[1:3] == ["fetch", "flaskops"], sys.argv
source = os.path.join(remote, ".git/lfs/objects")
if not os.path.isdir(source):
    sys.exit("error: no files for https://me:passw0rd@example.com")
shutil.copytree(source, "lfs/objects", dirs_exist_ok=True)
"""


@pytest.fixture
def repository(places) -> Repository:
    made = Repository(places.inventory / "shop")
    files = {".gitattributes": ATTRIBUTES, "app.py": "app = 1\n", "data/model.bin": POINTER, "docs/a.md": "x", "secret.txt": "x"}
    # A commit has what the filter makes of a file.
    for key in ("clean", "smudge", "process"):
        made.git("config", f"filter.lfs.{key}", "")
    made.git("config", "filter.lfs.required", "false")
    made.commit("all", files)
    place = made.place / ".git/lfs/objects" / CHECKSUM[:2] / CHECKSUM[2:4]
    place.mkdir(parents=True)
    (place / CHECKSUM).write_bytes(MODEL)
    return made


@pytest.fixture
def git_lfs(tmp_path, monkeypatch):
    """Put the program in place of git-lfs into PATH."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git-lfs").write_text(PLAYED.format(python=sys.executable))
    (tmp_path / "bin/git-lfs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")


def packed(tree, tmp_path: Path) -> dict[str, bytes]:
    tree.write_tar(tmp_path / "tree.tar.gz")
    with tarfile.open(tmp_path / "tree.tar.gz") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isreg()}


def test_files_of_git_lfs_take_the_places_of_their_pointers(get, repository, git_lfs, tmp_path):
    tree = get(git="shop", version="main")
    assert packed(tree, tmp_path) == {".gitattributes": ATTRIBUTES.encode(), "app.py": b"app = 1\n", "data/model.bin": MODEL}
    check_source(complete(wsgi="app.py", extra_requirements=["flask"]), tree)


def test_files_of_git_lfs_that_are_there_are_not_fetched_again(get, repository, git_lfs, tmp_path, monkeypatch):
    get(git="shop", version="main")
    (tmp_path / "bin/git-lfs").write_text("#!/bin/false\n")
    assert packed(get(git="shop", version="main"), tmp_path)["data/model.bin"] == MODEL


def test_a_controller_without_git_lfs_is_told_what_to_install(get, repository, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(SourceError, match=r"'data/model.bin' is a pointer of Git LFS .*; install git-lfs on the controller"):
        check_source(complete(wsgi="app.py"), get(git="shop", version="main"))


def test_a_server_that_lacks_the_files_is_told_without_its_password(get, repository, git_lfs):
    (repository.place / ".git/lfs/objects").rename(repository.place / "elsewhere")
    with pytest.raises(SourceError, match=r"could not be fetched \(error: no files for https://\*\*\*@example.com\)"):
        get(git="shop", version="main")


def test_what_git_does_not_pack_is_not_there_for_the_checks_and_is_told(get, repository, git_lfs, tmp_path):
    tree = get(git="shop", version="main")
    assert tree.names() == {".gitattributes", "app.py", "data/model.bin"}
    assert tree.left_out() == ["docs/a.md", "secret.txt"]
    assert tree.read("secret.txt") is tree.read("docs/a.md") is None
