# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Definitions of services: units of systemd, sections of supervisor, jobs of Upstart."""

from __future__ import annotations

import posixpath
import re
import shlex
import typing as t

from . import command_lines
from .findings import FoundAt, HostFile, Launch

_Assignment = tuple[str, str, str, int]
_DROP_IN = re.compile(r"(?P<unit>.*/[^/]+\.service)\.d/[^/]+\.conf")


def systemd(files: t.Sequence[HostFile]) -> list[Launch]:
    """Return what the services of systemd start. Files in ``NAME.service.d`` belong to their service (systemd.unit(5))."""
    launches = []
    for file in files:
        if not file.path.endswith(".service"):
            continue
        more = [other for other in files if (match := _DROP_IN.fullmatch(other.path)) and match["unit"] == file.path]
        lines = [(each, entry) for each in (file, *more) for entry in assignments(each.text)]
        launches += _service(file, lines)
    for launch in launches:
        for file in files:
            if posixpath.basename(file.path) == f"{launch.name}.socket":
                launch.sockets += [value for _section, key, value, _line in assignments(file.text) if key == "ListenStream" and value]
    return launches


def _service(file: HostFile, lines: t.Sequence[tuple[HostFile, _Assignment]]) -> list[Launch]:
    name = posixpath.basename(file.path).removesuffix(".service")
    launch = Launch("systemd", name, FoundAt(file.path, 0), owner=file.owner)
    for of, (section, key, value, line) in lines:
        if section != "Service":
            continue
        value = value.replace("%n", f"{name}.service").replace("%N", name).replace("%p", name).replace("%%", "%")
        if key == "ExecStart" and value:
            launch.place = FoundAt(of.path, line)
            env, launch.words = command_lines.environment(command_lines.split(value.lstrip("@-:+!")))
            launch.env = {**env, **launch.env}
        elif key == "WorkingDirectory":
            launch.directory = value.lstrip("-")
        elif key == "User":
            launch.user = value
        elif key == "Environment":
            launch.env |= command_lines.environment(_words(value))[0]
        elif key == "EnvironmentFile":
            launch.env_files.append(value.lstrip("-"))
    return [launch] if launch.words else []


def supervisor(files: t.Sequence[HostFile]) -> list[Launch]:
    """Return what the programs of supervisor start (http://supervisord.org/configuration.html)."""
    launches = []
    for file in files:
        found: dict[str, Launch] = {}
        for section, key, value, line in assignments(_on_one_line(file.text), comments=";#"):
            if not section.startswith("program:"):
                continue
            name = section.removeprefix("program:").strip()
            launch = found.setdefault(name, Launch("supervisor", name, FoundAt(file.path, line), owner=file.owner))
            value = re.split(r"\s;", value)[0].strip().replace("%(program_name)s", name).replace("%(process_num)s", "0")
            if key == "command":
                launch.place = FoundAt(file.path, line)
                env, launch.words = command_lines.environment(command_lines.split(value))
                launch.env = {**env, **launch.env}
            elif key == "directory":
                launch.directory = value
            elif key == "user":
                launch.user = value
            elif key == "environment":
                launch.env |= _listed(value)
        launches += [launch for launch in found.values() if launch.words]
    return launches


def upstart(files: t.Sequence[HostFile]) -> list[Launch]:
    """Return what the jobs of Upstart start (init(5) of Upstart)."""
    launches = []
    for file in files:
        name = posixpath.basename(file.path).removesuffix(".conf")
        launch = Launch("upstart", name, FoundAt(file.path, 0), owner=file.owner)
        for line, text in enumerate(file.text.splitlines(), 1):
            stanza, _blank, value = text.strip().partition(" ")
            if stanza == "exec":
                launch.place = FoundAt(file.path, line)
                launch.words = command_lines.environment(command_lines.split(value))[1]
            elif stanza == "chdir":
                launch.directory = value.strip()
            elif stanza == "setuid":
                launch.user = value.strip()
            elif stanza == "env":
                launch.env |= command_lines.environment(_words(value))[0]
        launches += [launch] if launch.words else []
    return launches


def assignments(text: str, comments: str = "#;") -> t.Iterator[_Assignment]:
    """Yield section, key, value and line number of each assignment of a file in the manner of an ini.

    A line that ends in a backslash goes on in the next one (systemd.syntax(7)).
    """
    section, pending, first = "", "", 0
    for number, line in enumerate(text.splitlines(), 1):
        plain = line.strip()
        if not pending and (not plain or plain[0] in comments):
            continue
        first = first if pending else number
        if plain.endswith("\\"):
            pending += f"{plain[:-1]} "
            continue
        plain, pending = pending + plain, ""
        if header := re.fullmatch(r"\[([^]]+)\]", plain):
            section = header[1].strip()
            continue
        key, equals, value = plain.partition("=")
        if equals:
            yield section, key.strip(), value.strip(), first


def variables(text: str) -> dict[str, str]:
    """Return the variables of a file such as ``.env`` or one of ``EnvironmentFile=``."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and re.fullmatch(r"[A-Za-z_]\w*", name.strip()):
            value = value.strip()
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            found[name.strip()] = value[1:-1] if quoted else value
    return found


def _on_one_line(text: str) -> str:
    """Return a text whose indented lines are appended to the line above, as Python's configparser reads them; line numbers stay."""
    return re.sub(r"(?:\n[ \t]+[^\s;#][^\n]*)+", lambda more: re.sub(r"\n[ \t]+", "\\\\\n", more[0]), text)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return []


def _listed(text: str) -> dict[str, str]:
    """Return the variables of supervisor's ``environment``: ``A="1",B=2``."""
    pairs = re.findall(r'([A-Za-z_]\w*)\s*=\s*("(?:[^"\\]|\\.)*"|\'[^\']*\'|[^,]*)', text)
    return {name: (value[1:-1] if value[:1] in ("'", '"') else value.strip()).replace("%%", "%") for name, value in pairs}
