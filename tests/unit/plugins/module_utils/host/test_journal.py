# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines that are written into the journal in the name of a unit, and those that are read from it."""

from __future__ import annotations

import socket

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import journal, shown, systemd


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
    monkeypatch.setattr(systemd, "journal_entries", lambda units, since, lines: asked.append((units, since)) or entries)
    assert journal.lines_of_nobody(unit, 12.5) == ["SyntaxError", "gr\ufffdß", "E"]
    assert asked == [([unit], 12.5)]


def test_there_are_no_lines_of_nobody_without_a_journal(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert journal.lines_of_nobody("flask-shop@one.service", 1) == []
