# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The playbook `report`, in real runs without a server, and where playbooks write files on the controller."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COPY = "ansible.builtin.copy"


@pytest.fixture
def reported(tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """A run about two servers that cannot tell anything, with relative paths."""
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")
    (tmp_path / "hosts.yml").write_text("flask_servers: {hosts: {web1: {ansible_connection: local}, web2: {ansible_connection: local}}}\n")
    command = [
        str(Path(sys.executable).with_name("ansible-playbook")),
        "-i",
        "hosts.yml",
        "flaskops.stack.report",
        "-e",
        "report_json=report.json",
    ]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    return subprocess.run(command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def test_servers_that_cannot_tell_are_on_the_page_and_fail_the_run(reported, tmp_path):
    assert reported.returncode == 2
    assert "failed=1" in reported.stdout
    hosts = json.loads((tmp_path / "report.json").read_text())["hosts"]
    assert [host["name"] for host in hosts] == ["web1", "web2"]
    assert all("flask_apps is not defined" in host["problem"] for host in hosts)
    assert "flask_apps is not defined" in (tmp_path / "report.html").read_text()
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("report.html", "report.json")} == {0o600}


def copies(play: dict) -> list[str]:
    """Return where a play writes files on the controller, with its variables put in."""
    tasks = [task for task in play.get("tasks", []) if COPY in task and "localhost" in (task.get("delegate_to"), play["hosts"])]
    variables = play.get("vars", {})
    return [" ".join(str(variables[word]) if word in variables else word for word in task[COPY]["dest"].split()) for task in tasks]


def test_relative_paths_begin_where_the_user_is():
    """Without that they would begin in the collection's own directory, where Ansible runs its playbooks."""
    found = [dest for path in (ROOT / "playbooks").glob("*.yml") for play in yaml.safe_load(path.read_text()) for dest in copies(play)]
    assert len(found) >= 5
    # The module new_inventory returns an absolute path.
    assert [dest for dest in found if "realpath" not in dest and "new_made.path" not in dest] == []
