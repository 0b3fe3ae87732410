# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pause applications: nginx sends their requests to a program that holds them (``waiting_room.py``), until the pause is over.

A pause is one file, which nginx includes, beside a transient unit with the program and a timer that ends a forgotten pause. All of them are
below ``/run``, so that a boot ends a pause too.
"""

from __future__ import annotations

import inspect
import json
import os
import pwd
import sys
import time
import typing as t

from ..host import files, systemd
from ..host.clock import now
from ..host.marked_change import MarkedChange, Server
from . import waiting_room
from .request import ConfigTreeError

ROOT = "/run/flaskops-pause"
# A busy host needs seconds to start a program; one that has not started by then is broken.
_START_SECONDS = 60.0
_RETRY_AFTER = 30
_PAGES = "/etc/nginx/flaskops/pages"


class Pausable(t.TypedDict):
    """An application that may be paused.

    ``sockets`` has its sockets by the name of the one that waits in its place, and ``pages`` the pages for those who have waited in vain.
    """

    name: str
    sockets: dict[str, str]
    pages: list[str]
    web_user: str


class Pause(t.NamedTuple):
    """How long a pause is.

    :param seconds: for how long a request may wait; requests get 503 when the pause has lasted so long
    :param ends: the seconds after which a timer ends the pause
    :param who: who is named as the one who has paused
    """

    seconds: int
    ends: int
    who: str


class PausedSites:
    """The paused applications of a host.

    :param root: the directory of the files
    """

    def __init__(self, root: str = ROOT) -> None:
        self._root = root

    def since(self, app: str) -> str:
        """Return since when an application is paused, by whom and until when at the latest, empty for one that is not."""
        first = (files.read_text(self._file(app)) or "").partition("\n")[0]
        return first.removeprefix("# ")

    def pause(self, server: Server, apps: t.Sequence[Pausable], pause: Pause) -> list[str]:
        """Pause applications, and return the names of those that were not paused before.

        :raises ConfigTreeError: if nginx does not take it; then no application is paused by this call
        :raises SystemdError: if the program does not start
        """
        wanted = [app for app in apps if not self.since(app["name"])]
        if not wanted:
            return []
        os.makedirs(self._root, 0o755, exist_ok=True)
        program = f"{self._root}/waiting_room.py"
        files.write_atomically(program, inspect.getsource(waiting_room), 0o644)
        names = [app["name"] for app in wanted]
        try:
            for app in wanted:
                self._open_room(app, pause, program)
        except (ConfigTreeError, systemd.SystemdError):
            self._let_go(names)
            raise
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + pause.ends))
        text = f"# paused since {now()} by {pause.who}, until {until} at the latest\ndefault .paused;\n"
        trouble = self._change(server).make(lambda: self._put_all(dict.fromkeys(names, text)), lambda: self._put_all(dict.fromkeys(names)))
        if trouble:
            self._let_go(names)
            raise ConfigTreeError(f"nginx {trouble}")
        return names

    def resume(self, server: Server, names: t.Sequence[str]) -> list[str]:
        """End the pause of applications, and return the names of those that were paused.

        :raises ConfigTreeError: if nginx does not take it; the requests that wait are passed on all the same, and all later ones
        """
        paused = [name for name in names if self.since(name)]
        change = self._change(server)
        if not paused and not change.is_pending():
            return []
        self._let_go(paused)
        before = {name: files.read_text(self._file(name)) for name in paused}
        trouble = change.make(lambda: self._put_all(dict.fromkeys(paused)), lambda: self._put_all(before))
        if trouble:
            raise ConfigTreeError(f"nginx {trouble}")
        return paused

    def _open_room(self, app: Pausable, pause: Pause, program: str) -> None:
        """Start the program for an application and the timer that ends its pause, and wait until the program listens."""
        name, place = app["name"], f"{self._root}/{app['name']}"
        user = pwd.getpwnam(app["web_user"])
        os.makedirs(place, 0o700, exist_ok=True)
        os.chown(place, user.pw_uid, user.pw_gid)
        sockets = {f"{place}/{waiting}": target for waiting, target in app["sockets"].items()}
        for waiting in sockets:
            files.unlink(waiting)
        order: waiting_room.WaitingOrder = {
            "sockets": sockets,
            "seconds": pause.seconds,
            "pages": [*app["pages"], f"{_PAGES}/.flaskops/503.html"],
            "retry_after": _RETRY_AFTER,
        }
        # A former pause may still pass on its last requests.
        unit = f"{_unit(name)}{time.time_ns()}.service"
        systemd.start_transient(unit, _properties(app["web_user"], place), [sys.executable, "-I", program, json.dumps(order)])
        systemd.stop([_timer(name)])
        end = ["/bin/sh", "-c", _END, "sh", self._file(name), _pattern(name)]
        systemd.run_later(end, pause.ends, _timer(name).removesuffix(".timer"), "--collect")
        until = time.monotonic() + _START_SECONDS
        while not all(os.path.exists(waiting) for waiting in sockets):
            if time.monotonic() > until:
                raise ConfigTreeError(f"the program that holds requests did not start; journalctl -u {unit} says why")
            time.sleep(0.05)

    def _let_go(self, names: t.Sequence[str]) -> None:
        """Have the programs pass on what waits, and forget the timers."""
        for name in names:
            systemd.signal(_pattern(name), "USR1")
        systemd.stop([_timer(name) for name in names])

    def _change(self, server: Server) -> MarkedChange:
        return MarkedChange(server, f"{self._root}/.pending")

    def _file(self, app: str) -> str:
        return f"{self._root}/{app}.conf"

    def _put_all(self, texts: t.Mapping[str, str | None]) -> None:
        """Write the file of each application, or remove it where there is no text."""
        for name, text in texts.items():
            if text is None:
                files.unlink(self._file(name))
            else:
                files.write_through(self._file(name), text, 0o644)


# The same as `resume`, whatever became of those who have paused.
_END = 'systemctl kill --signal=USR1 -- "$2"; rm -f -- "$1"; nginx -t -q && systemctl reload nginx'


def _unit(name: str) -> str:
    # No name of an application has a dot.
    return f"flaskops-pause.{name}."


def _pattern(name: str) -> str:
    return f"{_unit(name)}*.service"


def _timer(name: str) -> str:
    return f"flaskops-pause-end.{name}.timer"


def _properties(user: str, place: str) -> list[str]:
    return [
        f"User={user}",
        f"Group={user}",
        "UMask=0177",
        # Two for each request that is passed on.
        "LimitNOFILE=65536",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        f"ReadWritePaths={place}",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "PrivateNetwork=yes",
        "RestrictAddressFamilies=AF_UNIX",
    ]
