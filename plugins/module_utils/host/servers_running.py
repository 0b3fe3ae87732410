# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The application servers that run on a host, by their command lines (proc(5))."""

from __future__ import annotations

import os
import re
import typing as t

from .found_trees import name_of

_SERVER = re.compile(rb"(^|/|\0)(uwsgi|uwsgi-core|gunicorn|gunicorn3)(\0|$)")
_MOST_BYTES = 16 * 2**10
_MOST = 100
_UNIT = re.compile(r"/([^/\n]+)\.service")


def running(proc: str = "/proc") -> list[dict[str, t.Any]]:
    """Return words, directory, user and systemd unit of each application server, without those that another one has started."""
    found: dict[int, dict[str, t.Any]] = {}
    parents: dict[int, int] = {}
    for name in sorted(filter(str.isdigit, os.listdir(proc)), key=int):
        try:
            with open(f"{proc}/{name}/cmdline", "rb") as file:
                line = file.read(_MOST_BYTES)
            if not _SERVER.search(line) or len(found) >= _MOST:
                continue
            parents[int(name)] = int(_read(f"{proc}/{name}/stat").rpartition(")")[2].split()[1])
            unit = _UNIT.search(_read(f"{proc}/{name}/cgroup"))
            found[int(name)] = {
                "words": line.rstrip(b"\0").decode(errors="replace").split("\0"),
                "directory": os.readlink(f"{proc}/{name}/cwd"),
                "user": name_of(os.stat(f"{proc}/{name}").st_uid),
                "unit": unit[1] if unit else "",
            }
        except OSError:
            continue  # it has ended meanwhile
    return [each for process, each in found.items() if parents[process] not in found]


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read(_MOST_BYTES)
