# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at a fetched source before any host is asked: what would not arrive there, could not be installed or would not be found."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from ...module_utils.host.inner_links import leading_out
from ..requirements.callables import default_callable
from ..requirements.checks import check_lines, check_package, check_project
from ..requirements.declared import declared
from ..requirements.hashed import check_hashes
from ..requirements.lines import RequirementsFile, read_requirements
from ..requirements.locked import NOMINAL
from ..requirements.undeclared import check_named, check_undeclared
from ..source.git_lfs import pointed_at
from ..source.package import FileTree
from ..source.tree import DirTree, SourceError, Tree, unreadable_error

App = Mapping[str, t.Any]


def check_source(app: App, tree: Tree) -> None:
    """Refuse a source that cannot become what its author sees.

    :param app: a complete description
    :raises SourceError: for the first problem, with the others in it
    """
    problems = list(_problems(app, tree))
    if problems:
        problems[0].others = problems[1:]
        raise problems[0]


def _problems(app: App, tree: Tree) -> Iterator[SourceError]:
    """Yield all problems; where the source cannot be read, nothing more is known of it."""
    if isinstance(tree, FileTree):
        yield from check_package(app, tree)
        return
    found = tree.unreadable()
    if found:
        yield unreadable_error(_key(tree), found)
        return
    yield from _submodules(tree)
    yield from _lfs_pointers(tree)
    yield from _links(tree)
    for check in (_requirements, _entry_point):
        try:
            yield from check(app, tree)
        except SourceError as error:
            yield error


def _entry_point(app: App, tree: Tree) -> Iterator[SourceError]:
    default_callable(app["wsgi"], tree)
    yield from ()


def _requirements(app: App, tree: Tree) -> Iterator[SourceError]:
    """Yield what is wrong with the requirements, as far as no host is needed to tell."""
    wrong = list(check_named(app["requirements"])) if "requirements" in app else []
    if wrong:
        yield from wrong
        return
    found = declared(app, tree, NOMINAL)
    if not found.file:
        yield from check_undeclared(tree, app["wsgi"])
        return
    read_by_pip = found.order is None or not found.is_lock_or_project
    files = read_requirements(tree, found.file) if read_by_pip else [RequirementsFile(found.file, found.lines(), False)]
    yield from check_lines(app, tree, files)
    if read_by_pip:
        yield from check_hashes(files)
    if found.order and found.order["project"]:
        yield from check_project(app, tree, found.order["project"])


def _key(tree: Tree) -> str:
    """Return the key of ``source`` that a tree comes from."""
    return tree.key if isinstance(tree, DirTree) else "git"


def _listed(paths: list[str]) -> str:
    return ", ".join(f"'{path}'" for path in paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")


def _submodules(tree: Tree) -> Iterator[SourceError]:
    paths = tree.empty_submodules()
    if not paths:
        return
    key = _key(tree)
    says, remedy = {
        "git": (
            "has no URL in .gitmodules",
            "add one, or write source.path with a checkout made by `git clone --recurse-submodules`",
        ),
        "path": ("has no files in it", "run `git submodule update --init --recursive` there, or remove it from .gitmodules"),
        "archive": ("has no files in it", "pack a checkout with its submodules, or remove it from .gitmodules"),
    }[key]
    yield SourceError(key, f"the submodule {_listed(paths)} {says}", remedy)


def _links(tree: Tree) -> Iterator[SourceError]:
    paths = leading_out(tree.links())
    if not paths:
        return
    key = _key(tree)
    last = paths[0].rpartition("/")[2]
    remedy = {
        "git": "commit what it leads to, below source.subdir if there is one, or remove the link",
        "path": f"put what it leads to into the source, or add '{last}' to source.exclude, which takes the place of the default list",
        "archive": "pack what it leads to, or leave the link out",
    }[key]
    yield SourceError(key, f"{_listed(paths)} is a link that leads out of the source or in a circle", remedy)


def _lfs_pointers(tree: Tree) -> Iterator[SourceError]:
    paths = [name for name, content in tree.small_files() if pointed_at(content)]
    if not paths:
        return
    key = _key(tree)
    remedy = {
        "git": "install git-lfs on the controller, or write source.path with a checkout in which `git lfs pull` was run",
        "path": "run `git lfs pull` there",
        "archive": "pack a checkout in which `git lfs pull` was run",
    }[key]
    yield SourceError(key, f"{_listed(paths)} is a pointer of Git LFS instead of the file", remedy)
