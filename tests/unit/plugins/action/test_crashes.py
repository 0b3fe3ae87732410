# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Modules that crash on the host, in real runs of ansible-playbook: the message says why, and -vvv shows the traceback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from ansible_collections.flaskops.stack.plugins.action.flask_release import _INLINE_BYTES
from ansible_collections.flaskops.stack.tests.unit.render import describe

# Python runs this file as the module starts: it breaks the one thing that CRASH names. This machine may run without systemd.
BREAK = """
import importlib.abc, os, subprocess, sys

how, _, what = os.environ["CRASH"].partition(":")

class Broken(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if how == "import" and name.endswith(what):
            raise LookupError("broken by the test")

def broken(*args, **more):
    if how == "kill":
        print(what, file=sys.stderr, flush=True)
        os.kill(os.getpid(), 9)
    raise {"KeyError": KeyError("apps"), "NotImplementedError": NotImplementedError()}[what]

is_directory = os.path.isdir
os.path.isdir = lambda path: path == "/run/systemd/system" or is_directory(path)
sys.meta_path.insert(0, Broken())
if how in ("raise", "kill"):
    subprocess.Popen = broken
"""
APPS = {"apps": [describe(python="/usr/bin/python3")]}
# By name of the task: what is broken, the action, and what it is given.
TASKS = {
    "a function of the plan": ("raise:KeyError", "flask_release_plan", APPS),
    "an exception without words": ("raise:NotImplementedError", "flask_release_plan", APPS),
    "a process that is killed": ("kill:dying words", "flask_release_plan", APPS),
    "an import of the build": ("import:host.lock", "flask_release", {**APPS, "plans": "{{ whole.plans }}", "missing": ["shop"]}),
    "an import of the instances": ("import:host.lock", "uwsgi_instance", APPS),
    "a hidden task": ("raise:KeyError", "flask_release_plan", APPS),
    "an import of the rollback": ("import:host.lock", "flask_rollback", APPS),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, str]]:
    """Return a function that runs all tasks in one play and returns what was printed for each."""
    place = tmp_path_factory.mktemp("crashes")
    for directory in ("broken", "shop", "tmp"):
        (place / directory).mkdir()
    (place / "ansible.cfg").write_text("")
    (place / "shop/photo").write_bytes(os.urandom(_INLINE_BYTES + 1))
    (place / "broken/sitecustomize.py").write_text(BREAK)
    whole = {"CRASH": "nothing", "PYTHONPATH": str(place / "broken")}
    plan = {
        "name": "whole",
        "flaskops.stack.flask_release_plan": {**APPS, "cache_dir": str(place / "cache")},
        "register": "whole",
        "environment": whole,
    }
    tasks = [plan] + [
        {
            "name": name,
            f"flaskops.stack.{action}": {**arguments, **({"cache_dir": str(place / "cache")} if "release" in action else {})},
            "environment": {"CRASH": crash, "PYTHONPATH": str(place / "broken")},
            "no_log": "hidden" in name,
            "ignore_errors": True,
        }
        for name, (crash, action, arguments) in TASKS.items()
    ]
    (place / "play.yml").write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    known: dict[tuple[str, ...], dict[str, str]] = {}

    def run(*options: str) -> dict[str, str]:
        if options not in known:
            command = [str(Path(sys.executable).with_name("ansible-playbook")), "-c", "local", "-i", "localhost,", *options, "play.yml"]
            variables = {"ansible_python_interpreter": sys.executable, "ansible_remote_tmp": str(place / "tmp")}
            variables["ansible_pipelining"] = True  # fewer calls for each task
            environment = {**os.environ, "ANSIBLE_CONFIG": str(place / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
            output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
            done = subprocess.run([*command, "-e", json.dumps(variables)], cwd=place, env=environment, check=False, **output)
            known[options] = {part.partition("]")[0]: part for part in done.stdout.split("\nTASK [")[1:]}
            assert [*known[options]] == ["whole", *TASKS], done.stdout
            assert not [*(place / "tmp").iterdir()], "the host keeps no temporary files, such as the sources that were shipped"
        return known[options]

    return run


def message(printed: str) -> str:
    """Return the message of a task's failure."""
    (result,) = re.findall(r"^fatal: .*? => ({.*?})$", printed, re.MULTILINE | re.DOTALL)
    return json.loads(result)["msg"]


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("a function of the plan", "The module host_look crashed on the host: KeyError: 'apps'. Run with -vvv to see where."),
        ("an exception without words", "The module host_look crashed on the host: NotImplementedError. Run with -vvv to see where."),
        ("an import of the build", "The module flask_release crashed on the host: LookupError: broken by the test. Run with -vvv to see where."),
        ("an import of the instances", "The module uwsgi_instance crashed on the host: LookupError: broken by the test. Run with -vvv to see where."),
        ("an import of the rollback", "The module uwsgi_instance crashed on the host: LookupError: broken by the test. Run with -vvv to see where."),
    ],
)  # fmt: skip
def test_the_message_ends_with_the_exception(run, task, words):
    assert message(run()[task]) == words
    assert "Traceback" not in run()[task]


def test_a_module_that_is_killed_is_told_by_its_status_and_its_last_words(run):
    said = message(run()["a process that is killed"])
    assert said.startswith("The module host_look ended with 137 on the host before it had an answer:")
    assert "dying words" in said


@pytest.mark.parametrize("task", [name for name in TASKS if "import" in name or "exception" in name or "function" in name])
def test_more_words_show_the_traceback(run, task):
    printed = run("-vvv")[task]
    assert "Traceback (most recent call last):" in printed
    assert "sitecustomize.py" in printed, "the last frame is where the test broke something"


def test_no_log_hides_the_traceback(run):
    assert "Traceback" not in run("-vvv")["a hidden task"]
