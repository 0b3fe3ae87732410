# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The state of applications in real runs: on a terminal in its width and in colour, and in pipes as the message of the task."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
import yaml
from ansible_collections.flaskops.stack.tests.unit.answers import app

RED = "\x1b[0;31m"
COLUMNS = 100


@pytest.fixture
def playbook(tmp_path: Path) -> list[str]:
    """The command of a playbook that shows an application which has failed."""
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")
    failed = app(live="one", workers=[], problems=["it is down"])
    task = {"name": "Show", "flaskops.stack.status_shown": {"hosts": {"web1": {"shop": json.loads(json.dumps(failed))}}}}
    play = {"name": "Show", "hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [task]}
    (tmp_path / "show.yml").write_text(yaml.safe_dump([play]))
    return [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(tmp_path / "show.yml")]


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "ANSIBLE_NOCOLOR", "ANSIBLE_FORCE_COLOR")}
    return {**kept, "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"), "TERM": "xterm", **more}


def on_a_terminal(command: list[str], env: dict[str, str]) -> str:
    """Run a command on a terminal of a hundred columns and return what stands there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS + 1, 0, 0))
    with subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        told = b""
        try:
            while some := os.read(ours, 65536):
                told += some
        except OSError:
            # Linux ends a terminal whose last writer is gone with an error.
            pass
        os.close(ours)
    assert process.returncode == 0, told.decode()
    return told.decode().replace("\r\n", "\n")


def test_a_terminal_has_paragraphs_in_colour(playbook, tmp_path):
    shown = on_a_terminal(playbook, environment(tmp_path))
    assert f"web1  shop  {RED}inactive\x1b[0m  0f3a1c9d2b7e\n  revision 9fceb02d0ae598" in shown
    assert "notes it is down" in shown
    assert '"msg"' not in shown


def test_a_host_cannot_send_commands_to_the_terminal(playbook, tmp_path):
    """Somebody else may rule it, and then nothing there has cleaned its answer."""
    play = tmp_path / "show.yml"
    play.write_text(play.read_text().replace("it is down", '"it is \\e]0;title\\a\\u009b2J down"'))
    shown = on_a_terminal(playbook, environment(tmp_path, NO_COLOR="1"))
    assert "it is \\x1b]0;title\\x07\\x9b2J down" in shown.replace("\n ", "")


def test_no_color_is_respected(playbook, tmp_path):
    shown = on_a_terminal(playbook, environment(tmp_path, NO_COLOR="1"))
    assert "web1  shop  inactive  0f3a1c9d2b7e\n" in shown
    assert "\x1b[" not in shown


def test_a_pipe_has_the_table_as_the_message(playbook, tmp_path):
    done = subprocess.run(playbook, env=environment(tmp_path), capture_output=True, text=True, check=True)
    assert '"msg": [' in done.stdout
    assert '"web1  shop  inactive  0f3a1c9d2b7e  9fceb02d0ae598' in done.stdout
    assert "\x1b[" not in done.stdout


def test_another_callback_gets_no_other_lines(playbook, tmp_path):
    shown = on_a_terminal(playbook, environment(tmp_path, ANSIBLE_STDOUT_CALLBACK="minimal"))
    assert "web1  shop" not in shown.partition('"msg"')[0]
    assert '"web1  shop' in shown.partition('"msg"')[2]
