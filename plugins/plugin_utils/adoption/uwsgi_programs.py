# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Applications that uWSGI runs, by its ini files and command lines (uWSGI's manual, "Configuring uWSGI" and "Options")."""

from __future__ import annotations

import posixpath
import re
import typing as t

from . import addresses, command_lines
from .findings import FoundAt, HostFile, Launch, Program
from .service_files import assignments

Option = tuple[str, str, FoundAt]
_SOCKETS = ("socket", "uwsgi-socket", "http-socket", "http", "http11-socket", "https", "fastrouter", "shared-socket")
# Options that the roles set by themselves, or that have nothing to say under systemd and nginx.
_NEEDLESS = re.compile(
    r"master|vacuum|die-on-term|exit-on-reload|no-orphans|chmod-socket|chown-socket|gid|uid|single-interpreter|enable-threads|need-app|strict|"
    r"py-call-uwsgi-fork-hooks|"
    r"plugins?|plugin-dir|logto2?|logger|req-logger|daemonize2?|pidfile2?|safe-pidfile2?|touch-.*|procname.*|auto-procname|stats.*|memory-report|"
    r"log-.*|logformat.*|disable-logging|binary-path|buffer-size|chdir|chdir2|home|virtualenv|venv|pyhome|listen|thunder-lock|ignore-.*|"
    r"disable-write-exception|harakiri-verbose|worker-reload-mercy|reload-mercy|py-autoreload|python-auto-reload|manage-script-name|autoload|"
    r"no-default-app|show-config|callable|module|wsgi|wsgi-file|file|pythonpath|python-path|pp|processes|workers|threads|cheap|idle|protocol|"
    r"uwsgi|project|name|base|app|app_name|max-worker-lifetime.*|min-worker-lifetime|catch-exceptions|umask|limit-as|proc-name|reload-os-env|ini|"
    r"offload-threads|post-buffering|route-.*-log|vassal-sos.*|http-keepalive|so-keepalive|skip-atexit.*|lazy-apps-.*|threads-stacksize|cpu-affinity|"
    r"forkbomb-delay|emperor.*|logfile-chown|logfile-chmod|master-fifo|close-on-exec|honour-stdin|start-unsubscribed|subscribe.*"
)  # fmt: skip
_TAKEN_OVER = ("harakiri", "max-requests", "lazy-apps", "reload-on-as", "http-timeout", "socket-timeout", "max-fd")
_WORKERS = ("attach-daemon", "attach-daemon2", "smart-attach-daemon", "smart-attach-daemon2", "legion-attach-daemon")
_CRONS = ("cron", "cron2", "unique-cron", "legion-cron")
_LONGEST = 4096


def ini_paths(launch: Launch) -> list[str]:
    """Return the ini files that a command line of uWSGI reads, and patterns for those of an emperor's directories."""
    arguments = command_lines.server(launch.words)[1]
    directory = launch.directory or "/"
    found = []
    for index, word in enumerate(arguments):
        name, equals, value = word.partition("=")
        value = value if equals else arguments[index + 1] if len(arguments) > index + 1 else ""
        if name in ("--ini", "--inherit", "--include") or (name == "-i" and not equals):
            found.append(posixpath.join(directory, value.partition(":")[0]))
        elif name == "--emperor":
            found.append(_pattern(posixpath.join(directory, value)))
        elif word.endswith(".ini") and not word.startswith("-"):
            found.append(posixpath.join(directory, word))
    return [posixpath.normpath(path) for path in dict.fromkeys(found)]


def emperors(file: HostFile) -> list[str]:
    """Return patterns of the files that the emperor of an ini starts."""
    return [_pattern(value) for name, value, _place in options(file) if name == "emperor" and value.startswith("/")]


def _pattern(place: str) -> str:
    return place if re.search(r"[*?[]|\.ini$", place) else f"{place.rstrip('/')}/*.ini"


def options(file: HostFile) -> list[Option]:
    """Return the options of an ini in order, with placeholders filled in as far as the file tells them."""
    stem, extension = posixpath.splitext(posixpath.basename(file.path))
    magic = {"n": stem, "s": stem + extension, "p": file.path, "d": f"{posixpath.dirname(file.path)}/", "e": extension[1:], "c": ""}
    known: dict[str, str] = {}
    found: list[Option] = []
    for section, key, value, line in assignments(file.text):
        if section != "uwsgi":
            continue
        value = re.sub(r"%\(([\w.-]+)\)", lambda name: known.get(name[1], name[0])[:_LONGEST], value)
        value = re.sub(r"%([nspde])(?![a-z(])", lambda name: magic[name[1]], value)[:_LONGEST]
        if key in ("set", "set-placeholder", "set-ph"):
            key, _equals, value = (part.strip() for part in value.partition("="))
            known[key] = value
            continue
        known[key] = value
        found.append((key, value, FoundAt(file.path, line)))
    return found


