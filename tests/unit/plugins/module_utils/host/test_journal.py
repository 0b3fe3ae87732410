# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines that are written into the journal in the name of a unit, and those that are read from it."""

from __future__ import annotations

import socket

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import journal, shown
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandResult, TooMuchWrittenError
from ansible_collections.flaskops.stack.plugins.module_utils.host.journal import Entries
from ansible_collections.flaskops.stack.plugins.module_utils.host.systemd import SystemdError


@pytest.fixture
def received(tmp_path, monkeypatch):
    """Return a function that returns what a journald would have received so far."""
    path = str(tmp_path / "journal")
    monkeypatch.setattr(journal, "_SOCKET", path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(path)
        server.setblocking(False)

        def received() -> list[dict[str, str]]:
            datagrams = []
            while True:
                try:
                    datagrams.append(server.recv(2**16).decode())
                except BlockingIOError:
                    return [dict(line.split("=", 1) for line in datagram.splitlines()) for datagram in datagrams]

        yield received


def test_each_line_is_an_entry_of_the_unit(received):
    journal.write("flask-shop.migrate.service", ["first", "a=b"])
    entries = received()
    assert [entry["MESSAGE"] for entry in entries] == ["first", "a=b"]
    assert {entry["OBJECT_SYSTEMD_UNIT"] for entry in entries} == {"flask-shop.migrate.service"}


def test_secrets_and_control_characters_are_left_out(received):
    shown.learn(["hunter2-hunter2"])
    journal.write("x.service", ["password hunter2-hunter2\x1b[2J", "x" * 5000])
    first, second = (entry["MESSAGE"] for entry in received())
    assert "hunter2" not in first
    assert "\x1b" not in first
    assert len(second) == 2000


def test_a_host_without_a_journal_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "_SOCKET", str(tmp_path / "none"))
    journal.write("x.service", ["first"])


def test_lines_of_nobody_are_those_of_the_unit_without_an_invocation(monkeypatch):
    unit = "flask-shop@one.service"
    entries = [
        {"_SYSTEMD_UNIT": unit, "_SYSTEMD_INVOCATION_ID": "first", "MESSAGE": "starting"},
        {"_SYSTEMD_UNIT": unit, "MESSAGE": "SyntaxError"},
        {"_SYSTEMD_UNIT": unit, "MESSAGE": [103, 114, 252, 195, 159, 10, 69]},
        # The words of systemd about the unit, and an entry without a text.
        {"_SYSTEMD_UNIT": "init.scope", "UNIT": unit, "MESSAGE": "Main process exited"},
        {"_SYSTEMD_UNIT": unit, "MESSAGE": None},
        {"_SYSTEMD_UNIT": unit, "_SYSTEMD_INVOCATION_ID": "second", "MESSAGE": "starting again"},
    ]
    asked = []
    monkeypatch.setattr(journal, "entries", lambda units, since, _lines: asked.append((units, since)) or Entries(entries, False))
    assert journal.lines_of_nobody(unit, 12.5) == ["SyntaxError", "gr\ufffdß", "E"]
    assert asked == [([unit], 12.5)]


def test_there_are_no_lines_of_nobody_without_a_journal(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert journal.lines_of_nobody("flask-shop@one.service", 1) == []


class Journalctl:
    """A journal of some entries, of which journalctl prints no more than `most` at once; it ends with the given status."""

    def __init__(self, entries: int = 1000, most: int = 1000, status: int = 0) -> None:
        self.entries, self.most, self.status = entries, most, status
        self.asked: list[list[str]] = []

    def __call__(self, argv: list[str], accepted: tuple[int, ...]) -> CommandResult:
        self.asked.append(argv)
        lines = min(self.entries, int(argv[-1].removeprefix("--lines=")))
        if lines > self.most:
            raise TooMuchWrittenError("'journalctl' wrote more than 64 MB and was killed")
        return CommandResult(self.status, '{"MESSAGE":"one"}\n' * lines, "Failed to open").require(argv, accepted)


def test_entries_come_with_their_fields():
    journalctl = Journalctl(entries=2)
    found = journal.entries(["flask-shop@*", "flask-shop.*"], 3.5, 20, "0a1b", journalctl)
    assert found == ([{"MESSAGE": "one"}] * 2, False)
    options = {"--unit=flask-shop@*", "--unit=flask-shop.*", "--since=@3", "--lines=20", "--grep=0a1b", "--output=json"}
    # Otherwise the message of a long line is null.
    assert options | {"--all"} <= set(journalctl.asked[0])
    # An application can send a thousand fields with each line.
    assert "--output-fields=MESSAGE,UNIT,OBJECT_SYSTEMD_UNIT,_SYSTEMD_UNIT,_SYSTEMD_INVOCATION_ID,_PID,_UID" in journalctl.asked[0]


def test_a_journal_may_have_nothing_of_what_is_looked_for():
    assert journal.entries(["x.service"], 0, 20, "none", Journalctl(entries=0, status=1)) == ([], False)
    with pytest.raises(SystemdError, match="Failed to open"):
        journal.entries(["x.service"], 0, 20, runner=Journalctl(status=2))


def test_fewer_entries_are_asked_for_where_they_are_too_long():
    journalctl = Journalctl(most=7)
    assert journal.entries(["x.service"], 0, 20, runner=journalctl) == ([{"MESSAGE": "one"}] * 5, True)
    assert [argv[-1] for argv in journalctl.asked] == ["--lines=20", "--lines=10", "--lines=5"]
    with pytest.raises(SystemdError, match="wrote more than 64 MB"):
        journal.entries(["x.service"], 0, 3, runner=Journalctl(most=0))


def test_a_journal_that_was_vacuumed_meanwhile_has_no_more_than_it_returns():
    class Vacuumed(Journalctl):
        def __call__(self, argv, accepted):
            try:
                return super().__call__(argv, accepted)
            finally:
                self.entries = 4

    assert journal.entries(["x.service"], 0, 20, runner=Vacuumed(most=7)) == ([{"MESSAGE": "one"}] * 4, False)
