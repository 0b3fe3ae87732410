# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write lines into the journal of the host in the name of a unit whose output was read by this process instead of journald."""

from __future__ import annotations

import contextlib
import socket
import typing as t

from .shown import excerpt

# The native protocol of journald: a datagram of lines, FIELD=value (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/).
_SOCKET = "/run/systemd/journal/socket"
_LINE_SHOWN = 2000
# A command that prints more has its last lines kept: journald drops lines of a writer that sends 10,000 of them at once (journald.conf(5)).
_MOST_LINES = 1000


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
