# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Modules that a host keeps: the run sends what it asks, and the code only where the host lacks it or cannot run it."""

from __future__ import annotations

import base64
import functools
import json
import os
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
from ansible_collections.flaskops.stack.plugins.module_utils.host.shown import learn
from ansible_collections.flaskops.stack.plugins.modules import host_look as module
from ansible_collections.flaskops.stack.plugins.plugin_utils.action import kept_action
from ansible_collections.flaskops.stack.plugins.plugin_utils.host_program import KEPT, host_program, program_id
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
    monkeypatch.setattr(kept_action, "_PYTHON", sys.executable)

    def ask(
        name: str = "host_look", check: bool = False, connection: object = None, variables: dict[str, str] | None = None, **arguments: t.Any
    ) -> tuple[dict[str, t.Any], Trips]:
        trips = Trips([], [])

        def answer(_name: str, sent: dict[str, t.Any], *_more: object) -> dict[str, t.Any]:
            trips.modules.append(sent)
            if sent.get("program") and not check:
                kept_program.keep(sent["program"]["name"], base64.b64decode(sent["program"]["packed"]), str(tmp_path))
            return {"by": "the module"}

        def run(command: str, in_data: bytes) -> dict[str, t.Any]:
            trips.commands.append((command, json.loads(in_data)))
            done = subprocess.run(["sh", "-c", command], input=in_data, capture_output=True, check=False)
            return {"rc": done.returncode, "stdout": done.stdout.decode(), "stderr": done.stderr.decode()}

        made = action(host_look.ActionModule, "nginx_site", {}, answer, check)
        made._connection = connection or Ssh()
        made._compute_environment_string = lambda: ""
        made._low_level_execute_command = run
        try:
            call = made._ask if name == "host_look" else functools.partial(made.call_kept, name)
            return call(arguments, variables or {}), trips
        except AnsibleActionFail as error:
            return {"msg": str(error)}, trips

    return ask


def test_the_module_brings_the_program_once_and_the_program_answers_from_then_on(host, tmp_path):
    answer, trips = host(packages=["none-of-this-name"])
    assert answer == {"by": "the module"}
    assert [*trips.modules[0]] == ["packages", "program"]
    assert [path.name for path in tmp_path.iterdir()] == [program_id(KEPT)]
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


BEGIN = f"print({kept_program.BEGUN!r}, flush=True)\n"


@pytest.fixture
def kept(tmp_path: Path) -> t.Callable[[str], None]:
    """Return a function that gives the host a program of such a text."""

    def keep(text: str) -> None:
        place = tmp_path / program_id(KEPT)
        place.mkdir()
        (place / "__main__.py").write_text(text)

    return keep


@pytest.mark.parametrize("broken", ["", "raise SystemExit(1)", "print('Welcome!')", f"print({kept_program.ANSWER!r} + 'no JSON')", "while"])
def test_a_program_that_does_not_begin_is_replaced(host, kept, broken):
    kept(broken)
    assert host("uwsgi_instance")[0] == {"by": "the module"}
    assert host()[0] == {"by": "the module"}
    assert host()[1].modules == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("raise SystemExit(3)", "ended with 3 on the host before it had an answer"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended with 137 on the host before it had an answer"),
        (f"print({kept_program.ANSWER!r} + '[1]')", "before it had an answer"),
        ("import sys; sys.exit('sudo: timed out')", "before it had an answer:\nsudo: timed out"),
    ],
)
def test_a_module_that_began_and_gave_no_answer_may_have_changed_something_so_it_is_not_sent_again(host, kept, text, told):
    kept(f"{BEGIN}{text}\n")
    answer, trips = host("uwsgi_instance")
    assert told in answer["msg"]
    assert kept_program.BEGUN not in answer["msg"]
    assert trips.modules == []


CRASH = f"print({kept_program.ANSWER + json.dumps({'failed': True, 'exception': 'Traceback: EmptyFile'})!r})"


@pytest.mark.parametrize("text", ["raise SystemExit(3)", CRASH])
def test_a_look_changes_nothing_so_it_is_sent_again(host, kept, text):
    kept(f"{BEGIN}{text}\n")
    assert host()[0] == {"by": "the module"}
    assert host()[1].modules == []


# A program whose module does WORK, with the base that modules of a kept program have.
REAL = f"""\
import sys
sys.path[:0] = {[path for path in sys.path if path.endswith("site-packages")]!r}
from ansible_collections.flaskops.stack.plugins.module_utils.host.kept_module import KeptModule, answered

def main():
    module = KeptModule({{"secret": {{}}}})
    WORK

print("Welcome!", end="")
answered(main)
"""


def test_a_line_that_a_shell_left_open_does_not_hide_that_the_module_has_begun(host, kept):
    kept(REAL.replace("WORK", "raise SystemExit(3)"))
    answer, trips = host("uwsgi_instance")
    assert ("ended with 3" in answer["msg"], trips.modules) == (True, [])


def test_a_program_that_cannot_read_what_it_is_asked_has_not_begun(host, kept):
    kept(REAL.replace("answered(main)", "sys.stdin.read()\nanswered(main)"))
    assert host("uwsgi_instance")[0] == {"by": "the module"}


def test_words_of_an_application_that_look_like_lines_of_a_program_are_words(host, kept):
    words = f"the log has:\n{kept_program.BEGUN}\n{kept_program.ANSWER}{{}}"
    kept(REAL.replace("WORK", f"module.exit_json(failures={{'blog': {words!r}}})"))
    assert host("uwsgi_instance")[0] == {"failures": {"blog": words}}