def of_command_line(launch: Launch) -> list[Option]:
    """Return the options of a command line without an ini."""
    arguments = command_lines.server(launch.words)[1]
    short = {"-s": "socket", "-w": "module", "-p": "processes", "-H": "home", "-M": "master", "-d": "daemonize", "-C": "chmod-socket"}
    found: list[Option] = []
    for index, word in enumerate(arguments):
        if not word.startswith("-"):
            continue
        name, equals, value = word.partition("=")
        after = arguments[index + 1] if len(arguments) > index + 1 else ""
        value = value if equals else "" if after.startswith("-") else after
        found.append((short.get(name, name.lstrip("-")), value or "true", launch.place))
    return found


def program(launch: Launch, found: t.Sequence[Option], ini: str = "") -> Program:
    """Return the application of options of uWSGI.

    :param ini: the path of the file with the options, empty if the command line has them
    """
    result = Program(
        name=launch.name, launch=launch, place=launch.place, user=launch.user, env=dict(launch.env), env_files=list(launch.env_files)
    )
    last = {name.replace("_", "-"): value for name, value, _place in found}
    beside = posixpath.dirname(ini) if ini else "/"
    file = last.get("wsgi-file") or last.get("file") or ""
    result.directory = posixpath.normpath(
        posixpath.join(launch.directory or "/", last.get("chdir") or launch.directory or posixpath.dirname(file) or beside)
    )
    home = next((last[name] for name in ("home", "virtualenv", "venv", "pyhome") if name in last), "")
    result.virtualenv = posixpath.normpath(posixpath.join(result.directory, home)) if home else _of_launch(launch)
    result.user = last.get("uid") or result.user
    result.entry = _entry(result, last, file)
    for name, value, place in found:
        _take(result, name.replace("_", "-"), value, place)
    result.addresses += [addresses.normal(each) for each in launch.sockets]
    _numbers(result, last)
    return result


def _of_launch(launch: Launch) -> str:
    path = launch.env.get("PATH", "").split(":")[0]
    return command_lines.virtualenv(launch.words) or command_lines.virtualenv([f"{path}/uwsgi"] if path.endswith("/bin") else [])


def _entry(result: Program, last: t.Mapping[str, str], file: str) -> str:
    """Return the entry point as the description writes it."""
    module = last.get("module") or last.get("wsgi") or ""
    if not module and not file:
        prefix, _equals, module = last.get("mount", "").partition("=")
        result.prefix = prefix.rstrip("/") if module else ""
    name = last.get("callable", "")
    if file or module.endswith(".py"):
        path = posixpath.relpath(posixpath.join(result.directory, file or module), result.directory)
        return f"{path}:{name}" if name else path
    return module if ":" in module or not module else f"{module}:{name or 'application'}"


def _take(result: Program, name: str, value: str, place: FoundAt) -> None:
    """Take over one option, or say why it is left."""
    if name in _SOCKETS:
        result.addresses.append(addresses.normal(value.split(",")[0], result.directory))
    elif name == "env":
        key, _equals, text = value.partition("=")
        result.env[key.strip()] = text.strip()
    elif name == "static-map":
        url, _equals, directory = value.partition("=")
        result.statics.append((url, posixpath.join(result.directory, directory), place))
    elif name in _WORKERS:
        result.workers.append({"command": value.removeprefix("cmd=").partition(",")[0] if value.startswith("cmd=") else value})
    elif name in _CRONS:
        result.leave(place, "uWSGI runs something by the clock", "write it into timers")
    elif name in ("mount", "pythonpath", "python-path", "pp") and posixpath.normpath(value) != result.directory and name != "mount":
        result.leave(place, f"{name} is {value}", "name the module by its path below the source, or move the code into the source")
    elif name in _TAKEN_OVER:
        result.uwsgi.setdefault("options", {})[name] = True if value == "true" else int(value) if value.isdigit() else value
    elif name not in ("mount", "cheaper", "gevent", "reload-on-rss", "set") and not _NEEDLESS.fullmatch(name):
        result.leave(place, f"uWSGI has the option {name}", "write it into uwsgi.options if the application needs it")


def _numbers(result: Program, last: t.Mapping[str, str]) -> None:
    """Take over how many requests are answered at once."""
    numbers = {
        "processes": last.get("processes") or last.get("workers") or last.get("p") or "1",
        "threads": last.get("threads") or "1",
        "greenlets": last.get("gevent"),
        "worker_memory": last.get("reload-on-rss"),
    }
    result.uwsgi |= {name: int(value) for name, value in numbers.items() if value and value.isdigit() and int(value)}
    if not str(numbers["processes"]).isdigit():
        result.leave(
            result.place, f"uWSGI has {numbers['processes']} processes", "write uwsgi.processes; without it there is one a processor"
        )
    if "greenlets" in result.uwsgi:
        result.uwsgi.pop("threads", None)
        result.uwsgi.get("options", {}).pop("harakiri", None)
    cheaper = last.get("cheaper", "")
    if cheaper.isdigit() and 0 < int(cheaper) < result.uwsgi.get("processes", 0):
        result.uwsgi["cheaper"] = {"minimum": int(cheaper)}
