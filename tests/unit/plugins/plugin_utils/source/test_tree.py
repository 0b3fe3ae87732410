# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Source trees: what they are named by, and what is shipped of them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.source import DEFAULT_EXCLUDES
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.git import GitTree
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.git_command import git
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.package import FileTree
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import DirTree, SourceError, Tree
from ansible_collections.flaskops.stack.tests.unit.repository import Repository


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A directory with a file, a script, a directory, and links to each."""
    root = tmp_path / "code"
    (root / "pkg").mkdir(parents=True)
    (root / "app.py").write_text("app = 1\n")
    (root / "pkg/mod.py").write_text("x = 1\n")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("app.py")
    (root / "pkglink").symlink_to("pkg")
    (root / "dangling").symlink_to("nowhere")
    return root


def members(tree: Tree, place: Path) -> dict[str, tarfile.TarInfo]:
    tree.write_tar(place / "tree.tar.gz")
    with tarfile.open(place / "tree.tar.gz") as tar:
        return {member.name: member for member in tar}


def contents(tree: Tree, place: Path) -> dict[str, str]:
    """Return what a tree is on the host: text, or `-> target` of a link."""
    tree.write_tar(place / "tree.tar.gz")
    with tarfile.open(place / "tree.tar.gz") as tar:
        return {member.name: f"-> {member.linkname}" if member.issym() else tar.extractfile(member).read().decode() for member in tar}


# --- directories -------------------------------------------------------------------------------------------------------------


def change_nothing(root: Path) -> None:
    pass


def touch(root: Path) -> None:
    os.utime(root / "app.py", (1, 1))


def permit(root: Path) -> None:
    (root / "app.py").chmod(0o600)
    (root / "run.sh").chmod(0o700)
    (root / "pkg").chmod(0o700)


def own(root: Path) -> None:
    if os.geteuid() == 0:
        os.chown(root / "app.py", 12345, 12345)


def compile_(root: Path) -> None:
    (root / "pkg/__pycache__").mkdir()
    (root / "pkg/__pycache__/mod.cpython-311.pyc").write_bytes(b"x")
    (root / "stray.pyc").write_bytes(b"x")


def commit(root: Path) -> None:
    (root / ".git").mkdir()
    (root / ".git/HEAD").write_text("x")
    (root / "pkg/.git").write_text("gitdir: elsewhere")


def install(root: Path) -> None:
    (root / ".venv/bin").mkdir(parents=True)
    (root / ".venv/bin/python").symlink_to("/usr/bin/python3")


def empty(root: Path) -> None:
    (root / "empty").mkdir()


def pipe(root: Path) -> None:
    os.mkfifo(root / "pipe")


@pytest.mark.parametrize("change", [change_nothing, touch, permit, own, compile_, commit, install, empty, pipe])
def test_what_is_no_code_does_not_change_the_digest(code, change):
    before = DirTree(code, DEFAULT_EXCLUDES).digest
    change(code)
    assert DirTree(code, DEFAULT_EXCLUDES).digest == before


def edit(root: Path) -> None:
    (root / "app.py").write_text("app = 2\n")


def rename(root: Path) -> None:
    (root / "app.py").rename(root / "app2.py")


def move(root: Path) -> None:
    (root / "app.py").rename(root / "pkg/app.py")


def swap(root: Path) -> None:
    one, other = (root / "app.py").read_text(), (root / "pkg/mod.py").read_text()
    (root / "app.py").write_text(other)
    (root / "pkg/mod.py").write_text(one)


def make_executable(root: Path) -> None:
    (root / "app.py").chmod(0o755)


def relink(root: Path) -> None:
    (root / "link").unlink()
    (root / "link").symlink_to("run.sh")


def replace_link(root: Path) -> None:
    (root / "link").unlink()
    (root / "link").write_text("app.py")


def relink_directory(root: Path) -> None:
    (root / "pkglink").unlink()
    (root / "pkglink").symlink_to("elsewhere")


def remove(root: Path) -> None:
    (root / "pkg/mod.py").unlink()


def add(root: Path) -> None:
    (root / "pkg/__init__.py").touch()


@pytest.mark.parametrize(
    "change",
    [edit, rename, move, swap, make_executable, relink, replace_link, relink_directory, remove, add],
    ids=lambda change: change.__name__,
)
def test_any_change_of_code_changes_the_digest(code, change):
    before = DirTree(code, DEFAULT_EXCLUDES).digest
    change(code)
    assert DirTree(code, DEFAULT_EXCLUDES).digest != before


def test_the_place_of_the_directory_does_not_change_the_digest(code, tmp_path):
    before = DirTree(code).digest
    code.rename(tmp_path / "elsewhere")
    assert DirTree(tmp_path / "elsewhere").digest == before


def test_a_revision_for_people_is_the_digest_unless_there_is_a_better_one(code):
    tree = DirTree(code)
    assert tree.revision == f"sha256:{tree.digest[:12]}"
    assert DirTree(code, revision="v1").revision == "v1"


def test_what_is_shipped_is_the_tree(code, tmp_path):
    (code / ".git").mkdir()
    (code / ".git/config").touch()
    (code / "notes.md").touch()
    os.mkfifo(code / "pipe")
    tree = DirTree(code, [".git", "*.md"])
    assert contents(tree, tmp_path) == {
        "app.py": "app = 1\n",
        "dangling": "-> nowhere",
        "link": "-> app.py",
        "pkg/mod.py": "x = 1\n",
        "pkglink": "-> pkg",
        "run.sh": "#!/bin/sh\n",
    }


def test_excluded_directories_and_links_to_directories_stay_out_too(code, tmp_path):
    assert set(contents(DirTree(code, ["pkg*"]), tmp_path)) == {"app.py", "dangling", "link", "run.sh"}


def test_files_are_read_by_their_path(code):
    tree = DirTree(code)
    assert tree.read("pkg/mod.py") == b"x = 1\n"
    assert tree.read("pkg") is None
    assert tree.read("nothing") is None


def test_a_name_that_is_no_utf8_is_a_name(code, tmp_path):
    (Path(os.fsdecode(os.fsencode(code) + b"/caf\xe9.txt"))).touch()
    (code / "odd").symlink_to(os.fsdecode(b"caf\xe9.txt"))
    tree = DirTree(code)
    assert tree.digest
    assert len(members(tree, tmp_path)) == 8


# --- git ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path, code: Path) -> Repository:
    repository = Repository(code)
    (code / "dangling").unlink()
    repository.commit("first")
    return repository


def test_a_commit_is_named_by_its_tree(repository, code):
    first = GitTree(code / ".git", repository.head())
    repository.commit("nothing changed")
    second = GitTree(code / ".git", repository.head())
    assert first.revision != second.revision
    assert first.digest == second.digest == repository.git("rev-parse", "HEAD^{tree}")
    edit(code)
    repository.commit("changed")
    assert GitTree(code / ".git", repository.head()).digest != first.digest


def test_exactly_the_commit_is_shipped(repository, code, tmp_path):
    commit_ = repository.head()
    edit(code)
    add(code)
    repository.git("add", "-A")
    (code / "untracked").touch()
    assert contents(GitTree(code / ".git", commit_), tmp_path) == {
        "app.py": "app = 1\n",
        "link": "-> app.py",
        "pkg/mod.py": "x = 1\n",
        "pkglink": "-> pkg",
        "run.sh": "#!/bin/sh\n",
    }


def test_a_directory_of_the_commit_can_be_the_tree(repository, code, tmp_path):
    tree = GitTree(code / ".git", repository.head(), "pkg")
    assert contents(tree, tmp_path) == {"mod.py": "x = 1\n"}
    assert tree.read("mod.py") == b"x = 1\n"
    assert tree.read("app.py") is None
    assert tree.digest == repository.git("rev-parse", "HEAD:pkg")


def test_a_directory_that_is_not_in_the_commit_is_told(repository, code):
    with pytest.raises(SourceError) as caught:
        GitTree(code / ".git", repository.head(), "nothing")
    assert caught.value.key == "subdir"
    assert "'nothing' is not in commit" in caught.value.problem


def test_a_file_is_no_directory_of_the_commit(repository, code, tmp_path):
    with pytest.raises(SourceError):
        GitTree(code / ".git", repository.head(), "app.py").write_tar(tmp_path / "x.tar.gz")


@pytest.mark.parametrize("subdir", ["./pkg", "pkg/.", "."])
def test_a_directory_may_be_written_in_other_ways(repository, code, subdir):
    assert GitTree(code / ".git", repository.head(), subdir)


def test_files_of_a_commit_are_read_as_those_of_a_directory_are(repository, code):
    assert GitTree(code / ".git", repository.head()).read("pkg/../app.py") == b"app = 1\n"


def test_the_users_configuration_of_git_does_not_change_what_is_shipped(repository, code, tmp_path, monkeypatch):
    tree = GitTree(code / ".git", repository.head())
    before = contents(tree, tmp_path)
    (tmp_path / "gitconfig").write_text("[core]\n\tautocrlf = true\n\teol = crlf\n[tar]\n\tumask = 0777\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    assert contents(tree, tmp_path) == before


def test_a_deployment_may_start_from_a_hook_of_git(repository, code, tmp_path, monkeypatch):
    commit_ = repository.head()
    other = Repository(tmp_path / "other")
    (tmp_path / "other/x").touch()
    other.commit("other")
    # As in a hook.
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    assert GitTree(code / ".git", commit_).read("app.py") == b"app = 1\n"


# --- what is shipped of all kinds ----------------------------------------------------------------------------------------------


@pytest.fixture
def trees(repository, code, tmp_path) -> dict[str, Tree]:
    wheel = tmp_path / "shop-1.0-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    return {
        "directory": DirTree(code, DEFAULT_EXCLUDES),
        "git": GitTree(code / ".git", repository.head()),
        "file": FileTree(wheel, "shop 1.0"),
    }


@pytest.mark.parametrize("kind", ["directory", "git", "file"])
def test_equal_trees_make_equal_archives(trees, tmp_path, kind):
    trees[kind].write_tar(tmp_path / "one.tar.gz")
    for file in (tmp_path / "code").rglob("*.py"):
        os.utime(file, (1, 1))
    trees[kind].write_tar(tmp_path / "sub.tar.gz")
    assert (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "sub.tar.gz").read_bytes()


@pytest.mark.parametrize("kind", ["directory", "git", "file"])
def test_an_archive_tells_nothing_of_the_controller(trees, tmp_path, kind):
    for member in members(trees[kind], tmp_path).values():
        assert (member.uid, member.gid, member.uname, member.gname, member.mtime) == (0, 0, "", "", 0)
        assert member.isreg() or member.issym()
        assert not member.isreg() or member.mode == (0o755 if member.name == "run.sh" else 0o644)


def test_a_directory_and_its_commit_ship_the_same(trees, tmp_path):
    assert contents(trees["directory"], tmp_path) == contents(trees["git"], tmp_path)
    assert members(trees["git"], tmp_path)["run.sh"].mode == 0o755


def test_a_distribution_file_is_named_by_its_content(trees, tmp_path):
    tree = trees["file"]
    assert tree.digest == hashlib.sha256(b"wheel").hexdigest()
    assert tree.revision == "shop 1.0"
    assert tree.read("anything") is None
    assert contents(tree, tmp_path) == {"shop-1.0-py3-none-any.whl": "wheel"}


def test_an_archive_is_there_when_it_is_complete(code, tmp_path, monkeypatch):
    target = tmp_path / "out/tree.tar.gz"
    target.parent.mkdir()
    monkeypatch.setattr(tarfile.TarFile, "addfile", lambda *_args: (nothing for nothing in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        DirTree(code).write_tar(target)
    assert list(target.parent.iterdir()) == []


def test_git_never_asks(monkeypatch, tmp_path):
    seen = {}

    def run(command, env, **_more):
        seen.update(env)
        return subprocess.CompletedProcess(command, 0, b"x")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.delenv("GIT_SSH_COMMAND", raising=False)
    assert git(tmp_path, "status") == b"x"
    assert seen["GIT_TERMINAL_PROMPT"] == "0"
    assert "BatchMode=yes" in seen["GIT_SSH_COMMAND"]
