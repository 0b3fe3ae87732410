# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Requirements that a pyproject.toml describes for uv or Poetry alone: pip would install something else, or from somewhere else.

The locks of these tools have the outcome, so a project with its lock in the source is taken.
"""

from __future__ import annotations

import posixpath
import re
import typing as t
from collections.abc import Iterator

from ...module_utils.app.package_names import normal_name, required_name
from ..description.validate import shown
from ..source.cache import without_password
from ..source.tree import SourceError
from .project import Project
from .values import table, tables, text

_UV, _POETRY, _PDM = (f"run `{tool} lock` and add the lock to the source" for tool in ("uv", "poetry", "pdm"))
_WHOLE = "let the source be the whole repository, and write `requirements` and `wsgi` with the paths in it"
_OTHERS = "which pip does not read: it would choose other versions"
# Keys of a requirement of Poetry that say where it comes from.
_PLACES = ("path", "git", "url", "file", "source")
# Tables with the package indexes of a tool; those that are explicit count only for requirements that name them.
_INDEXES = (
    ("tool.uv.index", "explicit", True, _UV),
    ("tool.poetry.source", "priority", "explicit", _POETRY),
    ("tool.pdm.source", "", "", _PDM),
)
_PYPI = re.compile(r"https://(pypi\.org|pypi\.python\.org)(/|$)")
# Variables with which a description says which index is asked.
_ASKED = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CONFIG_FILE")
_WOULD_ASK = "which pip does not read: it would ask the package index"
_ELSEWHERE = f"comes from, {_WOULD_ASK}"


def check_unlocked(project: Project, required: t.Sequence[str], build_env: t.Container[str]) -> None:
    """Refuse a project whose requirements pip would read otherwise than the tool of its authors.

    :param required: the requirements that are installed
    :param build_env: the names of the variables that pip gets
    :raises SourceError: for the first difference
    """
    says_index = any(name in build_env for name in _ASKED)
    indexes = [] if says_index or not project.dependencies() else _indexes(project)
    for problem, remedy in (*_of_uv(project, required), *_of_poetry(project, required), *_of_pdm(project), *indexes):
        raise SourceError("requirements", problem, remedy)


def _of_uv(project: Project, required: t.Sequence[str]) -> Iterator[tuple[str, str]]:
    names = set(map(required_name, required))
    for name, value in table(project.at("tool.uv.sources")).items():
        if normal_name(name) in names:
            if _is_outside(project, value):
                yield f"[tool.uv.sources] says that {shown(name)} lies in the same repository, outside of the source", _WHOLE
            yield f"[tool.uv.sources] says where {shown(name)} {_ELSEWHERE}", _UV
    for key in ("override-dependencies", "constraint-dependencies"):
        if project.at(f"tool.uv.{key}"):
            yield f"[tool.uv] has {key}, {_OTHERS}", _UV


def _is_outside(project: Project, value: object) -> bool:
    """Return whether a source of uv is another project of a repository of which the source has a part."""
    for one in (table(value), *tables(value)):
        # The workspace is told at its top, and its lock is found from there.
        is_member = (
            one.get("workspace") is True and project.at("tool.uv.workspace") is None and posixpath.normpath(project.directory) == "."
        )
        if is_member or posixpath.normpath(posixpath.join(project.directory, text(one.get("path")))).startswith("../"):
            return True
    return False


def _of_pdm(project: Project) -> Iterator[tuple[str, str]]:
    if project.at("tool.pdm.resolution.overrides"):
        yield f"[tool.pdm.resolution] has overrides, {_OTHERS}", _PDM


def _indexes(project: Project) -> Iterator[tuple[str, str]]:
    """Yield the package indexes of a project; what only they have, somebody else may have put on the index that the server asks."""
    for path, key, explicit, remedy in _INDEXES:
        for index in tables(project.at(path)):
            address = text(index.get("url"))
            if address and not _PYPI.match(address) and not (key and index.get(key) == explicit):
                name = shown(text(index.get("name")) or without_password(address))
                says = f"[[{path}]] names the index {name}, {_WOULD_ASK} of the host"
                yield says, f"{remedy}, or set PIP_INDEX_URL or PIP_EXTRA_INDEX_URL in build_env"


def _of_poetry(project: Project, required: t.Sequence[str]) -> Iterator[tuple[str, str]]:
    poetry = table(project.at("tool.poetry.dependencies"))
    # Poetry adds its own words to requirements of [project], which are all that pip is given.
    standard = set(map(required_name, required)) if project.at("project.dependencies") is not None else set()
    for name, value in poetry.items():
        for one in (table(value), *tables(value)):
            if text(one.get("source")) or (normal_name(name) in standard and any(one.get(place) for place in _PLACES)):
                yield f"[tool.poetry.dependencies] says where {shown(name)} {_ELSEWHERE}", _POETRY
            path = text(one.get("path"))
            if posixpath.normpath(posixpath.join(project.directory, path)).startswith(("..", "/")):
                says = f"[tool.poetry.dependencies] names {shown(path)}, which leads out of the source"
                yield says, "put a wheel of it into the source, and name that"
    if poetry and not project.is_package and project.at("project.dependencies") is None:
        yield "the requirements are in [tool.poetry.dependencies] of a project that is no package, which pip cannot install", _POETRY
