# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Command lines of application servers, as units, jobs and shells write them."""

from __future__ import annotations

import posixpath
import re
import shlex

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_SHELLS = ("sh", "bash", "dash")
_PYTHON = re.compile(r"python[0-9.]*")
# Programs in front of another one whose command line follows, with the number of words that belong to them.
_BEFORE = {"exec": 1, "env": 1, "nohup": 1, "command": 1}
_SERVERS = {"uwsgi": "uwsgi", "uwsgi-core": "uwsgi", "gunicorn": "gunicorn", "gunicorn3": "gunicorn"}
_OF_OTHERS = ("celery", "rq", "dramatiq", "huey_consumer", "flask")


def split(line: str) -> list[str]:
    """Return the words of a command line, those of the command alone if a shell runs it. A line that no shell could read has none.

    Assignments in front of the command are the first words.
    """
    try:
        words = shlex.split(line)
    except ValueError:
        return []
    assignments: list[str] = []
    while words:
        if _ASSIGNMENT.fullmatch(words[0]) and "/" not in words[0].partition("=")[0]:
            assignments.append(words.pop(0))
        elif posixpath.basename(words[0]) in _BEFORE:
            words = words[_BEFORE[posixpath.basename(words[0])] :]
        elif posixpath.basename(words[0]) in _SHELLS and len(words) > 2 and re.fullmatch(r"-[a-z]*c", words[1]):
            return [*assignments, *split(words[2].split("&&")[-1].strip().rstrip(";"))]
        else:
            break
    return [*assignments, *words]


def environment(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """Return the assignments in front of a command, and the command."""
    env: dict[str, str] = {}
    rest = list(words)
    while rest and (match := _ASSIGNMENT.fullmatch(rest[0])):
        env[match[1]] = match[2]
        rest.pop(0)
    return env, rest


def server(words: list[str]) -> tuple[str, list[str]]:
    """Return the kind of application server that a command starts, empty if it starts none, and its arguments."""
    for index, word in enumerate(words[:3]):
        name = posixpath.basename(word)
        if name in _SERVERS:
            return _SERVERS[name], words[index + 1 :]
        if name == "-m" and len(words) > index + 1 and words[index + 1] in _SERVERS:
            return _SERVERS[words[index + 1]], words[index + 2 :]
        if index == 0 and not _PYTHON.fullmatch(name):
            break
    return "", []


def worker(words: list[str]) -> bool:
    """Return whether a command is one of a queue or a scheduler, as applications have them beside their server."""
    names = [posixpath.basename(word) for word in words[:3]]
    return bool(names) and (names[0] in _OF_OTHERS or (bool(_PYTHON.fullmatch(names[0])) and len(words) > 1))


def virtualenv(words: list[str]) -> str:
    """Return the virtualenv that a program is in by its path, empty if the path does not tell."""
    program = words[0] if words else ""
    if not program.startswith("/") or posixpath.basename(posixpath.dirname(program)) != "bin":
        return ""
    place = posixpath.dirname(posixpath.dirname(program))
    return "" if place in ("/", "/usr", "/usr/local") else place
