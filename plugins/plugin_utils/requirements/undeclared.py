# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Projects that declare their requirements in a file that nothing here reads by itself: the file that was seen, and what to do about it.

Without a requirements file nothing would be installed, and the application would fail at its first import.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from ..source.tree import SourceError, Tree
from .declared import ORDER
from .imports import entry_directory
from .project import Project
from .values import Unreadable, parse, table, usual_name

# Requirements of tests and tools only, and those of somebody else.
_NOT_OF_THE_APPLICATION = re.compile(
    r"(^|[-_./])(dev|develop|development|test|tests|testing|ci|lint|linting|docs?|style|typing|types|build|examples?|tools?|scripts|vendor|nox|tox"
    r"|bootstrap|regression|coverage|format|formatting|debug|release|benchmarks?|pre-?commit|notebooks?|node_modules)([-_./]|$)",
    re.I,
)
_FILES = re.compile(
    r"requirements/([^/]+/)?[^/]+\.(txt|in)|requirements[-_.][^/]+\.txt|[^/]+[-_.]requirements\.txt|(requirements?|reqs?|dependencies|deps)\.txt"
    r"|pylock\.[^./]+\.toml",
    re.I,
)
# In a directory at the top, as that of a container.
_INNER = re.compile(r"[^/]+/requirements\.txt")
_PRODUCTION = re.compile(r"(^|[-_./])(prod|production|live)([-_.]|$)", re.I)
_LIKELY = re.compile(r"(^|[-_./])(main|base|common|requirements)([-_.]|$)", re.I)
# Dependencies of a script in its comments (PEP 723).
_IN_COMMENTS = re.compile(r"^# /// script\s*$(.*?)^# ///\s*$", re.M | re.S)
# These say something of requirements only if they have some.
_OF_PROJECTS = ("pyproject.toml", "setup.py", "setup.cfg")
_CONDA = ("environment.yml", "environment.yaml", "conda.yml", "conda.yaml", "env.yml", "env.yaml")
_CONTAINERS = ("Dockerfile", "Containerfile")
# By the end of their names, files that other tools read and nothing here does.
_NOT_READ = (".toml", ".lock", ".cfg", ".py", ".yml", ".yaml", ".json", "Pipfile")
_INTO_A_FILE = "write what it names for pip into a requirements.txt"


def check_undeclared(tree: Tree, wsgi: str) -> Iterator[SourceError]:
    """Yield one problem for a source that declares its requirements in a file that is not looked for.

    :param wsgi: the entry point
    """
    file, remedy = next(_declarations(tree, wsgi), ("", ""))
    if file:
        says = f"the source has no requirements.txt, lock or project that declares requirements, so nothing would be installed, but it has {file}"
        yield SourceError("requirements", says, f"{remedy}; an empty requirements.txt says that nothing is needed")


def check_named(name: str) -> Iterator[SourceError]:
    """Yield one problem for a file that is named as requirements and that nothing here can read."""
    if usual_name(name.rpartition("/")[2]) not in ORDER and name.endswith(_NOT_READ):
        remedy = f"name a file that pip reads, or one of {', '.join(ORDER)}"
        yield SourceError("requirements", f"'{name}' is no file of requirements", remedy)


def _declarations(tree: Tree, wsgi: str) -> Iterator[tuple[str, str]]:
    """Yield the files that declare requirements, each with a remedy, the nearest to a requirements file first."""
    beside = list(declared_beside(tree, wsgi))
    files = sorted(name for name in tree.names() if _FILES.fullmatch(name) and not _NOT_OF_THE_APPLICATION.search(name))
    # The file for production often includes the one for all, and one that pip-compile has made has the versions.
    files.sort(
        key=lambda name: [name.endswith(".in"), *(not each.search(name.partition("/")[2] or name) for each in (_PRODUCTION, _LIKELY))]
    )
    inner = sorted(name for name in tree.names() if _INNER.fullmatch(name) and not _NOT_OF_THE_APPLICATION.search(name))
    for name in [*beside, *files, *inner]:
        yield name, f"write `requirements: {name}`"
    if "requirements.in" in tree.names():
        yield "requirements.in", "run `pip-compile requirements.in`, or write `requirements: requirements.in`"
    if _has_packages(_text(tree, "Pipfile")):
        yield "Pipfile", "run `pipenv lock`"
    yield from _groups(Project(tree))
    if any("dependencies" in comment for comment in _IN_COMMENTS.findall(_text(tree, wsgi))):
        yield f"dependencies in comments of {wsgi}", "write them into a requirements.txt"
    if Project(tree).dependencies():
        yield "a setup.cfg with install_requires", "add a setup.py with `import setuptools; setuptools.setup()`"
    yield from _other_tools(tree)


def declared_beside(tree: Tree, wsgi: str) -> Iterator[str]:
    """Yield the files beside the entry point, or in a directory above it, that would declare requirements at the top of the source."""
    directory = entry_directory(wsgi, tree)
    while directory:
        project = Project(tree, directory)
        for name in ORDER:
            path = posixpath.join(directory, name)
            if tree.read(path) is not None and (name not in _OF_PROJECTS or project.dependencies() or "dependencies" in project.dynamic):
                yield path
        directory = posixpath.dirname(directory)


def _groups(project: Project) -> Iterator[tuple[str, str]]:
    """Yield the groups of dependencies of a project of which one may be for the application."""
    groups = list(table(project.at("dependency-groups")))
    if group := likely_group(groups):
        yield "groups of dependencies in pyproject.toml", f"write `groups: [{group}]`"
    poetry = table(project.at("tool.poetry.group"))
    if group := likely_group([name for name, value in poetry.items() if table(value).get("dependencies")]):
        yield "groups of dependencies of Poetry in pyproject.toml", f"run `poetry lock`, and write `groups: [{group}]`"


def likely_group(groups: list[str]) -> str:
    """Return the name of the group that an application needs most likely, empty if none is for it."""
    found = [name for name in groups if not _NOT_OF_THE_APPLICATION.search(name)]
    found.sort(key=lambda name: [not pattern.search(name) for pattern in (_PRODUCTION, _LIKELY)])
    return next(iter(found), "")


def _other_tools(tree: Tree) -> Iterator[tuple[str, str]]:
    """Yield what only conda, pixi, Hatch or the build of a container reads."""
    conda = next((name for name in _CONDA if re.search(r"^dependencies:", _text(tree, name), re.M)), "")
    pixi = "pixi.toml" if "pixi.toml" in tree.names() else ""
    for name in filter(None, (conda, pixi)):
        yield name, _INTO_A_FILE
    hatch = table(Project(tree).at("tool.hatch.envs"))
    if any(table(value).get("dependencies") for name, value in hatch.items() if not _NOT_OF_THE_APPLICATION.search(name)):
        yield "dependencies of an environment of Hatch in pyproject.toml", "write them into `dependencies` of [project]"
    container = next((name for name in _CONTAINERS if re.search(r"\bpip3?\s+install\b", _text(tree, name))), "")
    if container:
        yield f"a {container} with `pip install`", "write what it installs into a requirements.txt"


def _text(tree: Tree, name: str) -> str:
    return (tree.read(name) or b"").decode(errors="replace")


def _has_packages(text: str) -> bool:
    try:
        return bool(parse("Pipfile", text).get("packages"))
    except Unreadable:
        return True  # nobody can say that it is empty
