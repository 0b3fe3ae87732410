# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real runs of ansible-playbook with ANSIBLE_DEBUG, in which ansible-core prints the arguments of modules: no secret is among them."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
import yaml
from ansible.plugins.action import ActionBase
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.stage import state_path
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.host_action import HostAction

MARK = "S3CRETMARK"


def readings(word: str) -> list[bytes]:
    """Return a word itself, and what it means where it is base64, packed or not."""
    found = [word.encode()]
    try:
        found.append(base64.b64decode(word, validate=True))
        found.append(zlib.decompress(found[-1]))
    except (ValueError, zlib.error):
        pass
    return found


@pytest.fixture
def tree(tmp_path):
    """A tree of configuration files, about which this machine keeps nothing afterwards."""
    made = tmp_path / "tree"
    made.mkdir()
    yield made
    kept = Path(state_path(str(made)))
    for left in kept.parent.glob(f"{kept.name}*"):
        left.unlink()


def test_no_argument_of_a_module_is_printed(tmp_path, tree):
    """The content of a file is an argument of config_tree, such as the key of a certificate."""
    (tmp_path / "ansible.cfg").write_text("")
    file = {"path": "key.pem", "owner": "shop", "content": MARK, "diff": False}
    tasks = [{"flaskops.stack.config_tree": {"root": str(tree), "files": [file]}, "no_log": True}]
    (tmp_path / "play.yml").write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-c", "local", "-i", "localhost,", "-vvvvv", "--diff", "play.yml"]
    variables = {"ansible_python_interpreter": sys.executable, "ansible_remote_tmp": str(tmp_path / "tmp"), "ansible_pipelining": True}
    environment = {**os.environ, "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_DEBUG": "1"}
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run([*command, "-e", json.dumps(variables)], cwd=tmp_path, env=environment, check=False, **output)
    assert (tree / "key.pem").read_text() == MARK, done.stdout
    assert "done with _execute_module (flaskops.stack.config_tree, " in done.stdout
    words = re.findall(r"[A-Za-z0-9+/=_]{6,}", done.stdout)
    assert [word[:40] for word in words if any(MARK.encode() in reading for reading in readings(word))] == []


def test_modules_get_arguments_that_no_text_shows(monkeypatch):
    """The orders of builds and instances have the secrets of applications."""
    given = []
    monkeypatch.setattr(ActionBase, "_execute_module", lambda _action, name, arguments, **_more: given.append((name, arguments)) or {})
    action = type("Action", (HostAction,), {"run": None})
    HostAction.call_module(action.__new__(action), "uwsgi_instance", {"order": MARK}, {})
    ((name, arguments),) = given
    assert name == "flaskops.stack.uwsgi_instance"
    assert json.loads(json.dumps(arguments)) == {"order": MARK}
    assert MARK not in f"{arguments} {arguments!r} {arguments!s}"
