# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A module that a host keeps: the run sends what it asks, and the code only where the host lacks it or cannot run it."""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
import sys
import typing as t
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.flaskops.stack.plugins.action import host_look
from ansible_collections.flaskops.stack.plugins.module_utils.host import kept_program
from ansible_collections.flaskops.stack.plugins.modules import host_look as module
from ansible_collections.flaskops.stack.plugins.plugin_utils.action import kept_action
from ansible_collections.flaskops.stack.plugins.plugin_utils.host_program import LOOK, host_program, program_id
from ansible_collections.flaskops.stack.tests.unit.render import action, describe

# A host of a distribution that is not supported answers so, and so does one without root: both are the program's own words.
OWN_WORDS = ("become: true", "supports the Debian family")


class Ssh:
    """A connection that takes input unless a terminal was asked for."""

    transport = "ssh"
    _shell = SimpleNamespace(tmpdir=None)

    def __init__(self, terminal: bool = False) -> None:
        self.terminal, self.options = terminal, {"pipelining": False}

    def get_option(self, name: str) -> object:
        return self.options[name]

    def set_option(self, name: str, value: object) -> None:
        self.options[name] = value

    def is_pipelining_enabled(self) -> bool:
        return bool(self.options["pipelining"]) and not self.terminal


class Trips(t.NamedTuple):
    """The commands that the host ran with their input, and the arguments of the modules that it was sent."""

    commands: list[tuple[str, dict[str, t.Any]]]
    modules: list[dict[str, t.Any]]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., tuple[dict[str, t.Any], Trips]]:
    """Return a function that asks a host whose kept programs lie below ``tmp_path``, and returns its answer and what was sent."""
    monkeypatch.setattr(kept_action, "place_of", lambda name: kept_program.place_of(name, str(tmp_path)))
    monkeypatch.setattr(kept_action, "_PYTHON", f"{sys.executable} -I -X utf8")

    def ask(check: bool = False, connection: object = None, **arguments: t.Any) -> tuple[dict[str, t.Any], Trips]:
        trips = Trips([], [])

        def answer(_name: str, sent: dict[str, t.Any], *_more: object) -> dict[str, t.Any]:
            trips.modules.append(sent)
            if sent.get("program") and not check:
                kept_program.keep(sent["program"]["name"], base64.b64decode(sent["program"]["packed"]), str(tmp_path))
            return {"by": "the module"}

        def run(command: str, in_data: bytes) -> dict[str, t.Any]:
            trips.commands.append((command, json.loads(in_data)))
            done = subprocess.run(shlex.split(command), input=in_data, capture_output=True, check=False)
            return {"rc": done.returncode, "stdout": done.stdout.decode(), "stderr": done.stderr.decode()}

        made = action(host_look.ActionModule, "nginx_site", {}, answer, check)
        made._connection = connection or Ssh()
        made._compute_environment_string = lambda: ""
        made._low_level_execute_command = run
        try:
            return made.ask_kept("host_look", LOOK, arguments, {}), trips
        except AnsibleActionFail as error:
            return {"msg": str(error)}, trips

    return ask


def test_the_module_brings_the_program_once_and_the_program_answers_from_then_on(host, tmp_path):
    answer, trips = host(packages=["none-of-this-name"])
    assert answer == {"by": "the module"}
    assert [*trips.modules[0]] == ["packages", "program"]
    assert [path.name for path in tmp_path.iterdir()] == [program_id(LOOK)]
    answer, trips = host(packages=["none-of-this-name"])
    assert trips.modules == []
    assert [sent for _command, sent in trips.commands] == [{"check_mode": False, "params": {"packages": ["none-of-this-name"]}}]
    assert answer.get("packages") == ["none-of-this-name"] or any(words in answer["msg"] for words in OWN_WORDS)


def test_check_mode_leaves_nothing_on_the_host(host, tmp_path):
    assert host(check=True)[0] == {"by": "the module"}
    assert [*tmp_path.iterdir()] == []
    host()
    before = sorted(tmp_path.rglob("*"))
    assert host(check=True)[1].modules == []
    assert sorted(tmp_path.rglob("*")) == before
    host()
    assert sorted(tmp_path.rglob("*")) != before, "another run keeps what Python has compiled"