def test_a_crash_is_told_like_that_of_a_module_that_was_sent(host, kept):
    kept(REAL.replace("WORK", "raise KeyError(module.params['secret'])"))
    learn(["hunter2hunter2"])
    answer, trips = host("uwsgi_instance", secret="hunter2hunter2")
    assert answer["msg"].startswith("The module uwsgi_instance crashed on the host: KeyError: ")
    assert answer["msg"].endswith(". Run with -vvv to see where.")
    assert "hunter2" not in answer["msg"]
    assert trips.modules == []


@pytest.mark.parametrize("named", ["/usr/bin/env python3", "auto_silent", "python3", "{{ none }}", "/opt/`id`"])
def test_without_the_path_of_an_interpreter_it_is_that_of_the_distribution(host, named):
    _answer, trips = host(variables={"ansible_python_interpreter": named})
    assert trips.commands[0][0].startswith(f"{sys.executable} -I ")


def test_the_interpreter_is_that_of_the_inventory(host):
    _answer, trips = host(variables={"ansible_python_interpreter": "/opt/python3.12/bin/python"})
    assert trips.commands[0][0].startswith("/opt/python3.12/bin/python -I ")


@pytest.mark.parametrize("key", ["add_host", "add_group", "ansible_facts", "ansible_stats", "_ansible_no_log"])
def test_a_host_does_not_change_the_inventory(host, kept, key):
    """ansible-core acts on these keys of results, and takes them from those of modules that it has sent."""
    told = json.dumps({key: {"host_name": "localhost", "host_vars": {"ansible_connection": "local"}}, "changed": False})
    kept(f"{BEGIN}print({kept_program.ANSWER + told!r})\n")
    assert host("uwsgi_instance")[0] == {"changed": False}


@pytest.mark.parametrize("connection", [Ssh(terminal=True), SimpleNamespace(transport="local"), SimpleNamespace(transport="docker")])
def test_a_host_that_takes_no_input_gets_the_module_alone(host, tmp_path, connection):
    answer, trips = host(connection=connection)
    assert (answer, trips.commands, trips.modules) == ({"by": "the module"}, [], [{}])
    assert [*tmp_path.iterdir()] == []


def test_the_setting_of_the_user_stays_as_it_was(host):
    connection = Ssh()
    host(connection=connection)
    assert connection.options == {"pipelining": False}


def test_a_line_of_a_shell_is_no_answer_and_a_message_of_the_program_is_the_tasks(host, kept):
    told = json.dumps({"msg": "nginx.service is masked\x1b[2J", "failed": True})
    kept(f"print('Last login: today')\n{BEGIN}print({kept_program.ANSWER + told!r})\nprint('Bye')\n")
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


def test_the_program_has_the_modules_with_another_base(tmp_path):
    kept_program.keep("one", host_program(KEPT), str(tmp_path))
    modules = sorted((tmp_path / "one" / "ansible_collections/flaskops/stack/plugins/modules").glob("[a-z]*.py"))
    assert [path.name for path in modules] == [f"{name}.py" for name in KEPT.modules]
    for path in modules:
        assert path.read_text() == Path(module.__file__).with_name(path.name).read_text()
    assert not [path for path in tmp_path.rglob("*.py") if "ansible.module_utils" in path.read_text()]


@pytest.mark.parametrize("name", KEPT.modules)
def test_a_program_finds_everything_that_its_modules_import(tmp_path, name):
    """Python imports it all where ansible-core is not installed, and where the program is no root it says so."""
    kept_program.keep("one", host_program(KEPT), str(tmp_path))
    absent = "import sys; sys.modules['ansible'] = None; sys.argv = ['one', {!r}]; import runpy; runpy.run_path({!r}, run_name='__main__')"
    asked = json.dumps({"check_mode": True, "params": {"mode": "last_built", "order": "", "apps": []}})
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", absent.format(name, str(tmp_path / "one"))],
        input=asked,
        capture_output=True,
        text=True,
        check=False,
    )
    assert kept_program.BEGUN in done.stdout, done.stderr


def test_a_host_keeps_one_program_for_root_alone(tmp_path):
    root = tmp_path / "programs"
    (root / "older/sub").mkdir(parents=True)
    (root / ".older.0a1b2c").mkdir()
    kept_program.keep("newer", host_program(KEPT), str(root))
    kept_program.keep("newer", host_program(KEPT), str(root))
    assert [path.name for path in root.iterdir()] == ["newer"]
    assert (root / "newer").stat().st_mode & 0o777 == 0o700
    kept_program.keep("one", host_program(KEPT), str(tmp_path / "state/programs"))
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_a_program_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    steps = []
    for name in ("sync_filesystem", "fsync"):
        monkeypatch.setattr(kept_program, name, lambda path, name=name: steps.append((name, Path(path).name[:4])))
    real = os.rename
    monkeypatch.setattr(kept_program.os, "rename", lambda *paths: (steps.append(("rename", "")), real(*paths)))
    kept_program.keep("one", host_program(KEPT), str(tmp_path / "programs"))
    assert steps == [("sync_filesystem", ".one"), ("rename", ""), ("fsync", "prog")]


def test_a_disk_that_takes_nothing_stops_no_run(tmp_path):
    (tmp_path / "programs").write_text("in the way")
    kept_program.keep("one", host_program(KEPT), str(tmp_path / "programs"))
    assert [path.name for path in tmp_path.iterdir()] == ["programs"]


def test_the_name_of_a_program_changes_with_its_contents():
    assert program_id(KEPT) == program_id(KEPT._replace(rooms=KEPT.rooms))
    assert program_id(KEPT) != program_id(KEPT._replace(more=()))
    assert program_id(KEPT) != program_id(KEPT._replace(rooms=KEPT.rooms[:-1]))
