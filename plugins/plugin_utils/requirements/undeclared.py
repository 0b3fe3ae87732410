# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Projects whose requirements stand where only other tools look: the file that was seen, and what makes a requirements file of it.

Without a requirements file nothing would be installed, and the application would fail at its first import.
"""

from __future__ import annotations

import json
import re
import tomllib
import typing as t
from collections.abc import Iterator

from ..source.tree import SourceError, Tree
from .project import Project

_DOT = "add a requirements.txt with one line, a dot, which installs the project with what it needs"
# Requirements of tests and tools only.
_NOT_OF_THE_APPLICATION = re.compile(
    r"(^|[-_./])(dev|develop|development|test|tests|testing|ci|lint|doc|docs|style|typing|build)([-_.]|$)", re.I
)
_FILES = re.compile(r"requirements/[^/]+\.txt|requirements[-_.][^/]+\.txt|[^/]+[-_.]requirements\.txt", re.I)
_LIKELY = re.compile(r"(^|[-_./])(prod|production|live|main|base|common|requirements)([-_.]|$)", re.I)
_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock")
# By the end of their names, files that other tools read and pip does not.
_NOT_FOR_PIP = (".toml", ".lock", ".cfg", ".py", ".yml", ".yaml", ".json", "Pipfile")


def check_undeclared(tree: Tree) -> Iterator[SourceError]:
    """Yield one problem for a source without a requirements file that declares its requirements in another way."""
    file, remedy = next(_declarations(tree), ("", ""))
    if file:
        says = f"the source has no requirements.txt, so nothing would be installed, but it has {file}"
        yield SourceError("requirements", says, f"{remedy}; an empty requirements.txt says that nothing is needed")


def check_named(name: str) -> Iterator[SourceError]:
    """Yield one problem for a file that is named as requirements and that pip cannot read."""
    if name.endswith(_NOT_FOR_PIP):
        remedy = _EXPORTS.get(name.rpartition("/")[2], (_DOT,))[0]
        yield SourceError("requirements", f"'{name}' is no requirements file, and pip installs no other", f"{remedy}, and name that")


def _declarations(tree: Tree) -> Iterator[tuple[str, str]]:
    """Yield the files that declare requirements, each with a remedy, the nearest to a requirements file first."""
    names = tree.names()
    files = sorted(name for name in names if _FILES.fullmatch(name) and not _NOT_OF_THE_APPLICATION.search(name))
    files.sort(key=lambda name: not _LIKELY.search(name.partition("/")[2] or name))
    for name in files:
        yield name, f"write `requirements: {name}`"
    if "requirements.in" in names:
        yield "requirements.in", "run `pip-compile requirements.in`, or write `requirements: requirements.in`"
    project = Project(tree)
    needs = bool(project.dependencies()) or "dependencies" in project.dynamic
    for name, (remedy, has_some) in _EXPORTS.items():
        # A lock beside a pyproject.toml holds tools and the project itself too, so there the pyproject.toml decides.
        asks = needs if "pyproject.toml" in names and name in _LOCKS else has_some(_text(tree, name))
        if name in names and asks:
            yield name, f"{remedy}, or {_DOT}" if project.is_installable and needs else remedy
    if needs and "pyproject.toml" in names:
        yield "a pyproject.toml with dependencies", f"{_DOT}, or run `uv pip compile pyproject.toml -o requirements.txt`"
    if project.setup_py_declares():
        yield "setup.py", _DOT
    if needs:
        yield "a setup.cfg with install_requires", "copy them into a requirements.txt"
    conda = next((name for name in ("environment.yml", "environment.yaml") if re.search(r"^dependencies:", _text(tree, name), re.M)), "")
    if conda:
        yield conda, "write what it names for pip into a requirements.txt"


def _text(tree: Tree, name: str) -> str:
    return (tree.read(name) or b"").decode(errors="replace")


def _toml(text: str) -> dict[str, t.Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {"package": [{}, {}], "packages": {"unreadable": "*"}}  # nobody can say that it is empty


def _locks_other_packages(text: str) -> bool:
    """Return whether a lock of uv, Poetry or PDM has more than the project itself."""
    packages = _toml(text).get("package") or []
    return any(not {"virtual", "editable"} & set(package.get("source") or {}) for package in packages if isinstance(package, dict))


def _has_packages(text: str) -> bool:
    return bool(_toml(text).get("packages"))


def _has_default(text: str) -> bool:
    try:
        return bool(json.loads(text).get("default"))
    except (ValueError, AttributeError):
        return True


# By name of another tool's file: the command that exports it as requirements, and whether it requires anything.
_EXPORTS: dict[str, tuple[str, t.Callable[[str], bool]]] = {
    "uv.lock": ("run `uv export --no-emit-project -o requirements.txt`", _locks_other_packages),
    "poetry.lock": ("run `poetry export -o requirements.txt`", _locks_other_packages),
    "pdm.lock": ("run `pdm export -o requirements.txt`", _locks_other_packages),
    "Pipfile.lock": ("run `pipenv requirements > requirements.txt`", _has_default),
    "Pipfile": ("run `pipenv requirements > requirements.txt`", _has_packages),
}
