# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Code that imports Flask while the requirements that count do not bring it: an extra, a group or a file beside the code does, or nothing."""

from __future__ import annotations

import ast
import posixpath
import typing as t
from collections.abc import Iterator, Mapping

from ...module_utils.app.package_names import required_name
from ..requirements.declared import Declared, declared
from ..requirements.lines import is_include, joined, local, read_requirements
from ..requirements.locked import NOMINAL
from ..requirements.project import Project
from ..requirements.undeclared import declared_beside, likely_group
from ..requirements.values import table, texts
from ..source.package import FileTree
from ..source.tree import SourceError, Tree
from .reached import certain_imports

App = Mapping[str, t.Any]
_FLASK = "flask"


def flask_elsewhere(app: App, tree: Tree) -> Iterator[SourceError]:
    """Yield a problem for code that imports Flask at its start, where the requirements that count certainly or very likely lack it.

    :param app: a complete description
    """
    # These may bring a package in other ways.
    elsewhere = app["extra_requirements"] or app["system_site_packages"] or app["hooks"]["build"] or "PYTHONPATH" in app["env"]
    if (
        isinstance(tree, FileTree)
        or elsewhere
        or any(_FLASK in (part, part.partition(".")[0]) for name in tree.names() for part in name.split("/"))
    ):
        return
    try:
        found = declared(app, tree, NOMINAL)
        lines = _lines(found, tree)
    except SourceError:
        return  # Another check tells it.
    # A package with Flask in its name depends on it, and a project in the source has requirements of its own.
    if not found.file or any(_FLASK in line.lower() or (not _is_exact(found) and _may_bring_more(line)) for line in lines):
        return
    file = _importing_file(app["wsgi"], tree)
    remedies = list(_remedies(app, tree, found)) if file else []
    if file and (remedies or _is_exact(found)):
        says = f"{file} imports flask, and {found.file} does not have it"
        remedy = remedies[0] if remedies else "add it to the dependencies of the project and make the lock anew"
        yield SourceError("requirements", says, f"{remedy}, or write `extra_requirements: [flask]`")


def _is_exact(found: Declared) -> bool:
    """Return whether nothing is installed but what stands in the file, as with a lock."""
    return found.is_lock_or_project and not (found.order and found.order["resolved"]) and not found.file.endswith((".py", "pyproject.toml"))


def _lines(found: Declared, tree: Tree) -> list[str]:
    if found.order:
        return [line for line in found.lines() if not line.startswith("-")]
    files = [file for file in read_requirements(tree, found.file or None) if not file.constraints]
    return [line for file in files for line in joined(file.lines) if not is_include(line)]


def _may_bring_more(line: str) -> bool:
    """Return whether a requirement is on a path or an address, of which nobody knows what it depends on."""
    return local(line) is not None or "://" in line or line in (".", "..") or line.startswith(("./", ".["))


def _importing_file(wsgi: str, tree: Tree) -> str:
    """Return the first file that imports Flask when the entry point is imported, empty for none."""
    return next((module.file for module, statement in certain_imports(wsgi, tree) if _imports_flask(statement)), "")


def _imports_flask(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Import):
        return any(alias.name.partition(".")[0] == _FLASK for alias in statement.names)
    return isinstance(statement, ast.ImportFrom) and not statement.level and (statement.module or "").partition(".")[0] == _FLASK


def _remedies(app: App, tree: Tree, found: Declared) -> Iterator[str]:
    """Yield what brings Flask: an extra or a group of the project, or a file beside the entry point."""
    if found.is_lock_or_project:
        project = Project(tree, posixpath.dirname(app.get("requirements") or found.file) or ".")
        for key, path in (("extras", "project.optional-dependencies"), ("groups", "dependency-groups")):
            having = [
                name for name, lines in table(project.at(path)).items() if any(required_name(line) == _FLASK for line in texts(lines))
            ]
            if name := likely_group(having):
                yield f"write `{key}: [{', '.join([*app[key], name])}]`"
        groups = table(project.at("tool.poetry.group"))
        having = [
            name for name, value in groups.items() if any(required_name(each) == _FLASK for each in table(table(value).get("dependencies")))
        ]
        if name := likely_group(having):
            yield f"write `groups: [{', '.join([*app['groups'], name])}]`"
    for file in declared_beside(tree, app["wsgi"]):
        if file != found.file and _FLASK in (tree.read(file) or b"").decode(errors="replace").lower():
            yield f"write `requirements: {file}`"
