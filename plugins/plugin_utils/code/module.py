# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One module of a source, parsed and not run: what its names mean, and which of its statements run when it is imported."""

from __future__ import annotations

import ast
import posixpath
import typing as t
import warnings
from collections.abc import Iterable, Iterator

# A module that people write is smaller.
_MOST_BYTES = 512 * 2**10
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)
_OWN_SCOPE = (*_Function, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# An `if` with one of these decides where its code runs, which nobody knows without running it.
_DECIDES = frozenset({"environ", "getenv", "__name__", "TYPE_CHECKING"})


class Import(t.NamedTuple):
    """An imported module, and the name in it that is imported, empty for the module itself; ``level`` counts the dots of a relative one."""

    module: str
    name: str
    level: int


class Module:
    """A module of a source.

    :param file: its path in the source
    """

    def __init__(self, file: str, body: list[ast.stmt]) -> None:
        self.file, self.body = file, body
        self.functions = {node.name: node for node in body if isinstance(node, _Function)}
        # Every import of the file by the name that it binds, also those inside functions.
        self.imports: dict[str, Import] = {}
        for node in ast.walk(ast.Module(body, [])):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    top = alias.name.partition(".")[0]
                    self.imports[alias.asname or top] = Import(alias.name if alias.asname else top, "", 0)
            elif isinstance(node, ast.ImportFrom):
                self.imports.update({alias.asname or alias.name: Import(node.module or "", alias.name, node.level) for alias in node.names})

    def origin(self, node: ast.AST) -> str:
        """Return what an expression such as ``threading.Thread`` names, with the module that it was imported from; empty for any other."""
        if isinstance(node, ast.Attribute):
            before = self.origin(node.value)
            return f"{before}.{node.attr}" if before else ""
        if not isinstance(node, ast.Name):
            return ""
        found = self.imports.get(node.id)
        if found is None:
            return node.id
        return ".".join(filter(None, (found.module, found.name)))


def parsed(file: str, content: bytes | None) -> Module | None:
    """Return a module, ``None`` where the file is not there or cannot be parsed by the Python of the controller."""
    if content is None or len(content) > _MOST_BYTES:
        return None
    try:
        with warnings.catch_warnings():
            # Warnings of the compiler are about code of another project, which nobody here can mend.
            warnings.simplefilter("ignore")
            return Module(file, ast.parse(content).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def run_at_once(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield what runs with a body: not the bodies of functions, and nothing that depends on the environment or on how the file is run."""
    # A stack, the next part on top, so that the parts come in the order of the code.
    todo = list(body)[::-1]
    while todo:
        node = todo.pop()
        if isinstance(node, _OWN_SCOPE) or (isinstance(node, ast.If) and decides(node.test)):
            continue
        yield node
        todo += list(ast.iter_child_nodes(node))[::-1]


def decides(test: ast.AST) -> bool:
    """Return whether a condition asks for the environment or for how the file is run."""
    return any(getattr(node, "id", getattr(node, "attr", "")) in _DECIDES for node in ast.walk(test))


def beside(file: str, level: int) -> str:
    """Return the directory that a relative import in a file starts from; one dot is the directory of the file itself."""
    place = posixpath.dirname(file)
    for _step in range(level - 1):
        place = posixpath.dirname(place)
    return place
