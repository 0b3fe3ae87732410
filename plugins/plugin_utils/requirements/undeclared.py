# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Projects that declare their requirements in a file that nothing here reads by itself: the file that was seen, and what to do about it.

Without a requirements file nothing would be installed, and the application would fail at its first import.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..source.tree import SourceError, Tree
from .declared import ORDER
from .project import Project
from .values import Unreadable, parse, table

# Requirements of tests and tools only.
_NOT_OF_THE_APPLICATION = re.compile(
    r"(^|[-_./])(dev|develop|development|test|tests|testing|ci|lint|doc|docs|style|typing|build)([-_.]|$)", re.I
)
_FILES = re.compile(r"requirements/[^/]+\.txt|requirements[-_.][^/]+\.txt|[^/]+[-_.]requirements\.txt", re.I)
_PRODUCTION = re.compile(r"(^|[-_./])(prod|production|live)([-_.]|$)", re.I)
_LIKELY = re.compile(r"(^|[-_./])(main|base|common|requirements)([-_.]|$)", re.I)
# Dependencies of a script in its comments (PEP 723).
_IN_COMMENTS = re.compile(r"^# /// script\s*$(.*?)^# ///\s*$", re.M | re.S)
# By the end of their names, files that other tools read and nothing here does.
_NOT_READ = (".toml", ".lock", ".cfg", ".py", ".yml", ".yaml", ".json", "Pipfile")


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
    if name.rpartition("/")[2] not in ORDER and name.endswith(_NOT_READ):
        remedy = f"name a file that pip reads, or one of {', '.join(ORDER)}"
        yield SourceError("requirements", f"'{name}' is no file of requirements", remedy)


def _declarations(tree: Tree, wsgi: str) -> Iterator[tuple[str, str]]:
    """Yield the files that declare requirements, each with a remedy, the nearest to a requirements file first."""
    names = tree.names()
    files = sorted(name for name in names if _FILES.fullmatch(name) and not _NOT_OF_THE_APPLICATION.search(name))
    # The file for production often includes the one for all.
    files.sort(key=lambda name: [not pattern.search(name.partition("/")[2] or name) for pattern in (_PRODUCTION, _LIKELY)])
    for name in files:
        yield name, f"write `requirements: {name}`"
    if "requirements.in" in names:
        yield "requirements.in", "run `pip-compile requirements.in`, or write `requirements: requirements.in`"
    if _has_packages(_text(tree, "Pipfile")):
        yield "Pipfile", "run `pipenv lock`"
    group = next((name for name in table(Project(tree).at("dependency-groups")) if _PRODUCTION.search(name) or _LIKELY.search(name)), "")
    if group:
        yield "groups of dependencies in pyproject.toml", f"write `groups: [{group}]`"
    if any("dependencies" in comment for comment in _IN_COMMENTS.findall(_text(tree, wsgi))):
        yield f"dependencies in comments of {wsgi}", "write them into a requirements.txt"
    if Project(tree).dependencies():
        yield "a setup.cfg with install_requires", "add a setup.py with `import setuptools; setuptools.setup()`"
    conda = next((name for name in ("environment.yml", "environment.yaml") if re.search(r"^dependencies:", _text(tree, name), re.M)), "")
    if conda:
        yield conda, "write what it names for pip into a requirements.txt"


def _text(tree: Tree, name: str) -> str:
    return (tree.read(name) or b"").decode(errors="replace")


def _has_packages(text: str) -> bool:
    try:
        return bool(parse("Pipfile", text).get("packages"))
    except Unreadable:
        return True  # nobody can say that it is empty
