# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The verdict of the playbook validate, in a real run without a server: a module that cannot do its work keeps nobody from it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs tasks about one server and returns what the run says, without quotes and line breaks of YAML."""
    (tmp_path / "ansible.cfg").write_text("[defaults]\ncallback_result_format = yaml\n")

    def run(tasks: list[dict[str, Any]], **variables: Any) -> str:
        play = {
            "name": "Judge",
            "hosts": "web1",
            "gather_facts": False,
            "vars": {"ansible_connection": "local", **variables},
            "tasks": tasks,
        }
        (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "web1,", "play.yml"]
        environment = {**os.environ, "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
        done = subprocess.run(command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.returncode == 2, done.stdout
        return " ".join(done.stdout.replace("'", "").split())

    return run


def test_validate_tells_of_everything_also_where_the_sites_cannot_be_asked(run):
    (play,) = yaml.safe_load((PLAYBOOKS / "validate.yml").read_text())
    nothing = {"live": "", "instances": {}, "socket": None, "stream_socket": None, "problems": ["it has a problem"]}
    state = {"apps": {"shop": {**nothing, "user": "flask-shop", "web_group": "www-data"}}}
    said = run(play["tasks"][-3:-1], **play["vars"], validate_look=state, flask_apps="no list")
    verdict = said.partition("Require that every application is served")[2]
    assert "shop: no instance is live" in verdict
    assert "flask_apps is no list" in verdict
