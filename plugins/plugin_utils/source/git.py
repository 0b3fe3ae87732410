# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sources from git repositories."""

from __future__ import annotations

import io
import os
import posixpath
import re
import subprocess
import tarfile
import typing as t
from collections.abc import Mapping, Sequence
from pathlib import Path

from .cache import local_path, locked, short_digest, without_password
from .tree import SourceError, Tree, tar_writer

# Set in hooks of git (git-rev-parse(1), --local-env-vars); they would name another repository than the one that is meant.
_LOCAL_TO_A_REPOSITORY = {
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
}
# What a user's own configuration would change in the files of a commit.
_PLAIN = ("-c", "core.autocrlf=false", "-c", "core.eol=lf", "-c", "core.attributesFile=/dev/null")
_FULL_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class GitTree(Tree):
    """A commit in a repository on the controller; git's own tree id is its digest."""

    def __init__(self, repository: Path, commit: str, subdir: str = "") -> None:
        self.repository, self.commit, self.subdir = repository, commit, _in_git(subdir)
        try:
            self._tree = git(repository, "rev-parse", "--verify", "--quiet", f"{commit}:{self.subdir}").decode().strip()
            kind = git(repository, "cat-file", "-t", self._tree).decode().strip()
        except subprocess.CalledProcessError:
            kind = "nothing"
        if kind != "tree":
            says = "is not in" if kind == "nothing" else "is not a directory in"
            raise SourceError("subdir", f"'{subdir}' {says} commit {commit[:12]}", "name a directory of the repository")

    @property
    def digest(self) -> str:
        return self._tree

    @property
    def revision(self) -> str:
        return self.commit

    def read(self, path: str) -> bytes | None:
        try:
            return git(self.repository, "cat-file", "blob", f"{self.commit}:{_in_git(posixpath.join(self.subdir, path))}")
        except subprocess.CalledProcessError:
            return None

    def write_tar(self, target: Path) -> None:
        # A tree instead of a commit: archive members get the current time, so it is normalised by repacking.
        packed = git(self.repository, *_PLAIN, "archive", "--format=tar", self.digest)
        with tarfile.open(fileobj=io.BytesIO(packed)) as source, tar_writer(target) as tar:
            for member in source:
                if member.isdir():
                    continue
                info = tarfile.TarInfo(member.name)
                info.type, info.linkname, info.size = member.type, member.linkname, member.size
                info.mode = 0o755 if member.mode & 0o100 else 0o644
                tar.addfile(info, source.extractfile(member) if member.isreg() else None)


def _in_git(path: str) -> str:
    """Return a path as git writes it in a tree: normalised, and empty for the root."""
    normal = posixpath.normpath(path) if path else ""
    return "" if normal == "." else normal


def git(repository: Path, *arguments: str) -> bytes:
    """Run git on a bare repository and return what it prints.

    :raises subprocess.CalledProcessError: with git's own words in ``stderr``
    """
    # No prompt: a run must not wait for a password that nobody is there to type.
    inherited = {name: value for name, value in os.environ.items() if name not in _LOCAL_TO_A_REPOSITORY}
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")}
    done = subprocess.run(["git", "-C", str(repository), *arguments], check=True, capture_output=True, env={**inherited, **quiet})
    return done.stdout


def from_git(source: Mapping[str, t.Any], search: Sequence[Path], cache: Path, run: Path) -> Tree:
    url, version = source["git"], source["version"]
    if "://" not in url and ":" not in url:
        url = str(local_path(url, search, "git"))
    mirror = cache / "git" / short_digest(url)
    if version.startswith("-"):
        raise SourceError("version", f"'{version}' is not a version", "name a branch, tag or commit")
    with locked(mirror):
        commit = _commit(mirror, url, version, run)
    return GitTree(mirror, commit, source["subdir"])


def _commit(mirror: Path, url: str, version: str, run: Path) -> str:
    """Return the commit that ``version`` names, fetching what the mirror lacks."""
    memo = run / f"flaskops-git-{short_digest(f'{url} {version}')}"
    if memo.exists():
        return memo.read_text()
    try:
        if not mirror.exists():
            subprocess.run(["git", "init", "--quiet", "--bare", str(mirror)], check=True, capture_output=True)
        known = _FULL_COMMIT.fullmatch(version) and _has(mirror, version)
        commit = version if known else _fetch_commit(mirror, url, version)
    except FileNotFoundError as error:
        raise SourceError("git", "the controller has no git", "install git on the controller") from error
    except subprocess.CalledProcessError as error:
        problem = f"'{without_password(url)}' at '{version}' could not be fetched ({without_password(_git_words(error))})"
        raise SourceError("git", problem, "check the URL, the version and the controller's access to it") from error
    memo.write_text(commit)
    return commit


def _fetch_commit(mirror: Path, url: str, version: str) -> str:
    try:
        git(mirror, "fetch", "--quiet", "--depth=1", url, version)
        return git(mirror, "rev-parse", "--verify", "FETCH_HEAD^{commit}").decode().strip()
    except subprocess.CalledProcessError:
        # Servers may refuse a bare commit id or an abbreviated one: look for it in the whole history.
        whole = ["--unshallow"] if (mirror / "shallow").exists() else []
        git(mirror, "fetch", "--quiet", "--tags", "--force", *whole, url, "+refs/*:refs/flaskops/*")
        return git(mirror, "rev-parse", "--verify", "--quiet", f"{version}^{{commit}}").decode().strip()


def _git_words(error: subprocess.CalledProcessError) -> str:
    """Return what git says is wrong: its first complaint, without the advice that follows."""
    lines = error.stderr.decode(errors="replace").strip().splitlines()
    complaints = [line for line in lines if line.startswith(("fatal:", "error:", "remote: "))]
    return (complaints or lines or ["there is no such branch, tag or commit"])[0]


def _has(mirror: Path, commit: str) -> bool:
    try:
        git(mirror, "cat-file", "-e", f"{commit}^{{tree}}")
    except subprocess.CalledProcessError:
        return False
    return True
