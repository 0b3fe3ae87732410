# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An entry point that imports a package although its source declares no requirements: the application could certainly not be imported."""

from __future__ import annotations

import ast
import sys
import typing as t
from collections.abc import Iterator, Mapping

from ..requirements.declared import declaring_file
from ..requirements.undeclared import check_undeclared
from ..source.package import FileTree
from ..source.tree import SourceError, Tree
from .reached import certain_imports

App = Mapping[str, t.Any]
# Modules that a virtualenv has without any requirement.
_THERE = sys.stdlib_module_names | {"uwsgi", "uwsgidecorators", "pip", "setuptools", "pkg_resources", "distutils"}


def undeclared_import(app: App, tree: Tree) -> Iterator[SourceError]:
    """Yield a problem for the first package that is certainly imported with the entry point, if nothing is installed and the source does not have it.

    :param app: a complete description
    """
    # These may bring a package in other ways.
    elsewhere = app["extra_requirements"] or app["system_site_packages"] or app["hooks"]["build"] or "PYTHONPATH" in app["env"]
    if isinstance(tree, FileTree) or elsewhere or app.get("requirements") or declaring_file(app, tree):
        return
    # A remedy that names a file with the requirements is better.
    if next(check_undeclared(tree, app["wsgi"]), None):
        return
    parts = {part for name in tree.names() for part in name.split("/")}
    own = parts | {part.partition(".")[0] for part in parts}
    for module, statement in certain_imports(app["wsgi"], tree):
        missing = [name for name in _imported(statement) if name not in _THERE and name not in own]
        if missing:
            says = f"{module.file} imports {missing[0]}, and the source declares no requirements, so nothing but uWSGI would be installed"
            yield SourceError("requirements", says, "write them into a requirements.txt of the source, one on each line")
            return


def _imported(statement: ast.stmt) -> list[str]:
    """Return the modules that a statement at the top level of a file imports; one in a branch may never run."""
    if isinstance(statement, ast.Import):
        return [alias.name.partition(".")[0] for alias in statement.names]
    if isinstance(statement, ast.ImportFrom) and not statement.level:
        return [(statement.module or "").partition(".")[0]]
    return []
