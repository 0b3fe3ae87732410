# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Commands in a unit of their own. Here programs play systemd; the scenario uwsgi_service_isolation has the real one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import cage as cage_module
from ansible_collections.flaskops.stack.plugins.module_utils.host import output, systemd
from ansible_collections.flaskops.stack.plugins.module_utils.host.cage import Cage, StepError, end_leftovers
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError

CAGE = Cage("flask-shop.build", "shop", ("ProtectSystem=strict",), 60, "80%")
# Runs what comes behind the two dashes, as systemd does, and keeps a copy of the environment file.
SYSTEMD_RUN = r"""#!/usr/bin/python3
import os, re, shutil, sys
open("PLACE/arguments", "w").write("".join(f"{argument}\n" for argument in sys.argv[1:]))
for argument in sys.argv:
    if argument.startswith("--property=EnvironmentFile="):
        shutil.copy(argument.split("=", 2)[2], "PLACE/environment")
words = sys.argv[sys.argv.index("--") + 1:]
words = [re.sub(r"\$(\$|{[A-Z]+})", lambda found: "$" if found[1] == "$" else "(of systemd)", word) for word in words]
os.execvp(words[0], words)
"""


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A directory with a played systemd-run; `ended` lists the units that were ended."""
    (tmp_path / "systemd-run").write_text(SYSTEMD_RUN.replace("PLACE", str(tmp_path)))
    (tmp_path / "systemd-run").chmod(0o755)
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(cage_module, "_ENVIRONMENTS", str(tmp_path / "run"))
    for name in ("stop", "reset_failed"):
        monkeypatch.setattr(systemd, name, lambda units, *_more, name=name: note(tmp_path, name, units))
    return tmp_path


def note(place: Path, name: str, units: list[str]) -> None:
    with (place / "ended").open("a") as file:
        file.writelines(f"{name} {unit.partition('-')[0]}\n" for unit in units)


def shows(monkeypatch, result: str, state: str = "failed") -> None:
    properties = {"Result": result, "ExecMainStatus": "9", "ActiveState": state}
    monkeypatch.setattr(systemd, "show", lambda units: dict.fromkeys(units, properties))


def test_a_command_has_its_limits_and_says_what_it_prints(place):
    assert CAGE.run(["sh", "-c", "echo one; echo two >&2"], "/", {}) == "one\ntwo\n"
    arguments = (place / "arguments").read_text().splitlines()
    wanted = {"--uid=shop", "--gid=shop", "--working-directory=/", "--wait", "--pipe", "--property=ProtectSystem=strict"}
    wanted |= {"--property=RuntimeMaxSec=60", "--property=MemoryMax=80%", "--property=KillMode=control-group"}
    assert wanted <= set(arguments)


def test_the_environment_is_in_a_file_of_roots_and_in_no_argument(place):
    CAGE.run(["true"], "/", {"TOKEN": 'hunter"2'})
    assert "hunter" not in (place / "arguments").read_text()
    assert (place / "environment").read_text() == 'TOKEN="hunter\\"2"\n'
    assert list((place / "run").iterdir()) == []


def test_a_command_may_be_the_first_one_after_a_boot(place, monkeypatch):
    """A boot empties /run, and a command of an operator holds no lock."""
    monkeypatch.setattr(cage_module, "_ENVIRONMENTS", str(place / "flaskops"))
    old = os.umask(0)
    try:
        assert CAGE.run(["echo", "one"], "/", {}) == "one\n"
    finally:
        os.umask(old)
    assert (place / "flaskops").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("result", "says"),
    [
        ("exit-code", r"^'sh -c echo hello; exit 3' ended with 3:\nhello$"),
        ("timeout", r"^'sh .*' left processes behind that ignored SIGTERM and were killed; have it wait for what it starts:\nhello$"),
        ("oom-kill", r"^'sh .*' was killed, as happens if it needs more memory than 80% \(command_limits.memory_max\):\nhello$"),
        ("signal", r"^'sh .*' was ended by signal 9:\nhello$"),
    ],
)
def test_a_failure_names_the_limit_that_was_exceeded(place, monkeypatch, result, says):
    shows(monkeypatch, result)
    with pytest.raises(StepError, match=says) as caught:
        CAGE.run(["sh", "-c", "echo hello; exit 3"], "/", {})
    assert caught.value.ended_itself is (result == "exit-code")
    assert (place / "ended").read_text() == "reset_failed flask\n"


def test_a_command_that_takes_too_long_is_told(place, monkeypatch):
    shows(monkeypatch, "timeout")
    brief = CAGE._replace(seconds=1)
    with pytest.raises(CommandError, match=r"^'sh .*' has not ended within 1 s \(command_limits.timeout\) and was ended$"):
        brief.run(["sh", "-c", "sleep 1.1; exit 3"], "/", {})


def test_a_unit_that_nobody_waits_for_any_more_is_ended(place, monkeypatch):
    """systemd-run ends where the service manager or its bus is restarted, and the unit goes on."""
    shows(monkeypatch, "success", "active")
    with pytest.raises(StepError, match="does not wait for it any more:\nFailed to run event loop") as caught:
        CAGE.run(["sh", "-c", "echo Failed to run event loop; exit 1"], "/", {})
    assert not caught.value.ended_itself, "another attempt would run beside it"
    assert (place / "ended").read_text() == "stop flask\nreset_failed flask\n"


def test_a_program_that_waits_for_ever_is_ended_with_its_unit(place, monkeypatch):
    """systemd-run may miss that its unit has ended."""
    monkeypatch.setattr(cage_module, "_START_SECONDS", -5)
    with pytest.raises(CommandError, match="^'sleep 60' has not ended within 1 s and was killed$"):
        CAGE._replace(seconds=1).run(["sleep", "60"], "/", {})
    assert (place / "ended").read_text() == "stop flask\nreset_failed flask\n"


def test_a_command_that_writes_without_end_is_ended(place, monkeypatch):
    monkeypatch.setattr(output, "MOST_BYTES", 100_000)
    with pytest.raises(CommandError, match="^'yes' wrote more than 64 MB and was killed$"):
        CAGE.run(["yes"], "/", {})
    assert (place / "ended").read_text() == "stop flask\nreset_failed flask\n"
    assert list((place / "run").iterdir()) == []


def test_the_environment_goes_also_where_systemd_does_not_say_why_a_command_failed(place, monkeypatch):
    monkeypatch.setattr(systemd, "show", lambda _units: (_ for _ in ()).throw(systemd.SystemdError("no answer")))
    with pytest.raises(systemd.SystemdError, match="no answer"):
        CAGE.run(["false"], "/", {"TOKEN": "hunter2"})
    assert list((place / "run").iterdir()) == []


def test_the_shell_gets_every_dollar_sign_as_it_was_written(place):
    assert CAGE.run(["sh", "-c", 'echo "${PATH:+found} $# $$"'], "/", {}).startswith("found 0 ")
    assert CAGE.run(["printf", "%s ", "$$", "${HOME}", "$HOME", "$"], "/", {}) == "$$ ${HOME} $HOME $ "


def test_how_a_command_ended_is_no_error(place, monkeypatch):
    shows(monkeypatch, "exit-code")
    assert CAGE.attempt(["sh", "-c", "echo hello"], "/", {}) == (0, "hello\n", "")
    assert CAGE.attempt(["sh", "-c", "echo hello; exit 3"], "/", {}) == (3, "hello\n", "ended with 3")
    shows(monkeypatch, "signal")
    assert CAGE.attempt(["sh", "-c", "exit 137"], "/", {}).reason.startswith("was killed, as happens if it needs more memory than 80%")
    assert list((place / "run").iterdir()) == []


def test_what_a_killed_run_has_left_is_ended(place):
    (place / "run/flask-shop.build-1.env").touch()
    (place / "run/flask-shop.migrate-1.env").touch()
    (place / "run/lock").touch()
    end_leftovers("flask-shop.build")
    assert (place / "ended").read_text() == "stop flask\nreset_failed flask\n"
    assert sorted(path.name for path in (place / "run").iterdir()) == ["flask-shop.migrate-1.env", "lock"]


def test_a_unit_that_cannot_be_ended_is_found_by_the_next_run(place, monkeypatch):
    """The environment file of a unit is the sign that it may run."""
    real = systemd.stop
    monkeypatch.setattr(systemd, "stop", lambda *_units: (_ for _ in ()).throw(systemd.SystemdError("it stays")))
    monkeypatch.setattr(output, "MOST_BYTES", 100_000)
    with pytest.raises(systemd.SystemdError, match="it stays"):
        CAGE.run(["yes"], "/", {})
    assert [path.suffix for path in (place / "run").iterdir()] == [".env"]
    monkeypatch.setattr(systemd, "stop", real)
    end_leftovers("flask-shop.build")
    assert "stop flask\n" in (place / "ended").read_text()
    assert list((place / "run").iterdir()) == []


# --- several commands in one unit ------------------------------------------------------------------------------------------------


def test_commands_in_a_row_are_one_unit_and_print_together(place):
    assert CAGE.run_each([["echo", "it's"], ["sh", "-c", "echo two >&2"]], "/", {}) == "it's\ntwo\n"
    assert (place / "arguments").read_text().count("--unit=") == 1


def test_the_first_command_that_fails_is_the_last_one_and_is_named(place, monkeypatch):
    shows(monkeypatch, "exit-code")
    commands = [["echo", "one"], ["sh", "-c", "echo two; exit 3"], ["touch", f"{place}/three"]]
    with pytest.raises(StepError, match=r"^'sh -c echo two; exit 3' ended with 3:\ntwo$") as caught:
        CAGE.run_each(commands, "/", {})
    assert caught.value.step == 1
    assert not (place / "three").exists()


@pytest.mark.parametrize("printed", [r"\036" + "7\\n", r"\036" + "9" * 5000 + "\\n", r"\036" + "x\\n", r"\036"])
def test_a_command_that_prints_the_separator_spoils_no_more_than_its_message(place, monkeypatch, printed):
    shows(monkeypatch, "signal")
    with pytest.raises(StepError, match="was ended by signal 9"):
        CAGE.run_each([["true"], ["sh", "-c", f"printf '{printed}'; exit 3"]], "/", {})
