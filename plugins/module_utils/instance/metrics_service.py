# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files and units on a host by which it writes metrics of its applications, with Ansible or without."""

from __future__ import annotations

import os
import typing as t

from ..host import systemd
from ..host.files import read_text, unlink, write_atomically
from ..host.systemd import UNIT_DIR

_STATE = "/var/lib/flaskops"
CONFIG, PROGRAM = f"{_STATE}/metrics.json", f"{_STATE}/metrics.pyz"
_SERVICE, _TIMER = "flaskops-metrics.service", "flaskops-metrics.timer"
# The link that enables the timer; the section [Install] of its unit says where.
_ENABLED = f"{UNIT_DIR}/timers.target.wants/{_TIMER}"
# systemd ends the service sooner (TimeoutStartSec in its unit).
_SECONDS = 200


class MetricsError(Exception):
    """The service that writes metrics does not do its work; the message says where to look."""


class MetricsService:
    """The service as it is wanted.

    :param files: the content of each file by its path; the units are among them
    :param metrics: the file that the service writes
    """

    def __init__(self, files: t.Mapping[str, bytes], metrics: str) -> None:
        self.files, self.metrics = files, metrics

    def pending(self) -> list[str]:
        """Return what is not as wanted: files, and the timer if it does not run now and at boot."""
        wrong = [path for path, content in self.files.items() if _content(path) != content]
        wrong += [] if wrong or (os.path.islink(_ENABLED) and systemd.is_active(_TIMER)) else [_TIMER]
        return wrong or ([] if os.path.isfile(self.metrics) else [self.metrics])

    def install(self) -> None:
        """Put the files in place, start the timer, and have the metrics written once.

        :raises MetricsError: if they are not written then
        """
        os.makedirs(_STATE, 0o755, exist_ok=True)
        os.makedirs(os.path.dirname(self.metrics), 0o755, exist_ok=True)
        for path, content in self.files.items():
            write_atomically(path, content, 0o644 if path.startswith(UNIT_DIR) else 0o600)
        systemd.daemon_reload()
        systemd.enable_now(_TIMER)
        before = _written_at(self.metrics)
        systemd.run_once(_SERVICE, _SECONDS)
        if _written_at(self.metrics) == before:
            raise MetricsError(f"{_SERVICE} wrote no {self.metrics}; journalctl -u {_SERVICE} on the host shows why")


def left_over(paths: t.Iterable[str], metrics: str) -> list[str]:
    """Return what a host still has of the service that it is not to have."""
    return [path for path in (*paths, metrics) if os.path.lexists(path)]


def remove(paths: t.Iterable[str], metrics: str) -> None:
    """Stop the service and remove its files, and the metrics, which would tell an old state for ever."""
    systemd.stop([_TIMER, _SERVICE])
    for path in (_ENABLED, *paths, metrics):
        unlink(path)
    systemd.daemon_reload()
    # systemd keeps a unit in mind that was stopped in the middle of its work.
    systemd.reset_failed([_SERVICE])


def unit_paths() -> list[str]:
    """Return the paths of the units."""
    return [f"{UNIT_DIR}/{unit}" for unit in (_SERVICE, _TIMER)]


def _content(path: str) -> bytes | None:
    text = read_text(path)
    return None if text is None else text.encode(errors="surrogateescape")


def _written_at(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return 0
