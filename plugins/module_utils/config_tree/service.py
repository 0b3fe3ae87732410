# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reload a service and find out whether it took the new configuration."""

from __future__ import annotations

import os
import re
import time
import typing as t

from ..host import systemd
from ..host.command import Runner, run

_LOG_LINES = 20
_POLL_SECONDS = 0.1
# nginx gives a reload up with such a line; for a port it tries to bind, only after several of them.
# Lines of nginx's main process itself (ngx_log_error_core): a visitor chooses other parts of lines, such as the path of a missing file.
_FINAL = r"\d{{4}}/\d\d/\d\d \d\d:\d\d:\d\d \[emerg\] {pid}#\d+: (?!bind\(\) to )"


class Service:
    """A systemd service that reads the tree.

    :param name: its unit, empty for none
    :param check: ``workers`` if a reload must bring new children of the main process
    :param log: path of its own log
    :param timeout: seconds that ``check`` may take
    :param runner: runs programs, as ``host.command.run`` does
    """

    def __init__(self, name: str, check: str = "none", log: str = "", timeout: int = 10, runner: Runner = run) -> None:
        self.name = name
        self.check = check
        self.log = log
        self.timeout = timeout
        self.runner = runner
        self._log_start = 0
        self._since = 0.0
        self._final = re.compile(_FINAL.format(pid=0))

    def is_active(self) -> bool:
        """Return whether there is something to reload. A host without systemd has nothing."""
        return bool(self.name) and systemd.is_active(self.name, self.runner)

    def reload(self) -> str:
        """Reload, and return why that did not take, empty if it did."""
        self._log_start = _size(self.log)
        self._since = time.time()
        pid = self._main_pid()
        self._final = re.compile(_FINAL.format(pid=pid))
        before = children(pid)
        try:
            systemd.reload(self.name, self.runner)
        except systemd.SystemdError as error:
            return str(error)
        if self.check == "workers" and not self._wait(lambda: bool(children(pid) - before)):
            return f"{self.name} has no new worker after the reload"
        if not self.is_active():
            return f"{self.name} is not running any more after the reload"
        if self.check == "workers":
            # Once no old worker accepts connections, the new workers answer every request.
            self._wait(lambda: not any(takes_connections(child) for child, _started in before & children(pid)))
        return ""

    def _wait(self, done: t.Callable[[], bool]) -> bool:
        """Wait until something is done, no longer than the timeout and than until the log names an emergency; return whether it is done."""
        end = time.monotonic() + self.timeout
        while not done():
            if time.monotonic() > end:
                return False
            if any(map(self._final.match, self._new_in_log())):
                return done()
            time.sleep(_POLL_SECONDS)
        return True

    def _main_pid(self) -> int:
        return int(systemd.show([self.name], self.runner)[self.name].get("MainPID") or 0)

    def said(self) -> list[str]:
        """Return what the service logged since the reload began: the lines of its own log, or of the journal where there are none."""
        lines = self._new_in_log()
        if not lines:
            journal = systemd.journal(self.name, _LOG_LINES, since=self._since, with_systemds=True, runner=self.runner)
            lines = [line for line in journal if line.strip()]
        return lines[-_LOG_LINES:]

    def _new_in_log(self) -> list[str]:
        """Return the lines that were appended to the log since the reload; all of it when it was rotated."""
        try:
            with open(self.log, "rb") as handle:
                size = os.fstat(handle.fileno()).st_size
                handle.seek(self._log_start if self._log_start <= size else 0)
                return handle.read(1 << 20).decode("utf-8", "replace").splitlines()
        except OSError:
            return []


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def takes_connections(pid: int, proc: str = "/proc") -> bool:
    """Return whether a worker of nginx has not begun to shut down; its title tells (ngx_process_cycle.c, ngx_worker_process_cycle)."""
    try:
        with open(os.path.join(proc, str(pid), "cmdline"), "rb") as handle:
            return b"shutting down" not in handle.read()
    except OSError:
        return False


def children(pid: int, proc: str = "/proc") -> set[tuple[int, int]]:
    """Return the children of a process, each as pid and start time in clock ticks; a reused pid differs in the second."""
    found = set()
    for name in os.listdir(proc) if pid else ():
        if not name.isdigit():
            continue
        try:
            with open(os.path.join(proc, name, "stat"), encoding="utf-8", errors="replace") as handle:
                fields = handle.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.add((int(name), int(fields[19])))
    return found
