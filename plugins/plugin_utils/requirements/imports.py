# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The directories in which the modules of a source lie: its top, ``src`` or another one of its pyproject.toml, or that of a file in ``wsgi``."""

from __future__ import annotations

import posixpath
import typing as t

from ..source.package import FileTree
from ..source.tree import Tree
from ..uwsgi.entry_point import entry_file
from .project import Project
from .values import table, tables, text, texts

# Where Flask's application factories and single modules have it.
USUAL_INSTANCE_PATH = "instance"
# The code of a package is installed into the release.
_PACKAGE = "."


def import_path(wsgi: str, tree: Tree) -> str:
    """Return the directories of a release, beside its top, that the module of the entry point is imported from, separated by colons."""
    if isinstance(tree, FileTree):
        return _PACKAGE
    file = entry_file(wsgi)
    if file:
        directory = posixpath.normpath(posixpath.dirname(file.path) or ".")
        # As with `python DIRECTORY/app.py`. A package is imported from above it, and its modules may be called like those of Python.
        while directory != "." and tree.has(f"{directory}/__init__.py"):
            directory = posixpath.dirname(directory) or "."
        return "" if directory == "." else directory
    first = wsgi.partition(":")[0].split(".")[0]
    if _defines(tree, "", first):
        return ""
    return next((place for place in _roots(tree) if _defines(tree, place, first)), "")


def instance_path(wsgi: str, imports: str) -> str:
    """Return where Flask looks for the instance folder of a release (its documentation, "Instance Folders").

    It lies beside the package or the module that makes the application, in the directory that this is imported from.

    :param imports: see :func:`import_path`
    """
    file = entry_file(wsgi)
    directory = posixpath.dirname(file.path) if file else imports.split(":")[0]
    return posixpath.normpath(posixpath.join(directory, USUAL_INSTANCE_PATH))


def entry_directory(wsgi: str, tree: Tree) -> str:
    """Return the directory of the file of an entry point, empty for the top of the source and for a file that is not there."""
    file = entry_file(wsgi)
    paths = [file.path] if file else module_files(wsgi.partition(":")[0], tree)
    found = next((path for path in paths if tree.read(path) is not None), "")
    return posixpath.dirname(posixpath.normpath(found)) if found else ""


def module_files(module: str, tree: Tree) -> list[str]:
    """Return the files of a source that may define a module such as ``shop.wsgi``, the one that Python takes first."""
    place = posixpath.join(import_path(module, tree), module.replace(".", "/"))
    return [f"{place}/__init__.py", f"{place}.py"]


def _defines(tree: Tree, directory: str, module: str) -> bool:
    place = posixpath.join(directory, module)
    return tree.has(f"{place}.py") or tree.has(place)


def _roots(tree: Tree) -> t.Iterator[str]:
    """Yield the directories that may hold modules: that of the src layout, and those that setuptools and Poetry are told."""
    yield "src"
    project = Project(tree)
    named = texts(project.at("tool.setuptools.packages.find.where"))
    named += map(text, table(project.at("tool.setuptools.package-dir")).values())
    named += [text(package.get("from")) for package in tables(project.at("tool.poetry.packages"))]
    for place in named:
        if (normal := posixpath.normpath(place)) not in (".", "..") and not normal.startswith(("/", "../")):
            yield normal
