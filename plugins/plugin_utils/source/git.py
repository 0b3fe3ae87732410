# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sources from git repositories."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import posixpath
import re
import subprocess
import tarfile
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from .cache import local_path, locked, short_digest, without_password
from .git_command import PLAIN, git, git_remedy, git_stream, git_words
from .git_lfs import fetch_files, pointed_at
from .git_submodules import submodule_urls
from .tree import SourceError, Tree, TreeEntry, add_file, tar_writer

# More than any project has; each level is a repository to fetch.
_DEEPEST_SUBMODULE = 10
_SUBMODULE_REMEDY = (
    "see whether the controller may read that repository (git refuses directories of the controller unless protocol.file.allow is always),"
    " or write source.path with a checkout made by `git clone --recurse-submodules`"
)
_FULL_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class GitTree(Tree):
    """A commit in a repository on the controller; git's own tree id is its digest."""

    def __init__(self, repository: Path, commit: str, subdir: str = "") -> None:
        self.repository, self.commit, self.subdir = repository, commit, _in_git(subdir)
        # Trees of submodules by their path in this one. The digest covers them: a tree of git has the commits of its submodules in it.
        self.submodules: dict[str, GitTree] = {}
        # Files of Git LFS by their paths.
        self._lfs: dict[str, Path] = {}
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
        normal = _in_git(path)
        for place, tree in self.submodules.items():
            if normal.startswith(f"{place}/"):
                return tree.read(normal.removeprefix(f"{place}/"))
        if normal in self._not_packed:
            return None
        try:
            return git(self.repository, "cat-file", "blob", f"{self.commit}:{_in_git(posixpath.join(self.subdir, path))}")
        except subprocess.CalledProcessError:
            return None

    @functools.cached_property
    def _entries(self) -> list[TreeEntry]:
        """Return what is shipped, and submodules."""
        return [entry for entry in self._all_entries if entry.name not in self._not_packed]

    @functools.cached_property
    def _all_entries(self) -> list[TreeEntry]:
        listed = git(self.repository, "ls-tree", "-r", "-z", "--long", self._tree)
        entries = [entry.partition(b"\t") for entry in listed.split(b"\0") if entry]
        return [TreeEntry(*about.decode().split(), os.fsdecode(name)) for about, _tab, name in entries]

    def names(self) -> frozenset[str]:
        own = (entry.name for entry in self._entries if entry.kind == "blob")
        return frozenset([*own, *(f"{place}/{name}" for place, tree in self.submodules.items() for name in tree.names())])

    def commits_of_submodules(self) -> dict[str, str]:
        """Return the commit of each submodule by its path in this tree."""
        return {entry.name: entry.id for entry in self._entries if entry.kind == "commit"}

    def empty_submodules(self) -> list[str]:
        own = [path for path in self.commits_of_submodules() if path not in self.submodules]
        return sorted([*own, *(f"{place}/{path}" for place, tree in self.submodules.items() for path in tree.empty_submodules())])

    def small_files(self) -> Iterator[tuple[str, bytes]]:
        # A file of Git LFS that was fetched takes the place of its pointer.
        yield from ((name, content) for name, content in self._small_entries() if name not in self._lfs)
        for place, tree in self.submodules.items():
            yield from ((f"{place}/{name}", content) for name, content in tree.small_files())

    def _small_entries(self) -> Iterator[tuple[str, bytes]]:
        yield from self._contents([entry for entry in self._entries if entry.mode.startswith("100") and int(entry.size) < 1024])

    def links(self) -> dict[str, str]:
        own = {name: os.fsdecode(target) for name, target in self._contents([entry for entry in self._entries if entry.mode == "120000"])}
        below = {f"{place}/{name}": target for place, tree in self.submodules.items() for name, target in tree.links().items()}
        return {**own, **below}

    def _contents(self, entries: t.Sequence[TreeEntry]) -> Iterator[tuple[str, bytes]]:
        """Yield the names and the contents of entries, all of them asked for by one call of git."""
        if not entries:
            return
        answer = io.BytesIO(git(self.repository, "cat-file", "--batch", given="".join(f"{entry.id}\n" for entry in entries).encode()))
        for entry in entries:
            _id, _kind, size = answer.readline().split()
            yield entry.name, answer.read(int(size))
            answer.readline()

    def left_out(self) -> list[str]:
        own = (entry.name for entry in self._all_entries if entry.kind == "blob" and entry not in self._entries)
        return sorted([*own, *(f"{place}/{name}" for place, tree in self.submodules.items() for name in tree.left_out())])

    @functools.cached_property
    def _not_packed(self) -> frozenset[str]:
        """Return the paths that git leaves out of an archive (gitattributes(5), ``export-ignore``)."""
        attributes = [entry for entry in self._all_entries if posixpath.basename(entry.name) == ".gitattributes"]
        if not any(b"export-ignore" in content for _name, content in self._contents(attributes)):
            return frozenset()
        with self._archive() as packed:
            there = {member.name for member in packed}
        return frozenset(entry.name for entry in self._all_entries if entry.kind == "blob" and entry.name not in there)

    def fetch_lfs(self, url: str) -> None:
        """Fetch the files of which the commit has pointers of Git LFS; their checksums are in the commit.

        :raises SourceError: if the controller has git-lfs, and the repository does not give them
        """
        pointers = {name: checksum for name, content in self._small_entries() if (checksum := pointed_at(content))}
        if pointers:
            found = fetch_files(self.repository, url, self.commit, pointers.values())
            self._lfs = {name: found[checksum] for name, checksum in pointers.items() if checksum in found}

    def write_tar(self, target: Path) -> None:
        with tar_writer(target) as tar:
            self._pack(tar, "")

    def _pack(self, tar: tarfile.TarFile, above: str) -> None:
        """Add the files and links as git packs them, those of submodules after its own."""
        with self._archive() as packed:
            for member in packed:
                if member.isdir():
                    continue
                # A tree instead of a commit has the current time, so it is normalised by repacking.
                info = tarfile.TarInfo(f"{above}{member.name}")
                info.type, info.linkname, info.size = member.type, member.linkname, member.size
                info.mode = 0o755 if member.mode & 0o100 else 0o644
                if member.name in self._lfs:
                    with open(self._lfs[member.name], "rb") as file:
                        add_file(tar, info, file, "git")
                else:
                    tar.addfile(info, packed.extractfile(member) if member.isreg() else None)
        for place, tree in self.submodules.items():
            tree._pack(tar, f"{above}{place}/")

    @contextlib.contextmanager
    def _archive(self) -> Iterator[tarfile.TarFile]:
        """Yield the tree as git packs it, which is read in one go and never whole in memory.

        :raises SourceError: if git cannot pack it
        """
        with git_stream(self.repository, *PLAIN, "archive", "--format=tar", self.digest) as (output, ended):
            try:
                with tarfile.open(fileobj=output, mode="r|") as packed:
                    yield packed
            except tarfile.TarError:
                pass  # git has ended early, and says why
            if words := ended():
                says = f"commit {self.commit[:12]} could not be packed ({words})"
                raise SourceError("git", says, "see whether a filter in .gitattributes needs a program that the controller lacks")


