# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The journal of the host: lines in the name of a unit whose output was read by this process instead of journald, and entries of units."""

from __future__ import annotations

import contextlib
import json
import socket
import typing as t

from . import systemd
from .command import Runner, run
from .shown import excerpt

# The native protocol of journald: a datagram of lines, FIELD=value (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/).
_SOCKET = "/run/systemd/journal/socket"
_LINE_SHOWN = 2000
# A command that prints more has its last lines kept: journald drops lines of a writer that sends 10,000 of them at once (journald.conf(5)).
_MOST_LINES = 1000
# An application that systemd starts again and again writes its first lines each time.
_MOST_ENTRIES = 5000
# The fields of an entry that are read, beside its time.
_FIELDS = ("MESSAGE", "UNIT", "OBJECT_SYSTEMD_UNIT", "_SYSTEMD_UNIT", "_SYSTEMD_INVOCATION_ID", "_PID", "_UID")


class Entries(t.NamedTuple):
    """The last entries of the journal, and whether they are fewer than were asked for, because they are too long."""

    found: list[dict[str, t.Any]]
    is_cut: bool


def write(unit: str, lines: t.Sequence[str]) -> None:
    """Write lines in the name of a unit, without secrets and control characters; ``journalctl --unit`` finds them.

    That is so for lines of root with ``OBJECT_SYSTEMD_UNIT`` (journalctl(1), ``--unit``). A host without a journal keeps none.
    """
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.connect(_SOCKET)
        for line in lines[-_MOST_LINES:]:
            fields = {"MESSAGE": excerpt(line, _LINE_SHOWN), "PRIORITY": "6", "SYSLOG_IDENTIFIER": "flaskops", "OBJECT_SYSTEMD_UNIT": unit}
            # A field with a line break would need another form; clean texts have none, since a line was split off.
            journal.send("".join(f"{name}={value}\n" for name, value in fields.items()).encode(errors="replace"))


def entries(units: t.Sequence[str], since: float, lines: int, has: str = "", runner: Runner = run) -> Entries:
    """Return the last entries of units, with fields about their origin (systemd.journal-fields(7)), those of systemd about them too.

    :param units: names or patterns of names
    :param since: seconds since the epoch
    :param has: letters, digits, dots, underscores and dashes that the message must have
    :raises SystemdError: if the journal cannot be read
    """
    which = [*(f"--unit={unit}" for unit in units), f"--since=@{int(since)}", *([f"--grep={has}"] if has else [])]
    asked = lines
    while True:
        try:
            printed = systemd.journal_as_json([f"--output-fields={','.join(_FIELDS)}", *which, f"--lines={asked}"], runner)
            return Entries([json.loads(line) for line in printed], asked < lines and len(printed) == asked)
        except systemd.TooMuchSystemdError:
            if asked == 1:
                raise
            # An entry may have megabytes, and the last ones are worth most.
            asked //= 2


def messages(entry: t.Mapping[str, t.Any]) -> list[str]:
    """Return the texts of an entry of :func:`entries`."""
    return _texts(entry.get("MESSAGE"))


def _texts(message: t.Any) -> list[str]:
    """Return the texts of a field: journalctl has a list of bytes for one that is no UTF-8, and a list of all values where there are several."""
    if not isinstance(message, list):
        return [message] if isinstance(message, str) else []
    if all(isinstance(byte, int) for byte in message):
        return [bytes(message).decode(errors="replace")]
    return [text for each in message for text in _texts(each)]


def lines_of_nobody(unit: str, since: float) -> list[str]:
    """Return the lines of a unit that journald has read after the unit had ended, and which it therefore knows no invocation of.

    :param since: seconds since the epoch
    """
    try:
        found = entries([unit], since, _MOST_ENTRIES).found
    except systemd.SystemdError:
        return []
    own = [entry for entry in found if entry.get("_SYSTEMD_UNIT") == unit and "_SYSTEMD_INVOCATION_ID" not in entry]
    return [line for entry in own for text in messages(entry) for line in text.splitlines()]
