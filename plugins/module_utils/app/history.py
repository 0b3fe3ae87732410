# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The record of an application on a host: a JSON line for each attempt, and which releases were rolled back."""

from __future__ import annotations

import errno
import json
import os
import typing as t

from ..host.clock import now
from ..host.files import read_text, write_atomically
from ..host.json_file import NoObjectError, damaged, parse_object, read_object
from ..host.shown import clean, excerpt
from .layout import AppRoot

KEPT_LINES = 1000
# The reason of a failed attempt has the last words of a program, whose lines may be of any length.
_REASON_SHOWN = 8000
# A line is larger only where something else has written it.
_MOST_LINE = 100_000
# Every entry has these, so that nobody who reads one has to ask.
_TEXTS = ("time", "action", "instance", "release", "revision", "who", "result", "reason")


def record(root: str, entry: t.Mapping[str, t.Any]) -> None:
    """Append an attempt, cleaned of secrets. Errors are ignored: a full disk must not turn a good deployment into a failed one."""
    path = AppRoot(root).history
    shown = {**clean(dict(entry)), "reason": excerpt(str(entry.get("reason", "")), _REASON_SHOWN)}
    try:
        lines = _lines(path)[-(KEPT_LINES - 1) :]
        write_atomically(path, "\n".join([*lines, json.dumps({"time": now(), **shown}, sort_keys=True)]) + "\n", 0o640)
    except OSError:
        return


def read(root: str, last: int) -> list[dict[str, t.Any]]:
    """Return the last attempts, the newest first. A line that is no attempt is left out, such as one that a power failure has cut."""
    found: list[dict[str, t.Any]] = []
    for line in reversed(_lines(AppRoot(root).history)):
        entry = _parsed(line)
        found += [entry] if entry else []
        if len(found) == last:
            break
    return found


def _lines(path: str) -> list[str]:
    """Return the lines of a history, none if it has grown beyond all measure."""
    try:
        return [line for line in (read_text(path) or "").splitlines() if len(line) <= _MOST_LINE]
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        return []


def _parsed(line: str) -> dict[str, t.Any] | None:
    try:
        entry = {**dict.fromkeys(_TEXTS, ""), **parse_object(line)}
    except NoObjectError:
        return None
    return entry if all(isinstance(entry[name], str) for name in _TEXTS) else None


def rejected(root: str) -> dict[str, dict[str, str]]:
    """Return the releases and instances that were rolled back, by id.

    :raises OSError: if the file is damaged: a release that was rolled back must not be deployed again because of that
    """
    path = AppRoot(root).rejected
    entries = read_object(path) or {}
    for entry in entries.values():
        if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str) for name in ("time", "who")):
            raise damaged(path, "has an entry without time and person")
    return entries


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
