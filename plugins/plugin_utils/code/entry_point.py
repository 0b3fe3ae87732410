# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at the module of an entry point, without running it: what uWSGI could certainly not serve is refused before any host is asked.

Only what is plain in the file counts. A module that makes its names while it runs, or that comes with a package, is left to the gate.
"""

from __future__ import annotations

import ast
import posixpath
import re
import typing as t
from collections.abc import Iterator, Mapping

from ..requirements.callables import bound_names, default_callable
from ..requirements.imports import module_files
from ..source.package import FileTree
from ..source.tree import SourceError, Tree
from ..uwsgi.entry_point import entry_file
from .module import Module, parsed

App = Mapping[str, t.Any]
# Applications and factories of applications for ASGI.
_ASGI = frozenset(
    {
        *("fastapi.FastAPI", "quart.Quart", "starlette.applications.Starlette", "litestar.Litestar", "blacksheep.Application"),
        *("sanic.Sanic", "falcon.asgi.App", "socketio.ASGIApp", "connexion.AsyncApp"),
        *("asgiref.wsgi.WsgiToAsgi", "a2wsgi.WSGIMiddleware", "django.core.asgi.get_asgi_application"),
    }
)
# Applications that only the server of their own library runs.
_NEITHER_WSGI_NOR_ASGI = frozenset({"aiohttp.web.Application", "tornado.web.Application"})
_FLASK = frozenset({"flask.Flask", "flask.app.Flask"})
_SERVERS = _FLASK | {"flask_socketio.SocketIO"}
# Names that code makes while it runs cannot be told from the file.
_MAKES_NAMES = frozenset({"globals", "locals", "__dict__", "exec", "setattr", "vars", "__getattr__"})
# uWSGI's interpreter has this module already.
_OF_UWSGI = "uwsgi"
_WSGI_ARGUMENTS = 2
_USUAL_MODULES = ("wsgi", "app", "main", "application", "server", "factory")
_A2WSGI = "a2wsgi.ASGIMiddleware"


def entry_point_problems(app: App, tree: Tree) -> Iterator[SourceError]:
    """Yield what is certainly wrong with the entry point of an application.

    :param app: a complete description
    """
    if isinstance(tree, FileTree):
        return
    wsgi, file = app["wsgi"], entry_file(app["wsgi"])
    name = wsgi.partition(":")[0]
    paths = [file.path] if file else module_files(name, tree)
    module = next((found for path in paths if (found := parsed(path, tree.read(path)))), None)
    if module is None:
        yield from [] if file or app["hooks"]["build"] else _missing(name, tree)
        return
    if not file and name.partition(".")[0] == _OF_UWSGI:
        says = f"'{name}' is a module of the source, and uWSGI has a module of its own with that name, which is taken"
        yield SourceError("wsgi", says, f"rename {module.file}")
        return
    yield from _own_server(module)
    asked = re.fullmatch(r"(\w+)(\(.*\))?", wsgi.partition(":")[2] or default_callable(wsgi, tree) or "application")
    if asked:
        yield from _callable(module, name, asked[1], is_called=bool(asked[2]))
        yield from _call(module, name, asked[1], asked[2] or "")


def _missing(name: str, tree: Tree) -> Iterator[SourceError]:
    """Yield a problem for a module that is missing in a package of the source; a module of any other may come with the requirements.

    :param name: the module as the entry point has it
    """
    top, *inner = name.split(".")
    place = posixpath.dirname(next((path for path in module_files(top, tree)[:1] if tree.read(path) is not None), ""))
    if not inner or not place or b"__path__" in (tree.read(f"{place}/__init__.py") or b""):
        return
    below = posixpath.join(place, *inner)
    # Compiled modules have more in their names.
    if not any(path.startswith((f"{below}.", f"{below}/")) for path in tree.names()):
        says = f"'{name}' is no module of the source, which has the package {place} without {'/'.join(inner)}.py"
        yield SourceError("wsgi", says, f"name a module of it, such as {_likely_module(top, place, tree)}, or add the file")


def _likely_module(package: str, place: str, tree: Tree) -> str:
    """Return the module of a package that makes the application most likely."""
    found = next((name for name in _USUAL_MODULES if tree.has(f"{place}/{name}.py")), "")
    return f"{package}.{found}" if found else package


def _call(module: Module, place: str, name: str, arguments: str) -> Iterator[SourceError]:
    """Yield a problem for a call of a factory that certainly fails.

    :param arguments: with their parentheses, empty for no call
    """
    bound = _last_bound(module).get(name) if arguments else None
    if isinstance(bound, ast.Call) and module.origin(bound.func) in _FLASK:
        yield SourceError(
            "wsgi", f"'{name}' in {module.file} is the application and no factory", f"write {place}:{name} without parentheses"
        )
    if not isinstance(bound, ast.FunctionDef) or bound.decorator_list:
        return
    missing = _missing_arguments(bound, arguments)
    if missing:
        says = f"'{name}' in {module.file} wants the argument {missing[0]}, and wsgi does not give it"
        yield SourceError("wsgi", says, f"write it, as in {_module_name(place)}:{name}({_example(missing)}), or give it a default value")


def _missing_arguments(function: ast.FunctionDef, arguments: str) -> list[str]:
    """Return the names of the arguments that a function wants and that a call does not give.

    :param arguments: of the call, with their parentheses
    """
    call = ast.parse(f"f{arguments}", mode="eval").body
    given = {word.arg for word in call.keywords} if isinstance(call, ast.Call) else set()
    places = [*function.args.posonlyargs, *function.args.args]
    wanted = [each.arg for each in places[: len(places) - len(function.args.defaults)]][len(getattr(call, "args", ())) :]
    wanted += [each.arg for each, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if default is None]
    return [each for each in wanted if each not in given]


def _example(missing: list[str]) -> str:
    return ", ".join(f'{name}="production"' for name in missing)


def _module_name(place: str) -> str:
    """Return the module of an entry point that calls a factory, which a file cannot have."""
    return place.removesuffix(".py").replace("/", ".")


def _own_server(module: Module) -> Iterator[SourceError]:
    """Yield a problem for a call at the top level of the file that starts a server of the module's own, and does not return."""
    applications = _made_by(module, _SERVERS)
    for statement in module.body:
        call = statement.value if isinstance(statement, ast.Expr) else None
        function = call.func if isinstance(call, ast.Call) else None
        if isinstance(function, ast.Attribute) and function.attr == "run" and getattr(function.value, "id", "") in applications:
            says = f"{module.file}, line {statement.lineno}, starts a server of its own while it is imported, so uWSGI would never get the application"
            yield SourceError("wsgi", says, 'write it below `if __name__ == "__main__":`, or remove it')