def _in_git(path: str) -> str:
    """Return a path as git writes it in a tree: normalised, and empty for the root."""
    normal = posixpath.normpath(path) if path else ""
    return "" if normal == "." else normal


def from_git(source: Mapping[str, t.Any], search: Sequence[Path], cache: Path, run: Path) -> Tree:
    url, version = source["git"], source["version"]
    if "://" not in url and ":" not in url:
        url = str(local_path(url, search, "git"))
    mirror = cache / "git" / short_digest(url)
    if version.startswith("-"):
        raise SourceError("version", f"'{version}' is not a version", "name a branch, tag or commit")
    with locked(mirror):
        commit = _commit(mirror, url, version, run)
    tree = GitTree(mirror, commit, source["subdir"])
    with locked(mirror):
        tree.fetch_lfs(url)
    _fetch_submodules(tree, url, cache, run)
    return tree


def _fetch_submodules(tree: GitTree, url: str, cache: Path, run: Path, above: tuple[str, ...] = ()) -> None:
    """Fetch the submodules of a tree, and theirs, each into a mirror of its own; those without a URL stay empty.

    :param url: of the repository that the tree is from
    :param above: paths of the submodules that the tree is in
    """
    commits = tree.commits_of_submodules()
    urls = submodule_urls(tree.repository, tree.commit, url) if commits else {}
    for path, commit in commits.items():
        inner, name = urls.get(posixpath.join(tree.subdir, path)), "/".join((*above, path))
        if inner is None:
            continue
        if len(above) >= _DEEPEST_SUBMODULE:
            raise SourceError("git", f"the submodule '{name}' lies more than {_DEEPEST_SUBMODULE} submodules deep", _SUBMODULE_REMEDY)
        mirror = cache / "git" / short_digest(inner)
        try:
            with locked(mirror):
                _commit(mirror, inner, commit, run, url_of_user=False)
                tree.submodules[path] = GitTree(mirror, commit)
                tree.submodules[path].fetch_lfs(inner)
        except SourceError as error:
            raise SourceError("git", f"the submodule '{name}': {error.problem}", _SUBMODULE_REMEDY) from error
        _fetch_submodules(tree.submodules[path], inner, cache, run, (*above, path))


def _commit(mirror: Path, url: str, version: str, run: Path, url_of_user: bool = True) -> str:
    """Return the commit that ``version`` names, fetching what the mirror lacks."""
    memo = run / f"flaskops-git-{short_digest(f'{url} {version}')}"
    if memo.exists():
        return memo.read_text()
    try:
        if not mirror.exists():
            subprocess.run(["git", "init", "--quiet", "--bare", str(mirror)], check=True, capture_output=True)
        known = _FULL_COMMIT.fullmatch(version) and _has(mirror, version)
        commit = version if known else _fetch_commit(mirror, url, version, url_of_user)
    except FileNotFoundError as error:
        raise SourceError("git", "the controller has no git", "install git on the controller") from error
    except subprocess.CalledProcessError as error:
        words = without_password(git_words(error))
        problem = f"'{without_password(url)}' at '{version}' could not be fetched ({words})"
        raise SourceError("git", problem, git_remedy(words)) from error
    memo.write_text(commit)
    return commit


def _fetch_commit(mirror: Path, url: str, version: str, url_of_user: bool) -> str:
    fetch = functools.partial(git, mirror, "fetch", "--quiet", url_of_user=url_of_user)
    try:
        fetch("--depth=1", url, version)
        return git(mirror, "rev-parse", "--verify", "FETCH_HEAD^{commit}").decode().strip()
    except subprocess.CalledProcessError:
        # Servers may refuse a bare commit id or an abbreviated one: look for it in the whole history.
        whole = ["--unshallow"] if (mirror / "shallow").exists() else []
        fetch("--tags", "--force", *whole, url, "+refs/*:refs/flaskops/*")
        return git(mirror, "rev-parse", "--verify", "--quiet", f"{version}^{{commit}}").decode().strip()


def _has(mirror: Path, commit: str) -> bool:
    try:
        git(mirror, "cat-file", "-e", f"{commit}^{{tree}}")
    except subprocess.CalledProcessError:
        return False
    return True
