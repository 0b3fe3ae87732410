# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The callable of an entry point that names none, read from its module without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from ..source.tree import SourceError, Tree
from ..uwsgi.entry_point import entry_file
from .imports import module_files


def default_callable(wsgi: str, tree: Tree) -> str:
    """Return ``app`` where the entry point names no callable and its file binds only that name.

    uWSGI looks for ``application``; Flask's own convention is ``app``.

    :raises SourceError: for a file that the source does not have
    """
    file = entry_file(wsgi)
    if file and tree.read(file.path) is None:
        raise SourceError("wsgi", f"'{file.path}' is not in the source", "name a file of the source")
    if ":" in wsgi:
        return ""
    candidates = [file.path] if file else module_files(wsgi, tree)
    content = next((found for found in map(tree.read, candidates) if found is not None), None)
    # A module that is not in the source may come with the requirements.
    names = _names_in(content) if content is not None else set()
    return "app" if "app" in names and "application" not in names else ""


def _names_in(content: bytes) -> set[str]:
    """Return the names that a module binds; none where it cannot be parsed (the gate says why)."""
    try:
        return bound_names(ast.parse(content).body)
    except (SyntaxError, ValueError):
        return set()


def bound_names(body: Iterable[ast.AST]) -> set[str]:
    """Return the names that statements bind outside of functions and classes; also those of a branch that may not run."""
    todo, names = list(body), set[str]()
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
            continue
        if isinstance(node, ast.alias):
            names.add(node.asname or node.name.partition(".")[0])
        if isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        # A lambda or comprehension binds names of its own.
        if not isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            todo += ast.iter_child_nodes(node)
    return names
