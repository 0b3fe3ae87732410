# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The code of a source that runs while its entry point is imported, found without running it.

That is the module of ``wsgi`` and what it imports, the factory that ``wsgi`` names, and the functions that these call by their names.
Methods, and names that are made while the code runs, are not followed.
"""

from __future__ import annotations

import ast
import posixpath
import re
import typing as t
from collections.abc import Iterator

from ..requirements.imports import import_path, module_files
from ..source.package import FileTree
from ..source.tree import Tree
from ..uwsgi.entry_point import entry_file
from .module import Import, Module, beside, parsed, run_at_once

# A run must not take seconds for this; larger applications are looked at in part.
_MOST_MODULES, _MOST_NODES = 200, 200_000


class Running(t.NamedTuple):
    """A part of the code that runs, and its module; ``in_function`` tells whether it stands in a function that is called."""

    module: Module
    node: ast.AST
    in_function: bool


def code_at_import(wsgi: str, tree: Tree) -> list[Running]:
    """Return all parts of the code that run while an entry point is imported, none for a package of an index, which is not unpacked."""
    return [] if isinstance(tree, FileTree) else list(_Walk(wsgi, tree).parts())


def certain_imports(wsgi: str, tree: Tree) -> Iterator[tuple[Module, ast.stmt]]:
    """Yield the imports that certainly run with an entry point: those at the top level of its module, and of modules that these import."""
    if not isinstance(tree, FileTree):
        yield from _Walk(wsgi, tree).imports()


class _Walk:
    """A walk from the entry point through the code."""

    def __init__(self, wsgi: str, tree: Tree) -> None:
        self.tree, self.wsgi, self.names = tree, wsgi, tree.names()
        place = import_path(wsgi, tree)
        # Where Python looks for modules: as the application itself is found, and at the top of the release.
        self.places = list(dict.fromkeys([place, ""]))
        self.modules: dict[str, Module | None] = {}
        self.left: list[tuple[Module, list[ast.stmt], bool]] = []
        self.called: set[int] = set()

    def parts(self) -> Iterator[Running]:
        file = entry_file(self.wsgi)
        for path in [file.path] if file else module_files(self.wsgi.partition(":")[0], self.tree):
            module = self._open(path)
            factory = re.search(r":(\w+)\(", self.wsgi)
            if module and factory:
                self._call(module, factory[1])
        nodes = 0
        while self.left and nodes < _MOST_NODES:
            module, body, in_function = self.left.pop(0)
            for node in run_at_once(body):
                nodes += 1
                self._follow(module, node)
                yield Running(module, node, in_function)

    def imports(self) -> Iterator[tuple[Module, ast.stmt]]:
        """Yield what :func:`certain_imports` does."""
        file = entry_file(self.wsgi)
        paths = [file.path] if file else module_files(self.wsgi.partition(":")[0], self.tree)
        next((module for path in paths if (module := self._open(path))), None)
        while self.left:
            module, body, _in_function = self.left.pop(0)
            for statement in body:
                if isinstance(statement, (ast.Import, ast.ImportFrom)):
                    self._follow(module, statement)
                    yield module, statement

    def _open(self, path: str) -> Module | None:
        """Return the module of a file; the first time its code is put into the walk."""
        path = posixpath.normpath(path)
        if path not in self.modules and len(self.modules) < _MOST_MODULES:
            self.modules[path] = module = parsed(path, self.tree.read(path))
            if module:
                self.left.append((module, module.body, False))
        return self.modules.get(path)

    def _follow(self, module: Module, node: ast.AST) -> None:
        """Put what an import or a call leads to into the walk."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                self._import(module, Import(alias.name, "", 0))
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                self._import(module, Import(node.module or "", alias.name, node.level))
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                self._call(module, node.func.id)
            elif isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
                found = module.imports.get(node.func.value.id)
                for other in self._import(module, found) if found else ():
                    self._call(other, node.func.attr)

    def _call(self, module: Module, name: str) -> None:
        function = module.functions.get(name)
        if function is None:
            found = module.imports.get(name)
            for other in self._import(module, found) if found and found.name else ():
                if found and found.name in other.functions:
                    self._call(other, found.name)
        elif id(function) not in self.called:
            self.called.add(id(function))
            self.left.append((module, function.body, True))

    def _import(self, module: Module, wanted: Import) -> list[Module]:
        """Return the modules of the source that an import runs."""
        places = [beside(module.file, wanted.level)] if wanted.level else self.places
        names = [part for part in wanted.module.split(".") if part]
        found = []
        for place in places:
            packages = [f"{posixpath.join(place, *names[:count])}/__init__.py" for count in range(0 if wanted.level else 1, len(names) + 1)]
            last = [f"{posixpath.join(place, *each)}.py" for each in (names, [*names, wanted.name]) if each and each[-1]]
            inner = [f"{posixpath.join(place, *names, wanted.name)}/__init__.py"] if wanted.name else []
            opened = [self._open(path) for path in dict.fromkeys([*packages, *last, *inner]) if path in self.names]
            found += [each for each in opened if each]
        return found
