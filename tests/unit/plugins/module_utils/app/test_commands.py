# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The output of hooks comes into the journal, also the output of a hook that fails."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app import commands
from ansible_collections.flaskops.stack.plugins.module_utils.app.layout import Release
from ansible_collections.flaskops.stack.plugins.module_utils.host import journal
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError


class Within:
    """A cage in which commands print their own text, and `fail` fails."""

    def run(self, command, _directory, _env):
        if command[-1] == "fail":
            raise CommandError("'fail' ended with 3", ["first", "last"])
        return f"{command[-1]}\nis done\n"


def test_the_output_of_hooks_is_written_into_the_journal(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(journal, "write", lambda unit, lines: written.append((unit, lines)))
    monkeypatch.setattr(commands, "end_those_of_killed_runs", lambda *_args: None)
    (tmp_path / "venvs/v1/bin").mkdir(parents=True)
    release = Release("r1", str(tmp_path), str(tmp_path / "venvs/v1"), "", "")
    app = {"name": "shop", "environment": {}, "hooks": {"after_switch": ["purge", "fail", "never"]}}
    with pytest.raises(CommandError, match="the after_switch hook 'fail' ended with 3"):
        commands.run_hooks("after_switch", app, Within(), release, str(tmp_path))
    unit = "flask-shop.after-switch.service"
    assert written == [(unit, ["purge", "purge", "is done"]), (unit, ["fail", "first", "last"])]
