# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A change of files that a server reads is taken, or undone and told why, and a killed run leaves its mark."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.marked_change import MarkedChange


class Server:
    """Refuses its configuration while one of the texts is in the file that it reads."""

    def __init__(self, file: Path, refuses: tuple[str, ...] = (), trouble: str = "", dies: bool = False) -> None:
        self.file, self.refuses, self.trouble, self.dies, self.loaded = file, refuses, trouble, dies, ""

    def test(self) -> str:
        text = self.file.read_text()
        return f"line 1 has {text}" if text in self.refuses else ""

    def reload(self) -> str:
        if self.dies:
            raise KeyboardInterrupt
        self.loaded = self.trouble or self.file.read_text()
        return self.trouble


@pytest.fixture
def change(tmp_path):
    file = tmp_path / "file"
    file.write_text("old")

    def make(**of_server) -> tuple[str, Server, MarkedChange]:
        server = Server(file, **of_server)
        change = MarkedChange(server, str(tmp_path / ".pending"))
        return change.make(lambda: file.write_text("new"), lambda: file.write_text("old")), server, change

    return make


def test_a_server_takes_what_it_accepts(change):
    says, server, made = change()
    assert (says, server.loaded, made.is_pending()) == ("", "new", False)


def test_what_a_server_refuses_is_undone_and_told(change):
    says, server, made = change(refuses=("new",))
    assert says == "refuses its configuration with this change, so what was there before is back: line 1 has new"
    assert (server.loaded, made.is_pending()) == ("old", False)


def test_the_reason_is_told_where_the_configuration_was_broken_before(change):
    says, server, _made = change(refuses=("new", "old"), trouble="cannot reload")
    assert says == "refuses its configuration, also without this change, which was not made; mend that first: line 1 has new"
    assert server.file.read_text() == "old"


def test_a_reload_that_fails_is_told_and_tried_again(change, tmp_path):
    says, server, made = change(trouble="no new worker")
    assert (says, made.is_pending()) == ("did not take its configuration: no new worker", True)
    server.trouble = ""
    assert (made.settle(), server.loaded, made.is_pending()) == ("", "new", False)


def test_a_killed_run_leaves_its_mark(change, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        change(dies=True)
    assert MarkedChange(Server(tmp_path / "file"), str(tmp_path / ".pending")).is_pending()
