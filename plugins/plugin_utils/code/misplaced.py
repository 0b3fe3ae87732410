# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A module of an entry point that lies deeper in the source than Python looks for it, as in a repository with several projects."""

from __future__ import annotations

import posixpath
import typing as t
from collections.abc import Iterator, Mapping

from ...module_utils.app.package_names import normal_name, required_name
from ..requirements.declared import Declared, declared
from ..requirements.imports import module_files
from ..requirements.lines import joined, local, read_requirements
from ..requirements.locked import NOMINAL
from ..requirements.undeclared import declared_beside
from ..source.package import FileTree
from ..source.tree import SourceError, Tree
from ..uwsgi.entry_point import entry_file

App = Mapping[str, t.Any]


def misplaced_module(app: App, tree: Tree) -> Iterator[SourceError]:
    """Yield a problem for a module that nothing installs, and that lies in a directory from which nothing is imported.

    :param app: a complete description
    """
    if isinstance(tree, FileTree) or entry_file(app["wsgi"]) or app["hooks"]["build"] or "PYTHONPATH" in app["env"]:
        return
    module, _colon, name = app["wsgi"].partition(":")
    top = module.partition(".")[0]
    if any(tree.has(path) for path in (*module_files(top, tree), posixpath.dirname(module_files(top, tree)[0]))):
        return
    inner = module.replace(".", "/")
    found = sorted(
        (path for path in tree.names() if path.endswith((f"/{inner}.py", f"/{inner}/__init__.py"))), key=lambda path: (len(path), path)
    )
    if not found or _may_be_installed(app, tree, top, found):
        return
    says = f"'{module}' is no module at the top of the source, and the source has {found[0]}"
    if "{{" in found[0]:
        yield SourceError("wsgi", f"{says} in a template", "make a project of the template with `cookiecutter`, and let the source be that")
        return
    directory = found[0].removesuffix("/__init__.py").removesuffix(".py").removesuffix(f"/{inner}")
    subdir = f"write `subdir: {posixpath.join(app['source']['subdir'] or '', directory)}` in source"
    file = f"write `wsgi: {found[0]}{f':{name}' if name else ''}`"
    # A file has no call in it, and the directory of a project has its requirements.
    own = not tree.has("uv.lock") and any(posixpath.dirname(each) == directory for each in declared_beside(tree, found[0]))
    yield SourceError("wsgi", says, subdir if "(" in name else ", or ".join([subdir, file] if own else [file, subdir]))


def _may_be_installed(app: App, tree: Tree, top: str, files: list[str]) -> bool:
    """Return whether the requirements may bring a module: as a package of its name, or with a project that one of its files belongs to."""
    try:
        found = declared(app, tree, NOMINAL)
        lines = _lines(found, tree)
    except SourceError:
        return True  # Another check tells it.
    named = {required_name(line) for line in [*lines, *app["extra_requirements"]]}
    projects = {posixpath.normpath(path.path) for line in lines if (path := local(line)) is not None}
    if found.order and found.order["project"]:
        projects.add(posixpath.normpath(found.order["project"]))
    return normal_name(top) in named or any(_project_of(file, tree) in projects for file in files)


def _lines(found: Declared, tree: Tree) -> list[str]:
    files = [] if found.order else read_requirements(tree, found.file or None)
    return found.lines() or [line for file in files for line in joined(file.lines)]


def _project_of(file: str, tree: Tree) -> str:
    """Return the directory of the project that a file belongs to, ``.`` for the top of the source."""
    directory = posixpath.dirname(file)
    while directory and not any(tree.has(f"{directory}/{name}") for name in ("pyproject.toml", "setup.py")):
        directory = posixpath.dirname(directory)
    return directory or "."
