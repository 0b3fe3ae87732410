# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Flask applications that the definitions of a host start, each one once."""

from __future__ import annotations

import posixpath
import re
import typing as t

from . import command_lines, gunicorn_programs, uwsgi_programs
from .findings import FoundAt, HostFile, Launch, Left, Program
from .nginx_files import matches
from .service_files import variables
from .survey import APPS_ENABLED, VASSALS, Survey

# piku, https://github.com/piku/piku: an ini for each process, and variables of its own in the environment.
_OF_PIKU = re.compile(r"(?P<app>.+)_(?P<kind>[a-z]+)\.[0-9]+")
# Variables that a login shell or an old layout set. The roles set their own.
_NOT_OF_THE_APPLICATION = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|PWD|VIRTUAL_ENV|APP|LOG_ROOT|PORT|BIND_ADDRESS|NGINX_.*|INTERNAL_NGINX_.*|PYTHON_VERSION|PYTHONHOME|UWSGI_.*|PIKU_.*"
)
_DEFAULT_USER = "www-data"


def programs(found: Survey) -> list[Program]:
    """Return the applications. Definitions that start nothing which can be told are added to the list of what is left."""
    result: list[Program] = []
    for program in _all(found):
        if not program.entry and not program.workers:
            continue
        same = next((index for index, each in enumerate(result) if _is_same(each, program)), None)
        if same is None:
            result.append(program)
        elif result[same].entry:
            result[same].workers += program.workers
        else:
            program.workers += result[same].workers
            result[same] = program
    for program in result:
        _complete(program, found)
    whole = [program for program in result if program.entry]
    found.left += [
        Left(str(each.place), f"starts {each.launch.words[0]} and no application that can be told", "describe it by hand")
        for each in result
        if not each.entry and (command_lines.server(each.launch.words)[0] or each.launch.words[0].endswith("flask"))
    ]
    return whole


def _is_same(one: Program, other: Program) -> bool:
    """Return whether two definitions start the same application: two at one address, or workers beside it."""
    if set(one.addresses) & set(other.addresses):
        return True
    return one.directory == other.directory and (not one.entry or not other.entry or one.entry == other.entry)


def _all(found: Survey) -> t.Iterator[Program]:
    """Yield every application of every definition, those that are known best first, and last what merely runs."""
    launches = found.launches()
    started = [launch for launch in launches if launch.kind != "process"]
    yield from (program for launch in started for program in _of(launch, found))
    emperors = [(pattern, launch) for launch in launches for pattern in _emperors(launch, found)]
    for file in found.like(APPS_ENABLED, *VASSALS, *(pattern for pattern, _launch in emperors)):
        by = next((launch for pattern, launch in emperors if matches(file.path, pattern)), None)
        kind = "apps-enabled" if matches(file.path, APPS_ENABLED) else "emperor"
        name = posixpath.basename(file.path).removesuffix(".ini")
        user = by.user if by else _DEFAULT_USER
        launch = Launch(kind, name, FoundAt(file.path, 0), ["uwsgi"], user=user, owner=file.owner)
        yield _placed(uwsgi_programs.program(launch, uwsgi_programs.options(file), file.path), file)
    yield from (program for launch in launches if launch.kind == "process" for program in _of(launch, found))
    yield from _beside(found)


def _of(launch: Launch, found: Survey) -> t.Iterator[Program]:
    """Yield the application that a definition starts itself, none for an emperor."""
    kind, _arguments = command_lines.server(launch.words)
    if kind == "gunicorn":
        yield gunicorn_programs.program(launch, found.files)
    elif kind == "uwsgi":
        paths = uwsgi_programs.ini_paths(launch)
        named = [found.files[path] for path in paths if path in found.files]
        if not paths:
            yield uwsgi_programs.program(launch, uwsgi_programs.of_command_line(launch))
        elif named and not _emperors(launch, found):
            options = [option for file in named for option in uwsgi_programs.options(file)]
            yield _placed(uwsgi_programs.program(launch, options, named[-1].path), named[-1])


def _emperors(launch: Launch, found: Survey) -> list[str]:
    """Return patterns of the files that a uWSGI starts as an emperor."""
    if command_lines.server(launch.words)[0] != "uwsgi":
        return []
    paths = uwsgi_programs.ini_paths(launch)
    named = [found.files[path] for path in paths if path in found.files]
    return [
        *(path for path in paths if re.search(r"[*?]", path)),
        *(pattern for file in named for pattern in uwsgi_programs.emperors(file)),
    ]


def _placed(program: Program, file: HostFile) -> Program:
    """Have an application name its ini as its place, and be called as piku calls it."""
    program.place = FoundAt(file.path, 0)
    if piku := _OF_PIKU.fullmatch(program.name):
        program.name = piku["app"]
        for number, worker in enumerate(program.workers):
            worker["name"] = piku["kind"] if not number else f"{piku['kind']}{number}"
    return program


def _beside(found: Survey) -> t.Iterator[Program]:
    """Yield the workers of queues and the like, as programs without an entry point."""
    for launch in found.launches():
        if not command_lines.server(launch.words)[0] and launch.directory and command_lines.worker(launch.words):
            command = [
                posixpath.basename(launch.words[0]) if command_lines.virtualenv(launch.words) else launch.words[0],
                *launch.words[1:],
            ]
            program = Program(name=launch.name, launch=launch, place=launch.place, directory=posixpath.normpath(launch.directory))
            program.workers = [{"name": launch.name, "command": " ".join(_quoted(word) for word in command)}]
            yield program


def _quoted(word: str) -> str:
    return word if re.fullmatch(r"[\w@%+=:,./-]+", word) else "'" + word.replace("'", "'\"'\"'") + "'"


def _complete(program: Program, found: Survey) -> None:
    """Add the variables of files to those of the definition, and take out what is not the application's."""
    values: dict[str, str] = {}
    for path in [posixpath.join(program.directory, ".env"), *program.env_files]:
        if path in found.files:
            values |= variables(found.files[path].text)
    program.env = {**values, **program.env}
    program.env = {name: value for name, value in program.env.items() if not _NOT_OF_THE_APPLICATION.fullmatch(name)}
    if program.launch.kind == "process":
        program.leave(
            program.place, "nothing starts this process", "end it by hand when you have moved, and see that nobody starts it again"
        )
