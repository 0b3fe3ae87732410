# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Descriptions that use facts of a host, in real runs of ansible-playbook: what is not defined is named, and the page's recipe works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
# The playbooks `new` and `adopt` write descriptions and read none.
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml") if path.stem not in ("new", "adopt"))
APPS = [
    {
        "name": "shop",
        "source": {"path": "shop"},
        "wsgi": "app.py",
        "uwsgi": {"processes": "{{ ansible_facts.processor_vcpus }}"},
        "secrets": {"TOKEN": "{{ nobody_defines_this }}"},
        "nginx": {"server_names": ["{{ ansible_facts.fqdn }}"]},
    },
    "{{ nor_this }}",
    {"name": "{{ nor_that }}", "source": {"path": "blog"}, "wsgi": "app.py"},
]
REMEDY = 'Define it in the inventory. For facts of a host, which no playbook here gathers, see docs/applications.md, "Facts of a host".'

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs a playbook on this machine, which changes nothing, and returns its status and output."""
    (tmp_path / "ansible.cfg").write_text("")

    def run(playbook: str, apps: object, variable: str = "flask_apps") -> tuple[int, str]:
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        inventory = {"flask_servers": {"hosts": {"web1": {**local, variable: apps}}}}
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory))
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "hosts.yml", playbook, "--check"]
        environment = {**os.environ, "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        more = ["-e", '{"ansible_become": false, "app": "shop", "target": "flask_servers"}']
        done = subprocess.run([*command, *more], cwd=tmp_path, env=environment, check=False, **output)
        return done.returncode, done.stdout

    return run


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_playbook_names_every_value_that_is_not_defined(run, playbook):
    status, output = run(f"flaskops.stack.{playbook}", APPS)
    assert status != 0
    lines = re.search(r"flask_apps refers to what is not defined:\n(.*?)\n(Define it [^\n]*)\n", output, re.DOTALL)
    assert lines, output
    assert lines[2] == REMEDY
    assert sorted(re.sub(r": .*", "", line) for line in lines[1].splitlines()) == [
        "flask_apps[1]",
        "flask_apps[2].name",
        "shop.nginx.server_names[0]",
        "shop.secrets.TOKEN",
        "shop.uwsgi.processes",
    ]
    assert "processor_vcpus" in lines[1]


def test_a_list_that_is_a_template_itself_is_named(run):
    status, output = run("flaskops.stack.site", "{{ nobody_defines_this }}")
    assert status != 0
    assert "flask_apps refers to what is not defined:\nflask_apps: 'nobody_defines_this' is undefined\n" in output


def test_the_recipe_of_the_page_gives_descriptions_their_facts(run, tmp_path):
    section = (ROOT / "docs/applications.md").read_text().partition("## Facts of a host\n")[2]
    recipe = section.partition("```yaml\n")[2].partition("```")[0]
    # This one looks and changes nothing.
    (tmp_path / "play.yml").write_text(recipe.replace("flaskops.stack.site", "flaskops.stack.status"))
    app = {**APPS[0], "secrets": {}}
    status, output = run("play.yml", [app])
    assert status == 0, output
    assert "nothing live" in output
