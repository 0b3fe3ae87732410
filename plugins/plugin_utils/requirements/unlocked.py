# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Requirements that a pyproject.toml describes for uv or Poetry alone: pip would install something else, or from somewhere else.

The locks of these tools have the outcome, so a project with its lock in the source is taken.
"""

from __future__ import annotations

import posixpath
import typing as t
from collections.abc import Iterator

from ...module_utils.app.package_names import normal_name, required_name
from ..description.validate import shown
from ..source.tree import SourceError
from .project import Project
from .values import table, tables, text

_UV, _POETRY = (f"run `{tool} lock` and add the lock to the source" for tool in ("uv", "poetry"))
_ELSEWHERE = "comes from, which pip does not read: it would ask the package index"


def check_unlocked(project: Project, required: t.Sequence[str]) -> None:
    """Refuse a project whose requirements pip would read otherwise than the tool of its authors.

    :param required: the requirements that are installed
    :raises SourceError: for the first difference
    """
    for problem, remedy in (*_of_uv(project, required), *_of_poetry(project)):
        raise SourceError("requirements", problem, remedy)


def _of_uv(project: Project, required: t.Sequence[str]) -> Iterator[tuple[str, str]]:
    names = set(map(required_name, required))
    for name in table(project.at("tool.uv.sources")):
        if normal_name(name) in names:
            yield f"[tool.uv.sources] says where {shown(name)} {_ELSEWHERE}", _UV
    for key in ("override-dependencies", "constraint-dependencies"):
        if project.at(f"tool.uv.{key}"):
            yield f"[tool.uv] has {key}, which pip does not read: it would choose other versions", _UV


def _of_poetry(project: Project) -> Iterator[tuple[str, str]]:
    poetry = table(project.at("tool.poetry.dependencies"))
    for name, value in poetry.items():
        for one in (table(value), *tables(value)):
            if text(one.get("source")):
                yield f"[tool.poetry.dependencies] says where {shown(name)} {_ELSEWHERE}", _POETRY
            path = text(one.get("path"))
            if posixpath.normpath(posixpath.join(project.directory, path)).startswith(("..", "/")):
                says = f"[tool.poetry.dependencies] names {shown(path)}, which leads out of the source"
                yield says, "put a wheel of it into the source, and name that"
    if poetry and not project.is_package and project.at("project.dependencies") is None:
        yield "the requirements are in [tool.poetry.dependencies] of a project that is no package, which pip cannot install", _POETRY
