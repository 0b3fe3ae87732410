# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find in the code of an application, without running it, what is kept in the memory of one process although the application runs in several.

uWSGI imports an application once for each instance and forks its processes from the one that has imported it; the pool for streams,
each worker, timer, hook and command import it once more. Only what is certain is told: docs/workers.md has the rest.
"""

from __future__ import annotations

import ast
import typing as t
from collections.abc import Iterator, Mapping

from ..source.tree import Tree
from .module import Module
from .reached import Running, code_at_import

App = Mapping[str, t.Any]
_RANDOM = frozenset(
    {
        *(f"{module}.{name}" for module in ("secrets",) for name in ("token_bytes", "token_hex", "token_urlsafe")),
        "os.urandom",
        "uuid.uuid4",
        "random.randbytes",
    }
)
_SCHEDULERS = "apscheduler.schedulers."
_BLOCKING = "BlockingScheduler"
_FLASK_APSCHEDULER = "flask_apscheduler.APScheduler"
_THREADS = frozenset({"threading.Thread", "threading.Timer"})
_SOCKETIO = "flask_socketio.SocketIO"
_TEMPORARY = ("/tmp/", "/var/tmp/")
_MOST_SHOWN = 5


class Finding(t.NamedTuple):
    """A place in the code, and what becomes of it, with the remedy."""

    file: str
    line: int
    says: str


def warning(app: App, tree: Tree) -> str:
    """Return one line about what the code of an application keeps in the memory of one process, empty for nothing.

    :param app: a complete description
    """
    if not app["memory_warnings"]:
        return ""
    found = list(dict.fromkeys(findings(app, tree)))
    if not found:
        return ""
    listed = "; ".join(f"{each.file}, line {each.line}, {each.says}" for each in found[:_MOST_SHOWN])
    more = f"; and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
    return (
        f"{app['name']}: {listed}{more}. The section 'Where code runs' of docs/workers.md tells why; memory_warnings: false switches this"
        " line off."
    )


def findings(app: App, tree: Tree) -> Iterator[Finding]:
    """Yield what the code keeps in the memory of one process, in the order in which it runs."""
    code = code_at_import(app["wsgi"], tree)
    objects = _Objects(code)
    for part in code:
        for look in (_key, _temporary, _connection):
            says = look(app, part)
            if says:
                yield _finding(part, says)
        says = objects.says(app, part)
        if says:
            yield _finding(part, says)


def _finding(part: Running, says: str) -> Finding:
    return Finding(part.module.file, getattr(part.node, "lineno", 0), says)


def _key(app: App, part: Running) -> str:
    for name, value in _settings(part.node):
        if name.upper() == "SECRET_KEY" and _is_random(part.module, value):
            also = ", and the processes for streams have another key" if app["uwsgi"]["stream"]["pool"] != "none" else ""
            return f"makes a new SECRET_KEY at each start, so every deployment logs all users out{also}; write a fixed one into secrets"
    return ""


def _temporary(_app: App, part: Running) -> str:
    for name, value in _settings(part.node):
        if name == "SESSION_FILE_DIR" and isinstance(value, ast.Constant) and f"{value.value}/".startswith(_TEMPORARY):
            return (
                f"keeps sessions in {value.value}, which each unit has for itself and loses at a deployment; write a path of shared_paths"
            )
    return ""


def _connection(app: App, part: Running) -> str:
    """Tell of a connection of SQLite that is there before the processes are forked; one that a function opens may be closed at once."""
    node = part.node
    if part.in_function or _is_lazy(app) or not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
        return ""
    if part.module.origin(node.value.func) != "sqlite3.connect" or _closes(part.module, node.targets):
        return ""
    lone = app["uwsgi"].get("threads") == 1 or any(word.arg in ("check_same_thread", None) for word in node.value.keywords)
    also = "" if lone else ", and all but one of their threads are refused it"
    return f"opens a connection of SQLite while it is imported: all processes get the same one, which SQLite forbids{also}; open one in each request"


def _closes(module: Module, targets: list[ast.expr]) -> bool:
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    calls = (node.func for node in ast.walk(ast.Module(module.body, [])) if isinstance(node, ast.Call))
    return any(
        isinstance(call, ast.Attribute) and call.attr == "close" and isinstance(call.value, ast.Name) and call.value.id in names
        for call in calls
    )


def _settings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield the settings that a statement or a call sets: by attribute, by key, by name, or as keywords of a call of a configuration."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
                yield str(target.slice.value), node.value
            elif isinstance(target, (ast.Attribute, ast.Name)):
                yield getattr(target, "attr", getattr(target, "id", "")), node.value
    elif isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(node.target, ast.Name):
        yield node.target.id, node.value
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("from_mapping", "update"):
        for word in node.keywords:
            if word.arg:
                yield word.arg, word.value


def _is_random(module: Module, value: ast.expr) -> bool:
    """Return whether a value is a random one, also as text; one that is only a fallback for a setting may never be used."""
    while isinstance(value, (ast.Attribute, ast.Call)):
        if isinstance(value, ast.Attribute):
            value = value.value
        elif module.origin(value.func) in _RANDOM:
            return True
        elif isinstance(value.func, ast.Attribute):
            value = value.func.value
        elif isinstance(value.func, ast.Name) and value.func.id == "str" and value.args:
            value = value.args[0]
        else:
            return False
    return False


class _Objects:
    """Schedulers, threads and Socket.IO servers that the code makes, by the name that they are bound to."""

    def __init__(self, code: list[Running]) -> None:
        self.made: dict[str, str] = {}
        self.has_queue = False
        for part in code:
            node = part.node
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                kind = _kind(part.module.origin(node.value.func))
                self.made.update({ast.unparse(target): kind for target in node.targets if kind})
            if isinstance(node, ast.Call) and any(word.arg in ("message_queue", None) for word in node.keywords):
                self.has_queue = True

    def says(self, app: App, part: Running) -> str:
        """Return what becomes of a call that starts one of these, empty for any other part of the code."""
        node = part.node
        if not isinstance(node, ast.Call):
            return ""
        if part.module.origin(node.func) == _SOCKETIO and not self.has_queue and _processes(app):
            return (
                "makes a SocketIO without message_queue, so an event reaches the clients of one process alone, and the application has"
                f" {_processes(app)}; give it the URL of a Redis"
            )
        if not isinstance(node.func, ast.Attribute) or node.func.attr != "start":
            return ""
        started = node.func.value
        kind = _kind(part.module.origin(started.func)) if isinstance(started, ast.Call) else self.made.get(ast.unparse(started), "")
        if not kind:
            return ""
        remedy = "make it a worker with overlap: false" if kind == "scheduler" else "make it a worker"
        if _is_lazy(app):
            return f"starts a {kind} while it is imported, and with lazy-apps each process imports the code and has its own; {remedy}"
        return (
            f"starts a {kind} while it is imported: the web processes that answer requests do not have it, since it stays in the master of uWSGI,"
            f" and each worker, hook and command that imports the code starts one more; {remedy}"
        )


def _kind(origin: str) -> str:
    if origin == _FLASK_APSCHEDULER or (origin.startswith(_SCHEDULERS) and not origin.endswith(_BLOCKING)):
        return "scheduler"
    return "thread" if origin in _THREADS else ""


def _is_lazy(app: App) -> bool:
    """Return whether each process of uWSGI imports the application itself, instead of being forked from one that has."""
    value = app["uwsgi"]["options"].get("lazy-apps", app["uwsgi"]["options"].get("lazy"))
    return value is not None and str(value).lower() not in ("false", "0", "no", "off")


def _processes(app: App) -> str:
    """Return which processes besides a single one an application has, empty for none."""
    stream, processes = app["uwsgi"]["stream"], app["uwsgi"].get("processes", 0)
    more = [
        "several processes that answer requests" if processes != 1 else "",
        "a pool for streams beside them" if stream["pool"] != "none" else "",
        "workers" if app["workers"] else "",
    ]
    return " and ".join(filter(None, more))
