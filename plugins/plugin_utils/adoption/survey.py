# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read a host round by round: each file may name further ones."""

from __future__ import annotations

import dataclasses
import posixpath
import typing as t
from collections.abc import Callable

from . import command_lines, gunicorn_programs, service_files, uwsgi_programs
from .findings import FoundAt, HostFile, Launch, Left
from .nginx_files import MAIN, NginxFiles, matches

Answer = t.Mapping[str, t.Any]
Ask = Callable[[list[dict[str, t.Any]]], Answer]

_UNITS = "/etc/systemd/system/*.service"
_JOBS = "/etc/init/*.conf"
_SOCKETS = "/etc/systemd/system/*.socket"
_DROP_INS = "/etc/systemd/system/*.service.d/*.conf"
_SUPERVISOR = ("/etc/supervisor/supervisord.conf", "/etc/supervisord.conf", "/etc/supervisor/conf.d/*.conf")
APPS_ENABLED = "/etc/uwsgi/apps-enabled/*.ini"
# Directories of emperors: those of the distribution and of the manual, and piku's.
VASSALS = ("/etc/uwsgi-emperor/vassals/*.ini", "/etc/uwsgi/vassals/*.ini", "/home/*/.piku/uwsgi-enabled/*.ini")
CLOCKS = ("/etc/crontab", "/etc/cron.d/*", "/var/spool/cron/crontabs/*")
_WELL_KNOWN = (MAIN, _UNITS, _JOBS, _SOCKETS, _DROP_INS, *_SUPERVISOR, APPS_ENABLED, *VASSALS, *CLOCKS)
_MOST_ROUNDS = 8
_MISSING = ("no such file or directory", "not a directory")


@dataclasses.dataclass
class Survey:
    """Everything that was read of a host."""

    files: dict[str, HostFile] = dataclasses.field(default_factory=dict)
    servers: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)
    users: dict[str, int] = dataclasses.field(default_factory=dict)
    nginx: NginxFiles = dataclasses.field(default_factory=NginxFiles)
    left: list[Left] = dataclasses.field(default_factory=list)

    def like(self, *patterns: str) -> list[HostFile]:
        """Return the files whose paths one of the patterns means."""
        return [file for path, file in sorted(self.files.items()) if any(matches(path, pattern) for pattern in patterns)]

    def launches(self) -> list[Launch]:
        """Return all that starts a program, and the running application servers that none of it starts."""
        units = service_files.systemd(self.like(_UNITS, _SOCKETS, _DROP_INS))
        jobs = service_files.upstart(self.like(_JOBS))
        programs = service_files.supervisor([file for file in self.files.values() if _is_of_supervisor(file)])
        found = [*units, *programs, *jobs]
        known = {launch.name for launch in units if command_lines.server(launch.words)[0]}
        return [*found, *(_process(server, units) for server in self.servers if server["unit"] not in known)]


@dataclasses.dataclass(frozen=True)
class _Named:
    """A path or a pattern that is to be read: who wrote it and where."""

    path: str
    author: int
    place: str


def survey(ask: Ask) -> Survey:
    """Return what a host tells.

    :param ask: has the host read files, as the module ``adoption_info`` does, and returns its answer
    """
    found = Survey()
    asked: set[str] = set()
    wanted = [_Named(path, 0, "") for path in _WELL_KNOWN]
    for _round in range(_MOST_ROUNDS):
        answer = ask([{"path": each.path, "author": each.author} for each in wanted])
        asked |= {each.path for each in wanted}
        _take(found, answer, wanted)
        wanted = [each for each in _named(found) if each.path not in asked and each.path not in found.files]
        wanted = list({each.path: each for each in wanted}.values())
        if not wanted:
            break
    return found


def _take(found: Survey, answer: Answer, wanted: t.Sequence[_Named]) -> None:
    new = [HostFile(**file) for file in answer["files"] if file["path"] not in found.files]
    found.files |= {file.path: file for file in new}
    found.servers, found.users = answer["servers"], answer["users"]
    included = set(found.nginx.includes())
    found.nginx.add(file for file in new if file.path == MAIN or any(matches(file.path, pattern) for pattern in included))
    for path, why in sorted(answer["refused"].items()):
        by = next((each.place for each in wanted if each.path == path or matches(path, each.path)), "")
        if why not in _MISSING or by:
            named = f" (named by {by})" if by else ""
            found.left.append(Left(path, f"{why}{named}", "look at it by hand"))


def _named(found: Survey) -> t.Iterator[_Named]:
    """Yield what the files so far name."""
    yield from (_Named(path, author, MAIN) for path, author in found.nginx.includes().items())
    for launch in found.launches():
        kind, _arguments = command_lines.server(launch.words)
        paths = uwsgi_programs.ini_paths(launch) if kind == "uwsgi" else []
        yield from (_Named(path, launch.owner, str(launch.place)) for path in [*paths, *launch.env_files])
        if kind == "gunicorn":
            yield _Named(gunicorn_programs.config_path(launch), launch.owner, "")
        if kind and launch.directory:
            yield _Named(posixpath.join(launch.directory, ".env"), launch.owner, "")
    for file in list(found.files.values()):
        if file.path.endswith(".ini"):
            yield from (_Named(pattern, file.owner, file.path) for pattern in uwsgi_programs.emperors(file))
            yield from (
                _Named(posixpath.join(value, ".env"), file.owner, "")
                for name, value, _place in uwsgi_programs.options(file)
                if name == "chdir"
            )
        elif _is_of_supervisor(file):
            for section, key, value, line in service_files.assignments(file.text, comments=";#"):
                if section == "include" and key == "files":
                    for pattern in value.split():
                        path = posixpath.normpath(posixpath.join(posixpath.dirname(file.path), pattern))
                        yield _Named(path, file.owner, str(FoundAt(file.path, line)))


def _is_of_supervisor(file: HostFile) -> bool:
    return "supervisor" in file.path or "[program:" in file.text[:100_000]


def _process(server: t.Mapping[str, t.Any], units: t.Sequence[Launch]) -> Launch:
    """Return a running application server as something that was launched: by its unit, where that starts it through a script."""
    env, words = command_lines.environment(server["words"])
    unit = next((unit for unit in units if unit.name == server["unit"]), None)
    if unit:
        env = {**env, **unit.env}
        return dataclasses.replace(unit, words=words, directory=server["directory"], user=server["user"], env=env)
    name = server["unit"] or posixpath.basename(server["directory"].rstrip("/")) or "app"
    place = FoundAt(f"the running {posixpath.basename(words[0])[:40]} in {server['directory']}", 0)
    return Launch("process", name, place, words, server["directory"], server["user"], env)
