# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The playbook `new`, in real runs: it writes an inventory that Ansible reads, and no file that is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ANSWERS = {"app": "catalog", "source": "catalog", "wsgi": "app.py", "server": "192.0.2.10", "domains": "catalog.test"}

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs a program of Ansible beside a project, with the given words, and returns its status and output."""
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog/app.py").write_text("def application(environ, start): ...\n")
    (tmp_path / "catalog/requirements.txt").write_text("")
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")

    def run(program: str, *words: str) -> tuple[int, str]:
        environment = {**os.environ, "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
        command = [str(Path(sys.executable).with_name(program)), *words]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    return run


def new(run: Run, tmp_path: Path, *words: str, **answers: str) -> tuple[int, str]:
    given = json.dumps({**answers, "flask_app_cache_dir": str(tmp_path / "cache")})
    return run("ansible-playbook", "flaskops.stack.new", "-e", given, *words)


def test_an_inventory_is_written_once(run, tmp_path):
    status, output = new(run, tmp_path, "--check", **ANSWERS)
    assert status == 0, output
    assert "changed=1" in output
    assert not (tmp_path / "hosts.yml").exists()

    status, output = new(run, tmp_path, **ANSWERS)
    assert status == 0, output
    assert f"ansible-playbook -i {tmp_path}/hosts.yml flaskops.stack.site " in output
    listed = json.loads(run("ansible-inventory", "-i", "hosts.yml", "--list")[1].partition("{")[2].join("{}")[:-1])
    assert listed["flask_servers"]["hosts"] == ["server"]
    assert listed["_meta"]["hostvars"]["server"]["flask_apps"][0]["source"] == {"path": "catalog"}

    before = (tmp_path / "hosts.yml").read_text()
    status, output = new(run, tmp_path, **{**ANSWERS, "app": "other"})
    assert status != 0
    assert f"{tmp_path}/hosts.yml exists, and nothing is overwritten; write -e hosts_file=FILE" in output
    assert (tmp_path / "hosts.yml").read_text() == before


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"wsgi": ""}, "wsgi is empty; write -e wsgi=shop.wsgi:app"),
        ({"app": "Shop!"}, "Shop!.name is 'Shop!', which cannot be used here"),
        ({"source": "nowhere"}, "nowhere"),
        ({"wsgi": "other.py"}, "other.py"),
    ],
)
def test_what_cannot_be_deployed_is_not_written(run, tmp_path, change, says):
    status, output = new(run, tmp_path, **{**ANSWERS, **change})
    assert status != 0
    assert says in output
    assert not (tmp_path / "hosts.yml").exists()