def _callable(module: Module, place: str, name: str, is_called: bool) -> Iterator[SourceError]:
    """Yield a problem for a name that the module does not have, or that is certainly no application.

    :param place: the module as the entry point has it
    :param is_called: whether the entry point calls it, as a factory
    """
    if name not in bound_names(module.body):
        if not _makes_names(module):
            found = sorted(_made_by(module, _FLASK))
            remedy = f"write {place}:{found[0]}" if found else "name what the module has, the Flask object or a factory with parentheses"
            yield SourceError("wsgi", f"{module.file} has no '{name}'", remedy)
        return
    bound = None if is_called else _last_bound(module)[name]
    made = module.origin(bound.func) if isinstance(bound, ast.Call) else ""
    if made in _NEITHER_WSGI_NOR_ASGI:
        says = f"'{name}' in {module.file} is an application of {made.partition('.')[0]}, which needs a server of its own, and uWSGI speaks WSGI"
        yield SourceError("wsgi", says, "name a Flask object")
    elif made in _ASGI or (isinstance(bound, ast.AsyncFunctionDef) and not bound.decorator_list):
        says = f"'{name}' in {module.file} is an application for ASGI{f' ({made})' if made else ''}, and uWSGI speaks WSGI"
        wrapped = f"application = {_A2WSGI}({name}), with a2wsgi in the requirements"
        yield SourceError("wsgi", says, f"name a Flask object, or wrap it ({wrapped}) and write {place}:application")
    elif isinstance(bound, ast.FunctionDef) and not bound.decorator_list and not _takes_a_request(bound):
        says = f"'{name}' in {module.file} is a function that takes no request, so it seems to make the application"
        called = f"{_module_name(place)}:{name}({_example(_missing_arguments(bound, '()'))})"
        yield SourceError("wsgi", says, f"write it with parentheses, {called}")


def _takes_a_request(function: ast.FunctionDef) -> bool:
    """Return whether a function can be called with the two arguments that a server gives an application for WSGI."""
    arguments = function.args
    most = len(arguments.posonlyargs) + len(arguments.args)
    least = most - len(arguments.defaults)
    return (most >= _WSGI_ARGUMENTS or arguments.vararg is not None) and least <= _WSGI_ARGUMENTS


def _made_by(module: Module, kinds: frozenset[str]) -> set[str]:
    """Return the names that the module binds last to what one of some callables returns, at the top level of the file."""
    return {name for name, bound in _last_bound(module).items() if isinstance(bound, ast.Call) and module.origin(bound.func) in kinds}


def _last_bound(module: Module) -> dict[str, ast.AST | None]:
    """Return the function or the value that each name of the module is bound to last, ``None`` where that is inside of another statement."""
    last: dict[str, ast.AST | None] = {}
    for statement in module.body:
        last.update(dict.fromkeys(bound_names([statement])))
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            last[statement.name] = statement
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            last.update({target.id: statement.value for target in targets if isinstance(target, ast.Name)})
    return last


def _makes_names(module: Module) -> bool:
    """Return whether the module may have names that do not stand in it."""
    for node in (found for statement in module.body for found in ast.walk(statement)):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            return True
        if isinstance(node, ast.Global) or getattr(node, "name", getattr(node, "id", getattr(node, "attr", ""))) in _MAKES_NAMES:
            return True
        if isinstance(node, ast.Attribute) and node.attr == "modules":
            return True
    return False
