# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The workflows of a public forge, the hooks of pre-commit and the owners of code name what there is."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.flaskops.stack.tools import scenarios

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
# Steps that no target of make can do, since only the forge has what they need.
OWN_STEPS = {"release.yml": ["Require the tag to be the version of galaxy.yml", "Publish"]}


def load(path: Path) -> t.Any:
    return yaml.safe_load(path.read_text())


def jobs(path: Path) -> dict[str, t.Any]:
    return load(path)["jobs"]


def steps(path: Path) -> list[dict[str, t.Any]]:
    return [step for job in jobs(path).values() for step in job["steps"] if "run" in step]


def unknown_targets(command: str) -> list[str]:
    """Return the targets that a call of make names and the Makefile has not."""
    program, *words = command.split()
    assert program == "make", command
    return [word for word in words if re.fullmatch(r"[a-z-]+", word) and word not in TARGETS]


def test_a_target_that_there_is_not_is_found():
    assert unknown_targets("make venv nowhere PYTHON=python3") == ["nowhere"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_call_targets_of_make(path):
    own = OWN_STEPS.get(path.name, [])
    assert [step["name"] for step in steps(path) if "name" in step] == own, "call a target of make, which runs on every machine"
    calls = [step["run"] for step in steps(path) if "name" not in step]
    assert calls
    assert [target for call in calls for target in unknown_targets(re.sub(r"\$\{\{.*?\}\}", "", call))] == []


def test_ci_runs_the_scenarios_that_make_test_runs():
    matrix = jobs(ROOT / ".github/workflows/ci.yml")["scenario"]["strategy"]["matrix"]["scenario"]
    assert matrix == sorted(name for name in scenarios.available() if scenarios.set_of(name) == "test")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_may_only_read(path):
    assert load(path)["permissions"] == {"contents": "read"}
    assert [name for name, job in jobs(path).items() if "permissions" in job] == []


def test_only_a_release_sees_a_secret():
    assert [path.name for path in WORKFLOWS if "secrets." in path.read_text()] == ["release.yml"]


def test_hooks_run_targets_of_make_and_locked_tools():
    locked = (ROOT / "requirements/dev.txt").read_text()
    for hook in (hook for repo in load(ROOT / ".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]):
        program, *words = hook["entry"].split()
        if program == "make":
            assert unknown_targets(hook["entry"]) == []
        elif program == ".venv/bin/python":
            assert (ROOT / words[0]).is_file()
        else:
            assert f"\n{program.removeprefix('.venv/bin/')}==" in locked


def test_owners_of_code_are_of_paths_that_there_are():
    lines = [line.split() for line in (ROOT / ".github/CODEOWNERS").read_text().splitlines() if line and not line.startswith("#")]
    assert all(owners for _path, *owners in lines)
    assert [path for path, *_owners in lines if path != "*" and not (ROOT / path.strip("/")).exists()] == []
