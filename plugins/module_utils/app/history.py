# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The record of an application on a host: a JSON line for each attempt, and which releases were rolled back."""

from __future__ import annotations

import json
import os
import typing as t

from ..host.clock import now
from ..host.files import read_text, write_atomically
from .layout import AppRoot

KEPT_LINES = 1000


def record(root: str, entry: t.Mapping[str, t.Any]) -> None:
    """Append an attempt. Errors are ignored: a full disk must not turn a good deployment into a failed one."""
    path = AppRoot(root).history
    try:
        lines = (read_text(path) or "").splitlines()[-(KEPT_LINES - 1) :]
        write_atomically(path, "\n".join([*lines, json.dumps({"time": now(), **entry}, sort_keys=True)]) + "\n", 0o640)
    except OSError:
        return


def read(root: str, last: int) -> list[dict[str, t.Any]]:
    """Return the last attempts, the newest first. A line that is not JSON was cut by a power failure and is left out."""
    found = []
    for line in reversed((read_text(AppRoot(root).history) or "").splitlines()):
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
        if len(found) == last:
            break
    return found


def rejected(root: str) -> dict[str, dict[str, t.Any]]:
    """Return the releases and instances that were rolled back, by id."""
    return json.loads(read_text(AppRoot(root).rejected) or "{}")


def reject(root: str, name: str, who: str) -> None:
    """Remember that a release or an instance was rolled back."""
    _write_rejected(root, {**rejected(root), name: {"time": now(), "who": who}})


def forgive(root: str, names: t.Iterable[str]) -> None:
    """Forget that releases or instances were rolled back."""
    left = {name: entry for name, entry in rejected(root).items() if name not in set(names)}
    if left != rejected(root):
        _write_rejected(root, left)


def _write_rejected(root: str, entries: t.Mapping[str, t.Any]) -> None:
    os.makedirs(root, exist_ok=True)
    write_atomically(AppRoot(root).rejected, json.dumps(entries, sort_keys=True) + "\n", 0o640)
