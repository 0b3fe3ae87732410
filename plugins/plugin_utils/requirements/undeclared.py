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
from .values import Unreadable, parse

# Requirements of tests and tools only.
_NOT_OF_THE_APPLICATION = re.compile(
    r"(^|[-_./])(dev|develop|development|test|tests|testing|ci|lint|doc|docs|style|typing|build)([-_.]|$)", re.I
)
_FILES = re.compile(r"requirements/[^/]+\.txt|requirements[-_.][^/]+\.txt|[^/]+[-_.]requirements\.txt", re.I)
_LIKELY = re.compile(r"(^|[-_./])(prod|production|live|main|base|common|requirements)([-_.]|$)", re.I)
# By the end of their names, files that other tools read and nothing here does.
_NOT_READ = (".toml", ".lock", ".cfg", ".py", ".yml", ".yaml", ".json", "Pipfile")


def check_undeclared(tree: Tree) -> Iterator[SourceError]:
    """Yield one problem for a source that declares its requirements in a file that is not looked for."""
    file, remedy = next(_declarations(tree), ("", ""))
    if file:
        says = f"the source has no requirements.txt, lock or project that declares requirements, so nothing would be installed, but it has {file}"
        yield SourceError("requirements", says, f"{remedy}; an empty requirements.txt says that nothing is needed")


def check_named(name: str) -> Iterator[SourceError]:
    """Yield one problem for a file that is named as requirements and that nothing here can read."""
    if name.rpartition("/")[2] not in ORDER and name.endswith(_NOT_READ):
        remedy = f"name a file that pip reads, or one of {', '.join(ORDER)}"
        yield SourceError("requirements", f"'{name}' is no file of requirements", remedy)


def _declarations(tree: Tree) -> Iterator[tuple[str, str]]:
    """Yield the files that declare requirements, each with a remedy, the nearest to a requirements file first."""
    names = tree.names()
    files = sorted(name for name in names if _FILES.fullmatch(name) and not _NOT_OF_THE_APPLICATION.search(name))
    files.sort(key=lambda name: not _LIKELY.search(name.partition("/")[2] or name))
    for name in files:
        yield name, f"write `requirements: {name}`"
    if "requirements.in" in names:
        yield "requirements.in", "run `pip-compile requirements.in`, or write `requirements: requirements.in`"
    if _has_packages(_text(tree, "Pipfile")):
        yield "Pipfile", "run `pipenv lock`"
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
