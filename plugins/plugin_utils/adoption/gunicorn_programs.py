# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Applications that gunicorn runs, by its command line and its configuration file (gunicorn's manual, "Settings")."""

from __future__ import annotations

import ast
import posixpath
import re
import typing as t

from . import addresses, command_lines
from .findings import FoundAt, HostFile, Launch, Program

# Options of the command line by the name of the setting; what has no value stands in _FLAGS.
_LONG = {
    "-b": "bind", "-w": "workers", "-k": "worker_class", "-t": "timeout", "-c": "config", "-e": "env", "-u": "user", "-g": "group", "-n": "proc_name",
    "-p": "pidfile", "-m": "umask",
}  # fmt: skip
_FLAGS = ("daemon", "preload", "reload", "check_config", "capture_output", "no_sendfile", "reuse_port", "enable_stdio_inheritance", "spew")
# Settings that have nothing to say under systemd and nginx, or that the roles set by themselves.
_NEEDLESS = {
    "group", "proc_name", "pidfile", "umask", "daemon", "check_config", "capture_output", "no_sendfile", "reuse_port", "log_level", "loglevel",
    "access_logfile", "accesslog", "error_logfile", "errorlog", "log_file", "access_logformat", "access_log_format", "worker_tmp_dir", "keep_alive",
    "keepalive", "graceful_timeout", "forwarded_allow_ips", "backlog", "worker_connections", "max_requests_jitter", "user", "reload", "name",
    "proxy_allow_from", "log_config", "sendfile", "enable_stdio_inheritance", "limit_request_line", "limit_request_fields", "limit_request_field_size",
}  # fmt: skip
_GREENLETS = ("gevent", "eventlet", "geventwebsocket.gunicorn.workers.GeventWebSocketWorker")
_DEFAULT_CONNECTIONS = 1000
_DEFAULT_CONFIG = "gunicorn.conf.py"


def config_path(launch: Launch) -> str:
    """Return the path of the configuration file that a command line of gunicorn reads."""
    settings, _entry = _settings(command_lines.server(launch.words)[1])
    path = str((settings.get("config") or [_DEFAULT_CONFIG])[-1]).removeprefix("file:")
    return posixpath.normpath(posixpath.join(_first(settings, "chdir") or launch.directory or "/", path))


def program(launch: Launch, files: t.Mapping[str, HostFile]) -> Program:
    """Return the application that a command line of gunicorn starts.

    :param files: files by path, which has that of :func:`config_path` if the host has it
    """
    settings, entry = _settings(command_lines.server(launch.words)[1])
    found = Program(name=launch.name, launch=launch, place=launch.place, user=launch.user, env=dict(launch.env), env_files=launch.env_files)
    file = files.get(config_path(launch))
    if file:
        settings = {**_of_file(file, found), **settings}
    found.directory = posixpath.normpath(_first(settings, "chdir") or launch.directory or "/")
    found.virtualenv = command_lines.virtualenv(launch.words) or _of_path(launch.env)
    found.entry = entry or _first(settings, "wsgi_app") or ""
    found.user = _first(settings, "user") or found.user
    found.addresses = [addresses.normal(each, found.directory) for each in launch.sockets or settings.get("bind") or ["127.0.0.1:8000"]]
    for pair in [*settings.get("env", ()), *settings.get("raw_env", ())]:
        name, equals, value = str(pair).partition("=")
        found.env |= {name: value} if equals else {}
    _numbers(found, settings)
    return found


def _settings(arguments: t.Sequence[str]) -> tuple[dict[str, list[str]], str]:
    """Return the settings of a command line by name, each with all its values, and the entry point."""
    settings: dict[str, list[str]] = {}
    entry = ""
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            entry = word
            continue
        name, equals, value = word.partition("=")
        if not name.startswith("--") and name[:2] in _LONG and len(name) > 2:
            name, equals, value = name[:2], "=", word[2:]
        name = _LONG.get(name, name.lstrip("-").replace("-", "_"))
        if name in _FLAGS:
            settings[name] = ["true"]
        else:
            settings.setdefault(name, []).append(value if equals else rest.pop(0) if rest else "")
    return settings, entry


def _of_file(file: HostFile, found: Program) -> dict[str, list[str]]:
    """Return the settings of a configuration file, which is a program of Python, as far as it assigns constants."""
    try:
        tree = ast.parse(file.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        found.leave(file.path, "is no Python", "look at the file, and write its settings into the description")
        return {}
    settings: dict[str, list[str]] = {}
    for statement in tree.body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            if not isinstance(statement, (ast.Import, ast.ImportFrom)) and not isinstance(getattr(statement, "value", None), ast.Constant):
                found.leave(
                    FoundAt(file.path, statement.lineno), "is code of gunicorn's configuration", "see whether the application needs it"
                )
            continue
        name = statement.targets[0].id
        try:
            value = ast.literal_eval(statement.value)
        except (ValueError, SyntaxError, RecursionError):
            says = f"{name} is computed when gunicorn starts"
            remedy = "leave uwsgi.processes out for one process a processor, or write a number" if name == "workers" else "write what it is"
            found.leave(FoundAt(file.path, statement.lineno), says, remedy)
            continue
        settings[name] = [str(each) for each in value] if isinstance(value, (list, tuple)) else [str(value)]
    return settings


def _numbers(found: Program, settings: t.Mapping[str, list[str]]) -> None:
    """Take over how many requests are answered at once, and for how long each may take."""
    kind = _first(settings, "worker_class") or "sync"
    workers, threads = _number(settings, "workers"), _number(settings, "threads")
    found.uwsgi["processes"] = workers or 1
    if kind in _GREENLETS:
        found.uwsgi["greenlets"] = _number(settings, "worker_connections") or _DEFAULT_CONNECTIONS
    else:
        found.uwsgi["threads"] = threads or 1
    if "workers" in settings and not workers:
        del found.uwsgi["processes"]
    if kind not in (*_GREENLETS, "sync", "gthread"):
        found.leave(
            found.place, f"gunicorn has workers of the class {kind}", "try whether threads of uWSGI do as well; it has no such workers"
        )
    options = {"harakiri": _number(settings, "timeout"), "max-requests": _number(settings, "max_requests")}
    if any(options.values()) and kind not in _GREENLETS:
        found.uwsgi["options"] = {name: value for name, value in options.items() if value}
    known = {"bind", "chdir", "config", "env", "raw_env", "timeout", "max_requests", "preload", "preload_app", "threads", "worker_class", "workers",
             "wsgi_app"}  # fmt: skip
    for name in sorted(set(settings) - known - _NEEDLESS):
        found.leave(found.place, f"gunicorn has the setting {name}", "see whether the application needs it; uWSGI has settings of its own")


def _number(settings: t.Mapping[str, list[str]], name: str) -> int:
    value = _first(settings, name)
    return int(value) if value.isdigit() else 0


def _first(settings: t.Mapping[str, list[str]], name: str) -> str:
    """Return the value that counts of a setting: the last one."""
    return (settings.get(name) or [""])[-1]


def _of_path(env: t.Mapping[str, str]) -> str:
    """Return the virtualenv whose programs ``PATH`` has first, empty if it has none."""
    first = env.get("PATH", "").split(":")[0]
    return posixpath.dirname(first) if re.fullmatch(r"/(?!usr/|usr$|local/).+/bin", first) else ""