@pytest.mark.parametrize("broken", ["", "raise SystemExit(1)", "print('Welcome!')", f"print({kept_program.ANSWER!r} + 'no JSON')", "while"])
def test_a_program_that_does_not_answer_is_replaced(host, tmp_path, broken):
    place = tmp_path / program_id(LOOK)
    place.mkdir()
    (place / "__main__.py").write_text(broken)
    assert host()[0] == {"by": "the module"}
    assert host()[1].modules == []


@pytest.mark.parametrize("connection", [Ssh(terminal=True), SimpleNamespace(transport="local"), SimpleNamespace(transport="docker")])
def test_a_host_that_takes_no_input_gets_the_module_alone(host, tmp_path, connection):
    answer, trips = host(connection=connection)
    assert (answer, trips.commands, trips.modules) == ({"by": "the module"}, [], [{}])
    assert [*tmp_path.iterdir()] == []


def test_the_setting_of_the_user_stays_as_it_was(host):
    connection = Ssh()
    host(connection=connection)
    assert connection.options == {"pipelining": False}


def test_a_line_of_a_shell_is_no_answer_and_a_message_of_the_program_is_the_tasks(host, tmp_path):
    place = tmp_path / program_id(LOOK)
    place.mkdir()
    told = json.dumps({"msg": "nginx.service is masked\x1b[2J", "failed": True})
    (place / "__main__.py").write_text(f"print('Last login: today')\nprint({kept_program.ANSWER + told!r})\nprint('Bye')\n")
    answer, trips = host()
    assert answer == {"msg": "nginx.service is masked\\x1b[2J"}
    assert trips.modules == []


def test_the_program_takes_the_parameters_that_the_module_takes():
    """ansible-core brings the parameters of a module into their types; those of the program have to have them already."""
    app = describe(packages=["libpq5"], nginx={"server_names": ["shop.test"], "prefix": "/shop", "tls": {"self_signed": True}})
    gone = describe(name="gone", state="absent")
    sites = {"services": ["nginx"], "apps": [app, gone], "tree": "/etc/nginx", "leftovers": ["/var/cache/nginx/{app}"]}
    sent: list[dict[str, t.Any]] = []

    def answer(_name: str, asked: dict[str, t.Any], *_more: object) -> dict[str, t.Any]:
        sent.append(asked)
        return {"failed": True, "msg": "enough"}

    with pytest.raises(AnsibleActionFail, match="enough"):
        action(host_look.ActionModule, "nginx_site", {"sites": sites, "apps": [app]}, answer).run(task_vars={})
    asked = json.loads(json.dumps(sent[0]))
    checked = ArgumentSpecValidator(module._SPEC).validate(asked)
    assert not checked.error_messages
    assert {**checked.validated_parameters} == {name: asked.get(name, option["default"]) for name, option in module._SPEC.items()}


def test_the_program_is_the_module_with_another_base(tmp_path):
    kept_program.keep("one", host_program(LOOK), str(tmp_path))
    main = (tmp_path / "one/__main__.py").read_text()
    assert main == Path(module.__file__).read_text()
    assert not [path for path in tmp_path.rglob("*.py") if "ansible.module_utils" in path.read_text().replace(main, "")]


def test_a_host_keeps_one_program_for_root_alone(tmp_path):
    root = tmp_path / "programs"
    (root / "older/sub").mkdir(parents=True)
    (root / ".older.0a1b2c").mkdir()
    kept_program.keep("newer", host_program(LOOK), str(root))
    kept_program.keep("newer", host_program(LOOK), str(root))
    assert [path.name for path in root.iterdir()] == ["newer"]
    assert (root / "newer").stat().st_mode & 0o777 == 0o700
    kept_program.keep("one", host_program(LOOK), str(tmp_path / "state/programs"))
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_a_disk_that_takes_nothing_stops_no_run(tmp_path):
    (tmp_path / "programs").write_text("in the way")
    kept_program.keep("one", host_program(LOOK), str(tmp_path / "programs"))
    assert [path.name for path in tmp_path.iterdir()] == ["programs"]


def test_the_name_of_a_program_changes_with_its_contents():
    assert program_id(LOOK) == program_id(LOOK._replace(rooms=LOOK.rooms))
    assert program_id(LOOK) != program_id(LOOK._replace(more=()))
    assert program_id(LOOK) != program_id(LOOK._replace(rooms=LOOK.rooms[:-1]))
