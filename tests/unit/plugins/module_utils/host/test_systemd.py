# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Questions to systemd, and the meaning of its answers."""

from __future__ import annotations

import ast
import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import systemd, times


class Programs:
    """Programs in place of systemd's; `answer` is what they answer."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.answer = (0, "", "")
        for name in ("systemctl", "systemd-run", "systemd-analyze", "journalctl"):
            (place / name).write_text(PROGRAM.replace("PLACE", str(place)))
            (place / name).chmod(0o755)

    @property
    def answer(self) -> tuple[int, str, str]:
        return self._answer

    @answer.setter
    def answer(self, answer: tuple[int, str, str]) -> None:
        self._answer = answer
        for name, value in zip(("status", "out", "err"), answer, strict=True):
            (self.place / name).write_text(str(value))

    def take(self, seconds: float) -> None:
        (self.place / "sleep").write_text(str(seconds))

    @property
    def commands(self) -> list[list[str]]:
        log = self.place / "log"
        calls = log.read_text().split("\x01") if log.exists() else []
        return [call.split("\x02")[:-1] for call in calls if call]


PROGRAM = r"""#!/bin/sh
{ printf '%s\002' "${0##*/}" "$@"; printf '\001'; } >> PLACE/log
if [ -e PLACE/sleep ]; then seconds=$(cat PLACE/sleep); rm PLACE/sleep; exec sleep "$seconds"; fi
cat PLACE/out; cat PLACE/err >&2; exit "$(cat PLACE/status)"
"""


@pytest.fixture
def run(monkeypatch, tmp_path) -> Programs:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return Programs(tmp_path)


UNITS = ["flask-a@1.service", "flask-b@2.service"]


def test_many_units_are_asked_about_in_one_call(run):
    run.answer = (
        0,
        "Id=flask-a@1.service\nActiveState=active\nNRestarts=0\n\nId=flask-b@2.service\nActiveState=inactive\nNRestarts=\n",
        "",
    )
    assert systemd.show(UNITS) == {
        "flask-a@1.service": {"Id": "flask-a@1.service", "ActiveState": "active", "NRestarts": "0"},
        "flask-b@2.service": {"Id": "flask-b@2.service", "ActiveState": "inactive", "NRestarts": ""},
    }
    (command,) = run.commands
    assert command[:2] == ["systemctl", "show"]
    assert command[3:] == ["--", *UNITS]
    asked = command[2].removeprefix("--property=").split(",")
    assert {"ActiveState", "SubState", "NRestarts", "ExecMainStatus", "InvocationID"} <= set(asked)


def test_values_may_have_equals_signs(run):
    run.answer = (0, "Id=a=b\n", "")
    assert systemd.show(["a=b"]) == {"a=b": {"Id": "a=b"}}


def test_an_answer_about_other_units_is_not_guessed_at(run):
    run.answer = (0, "Id=x\n", "")
    with pytest.raises(ValueError, match="zip"):
        systemd.show(UNITS)


def test_a_time_is_read_by_systemd_itself(run):
    run.answer = (
        0,
        "  Original form: today\nNormalized form: Sat 2026-11-28\n   UNIX seconds: @1795905237.5\n       From now: 1h ago\n",
        "",
    )
    assert times.seconds_of("today") == 1795905237.5
    assert run.commands == [["systemd-analyze", "timestamp", "--", "today"]]
    run.answer = (1, "", 'Failed to parse "soon": Invalid argument')
    with pytest.raises(times.NoTimeError):
        times.seconds_of("soon")


@pytest.mark.parametrize(("elapse", "never"), [("Tue 2026-12-01 03:00:00 UTC\n       From now: 10h left", False), ("never", True)])
def test_a_time_may_never_come(run, elapse, never):
    run.answer = (0, f"  Original form: *-02-30\nNormalized form: *-02-30 00:00:00\n    Next elapse: {elapse}\n", "")
    assert times.never_comes("*-02-30") is never
    assert run.commands == [["systemd-analyze", "calendar", "--", "*-02-30"]]
    run.answer = (1, "", "Failed to parse calendar specification 'x': Invalid argument")
    with pytest.raises(times.NoTimeError, match="Failed to parse"):
        times.never_comes("x")


def test_running_units_are_found_by_a_pattern(run):
    run.answer = (
        0,
        "flask-shop.command-i1-0a.service loaded active running /bin/sh -c x\nflask-shop.command-i2-0b.service loaded active\n",
        "",
    )
    assert systemd.running("flask-shop.command-*") == ["flask-shop.command-i1-0a.service", "flask-shop.command-i2-0b.service"]
    assert run.commands[0][-2:] == ["--", "flask-shop.command-*"]
    run.answer = (0, "\n", "")
    assert systemd.running("flask-shop.command-*") == []


@pytest.mark.parametrize("call", [systemd.show, systemd.start, systemd.stop, systemd.reset_failed])
def test_nothing_to_ask_is_not_asked(run, call):
    assert not call([])
    assert run.commands == []


def test_a_start_is_queued(run):
    systemd.start(UNITS)
    assert run.commands == [["systemctl", "start", "--no-block", "--", *UNITS]]


def test_a_stop_is_waited_for(run):
    systemd.stop(UNITS)
    assert run.commands == [["systemctl", "stop", "--", *UNITS]]


def test_a_unit_that_refuses_to_stop_is_killed(run):
    run.take(60)
    systemd.stop(UNITS, 0.2)
    stop = ["systemctl", "stop", "--", *UNITS]
    assert run.commands == [stop, ["systemctl", "kill", "--signal=KILL", "--", *UNITS], stop]


def test_a_stop_of_what_is_not_known_is_no_error(run):
    run.answer = (5, "", "Unit x.timer not loaded.")
    systemd.stop(["x.timer"])


@pytest.mark.parametrize(
    "call",
    [
        lambda: systemd.start(UNITS),
        lambda: systemd.stop(UNITS),
        lambda: systemd.show(UNITS),
        lambda: systemd.enable(UNITS[0]),
        lambda: systemd.disable(UNITS[0]),
        lambda: systemd.stop_later(UNITS[0], 5, "timer"),
        lambda: systemd.reload(UNITS[0]),
        systemd.daemon_reload,
    ],
)
def test_an_error_has_systemds_words(run, call):
    run.answer = (1, "", "Access denied\n")
    with pytest.raises(systemd.SystemdError, match=r"^'system(ctl|d-run) .*' ended with 1: Access denied$"):
        call()


@pytest.mark.parametrize(("runs", "says"), [(True, "Refusing to reload."), (False, "Refusing to reload. The host must run systemd.")])
def test_only_a_host_without_systemd_is_told_to_run_it(monkeypatch, runs, says):
    monkeypatch.setattr(os.path, "isdir", lambda path: runs and path == "/run/systemd/system")
    assert systemd.explained(systemd.SystemdError("Refusing to reload")) == says


@pytest.mark.parametrize("ask", [lambda: systemd.show(UNITS), lambda: systemd.stop(UNITS)])
def test_a_host_without_systemd_is_told(monkeypatch, ask):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(systemd.SystemdError, match=r"^cannot run systemctl: No such file or directory$"):
        ask()


def test_forgetting_failures_never_fails(run):
    run.answer = (1, "", "Unit not loaded")
    systemd.reset_failed(UNITS)
    assert run.commands == [["systemctl", "reset-failed", "--", *UNITS]]


def test_a_late_stop_outlives_the_run(run):
    systemd.stop_later(UNITS, 30, "flask-a-drain-1")
    (command,) = run.commands
    assert command[0] == "systemd-run"
    assert {"--unit=flask-a-drain-1", "--on-active=30", "--collect"} <= set(command)
    assert command[-2:] == UNITS, "the arguments of the script"


def test_a_service_that_fails_at_its_work_is_no_error_of_its_start(run):
    run.answer = (1, "", "Job for a.service failed")
    systemd.run_once("a.service", 60)
    assert run.commands == [["systemctl", "start", "--", "a.service"]], "without --no-block, systemctl waits for the end"


@pytest.mark.parametrize(("refuses", "killed"), [(False, 0), (True, 1)])
def test_a_late_stop_kills_what_refuses_to_stop(run, monkeypatch, refuses, killed):
    monkeypatch.setattr(systemd, "_STOP_OR_KILL", systemd._STOP_OR_KILL.replace("20", "0.2"))
    systemd.stop_later(UNITS, 30, "timer")
    if refuses:
        run.take(60)
    (command,) = run.commands
    subprocess.run(command[command.index("/bin/sh") :], check=False)
    assert run.commands[1:] == [["systemctl", "stop", "--", *UNITS]] + killed * [["systemctl", "kill", "--signal=KILL", "--", *UNITS]]


@pytest.mark.parametrize(("invocation", "which"), [("", "_SYSTEMD_UNIT=a"), ("abc", "_SYSTEMD_INVOCATION_ID=abc")])
def test_the_log_is_that_of_one_invocation(run, invocation, which):
    run.answer = (0, "one\ntwo\n", "")
    assert systemd.journal("a", lines=7, invocation=invocation) == ["one", "two"]
    (command,) = run.commands
    assert {"journalctl", "--lines=7", "--output=cat", which} <= set(command)


def test_the_log_has_what_systemd_says_of_a_unit_if_it_is_asked_for(run):
    run.answer = (0, "worker: no such directive\nnginx.service: Control process exited, code=exited\n", "")
    assert len(systemd.journal("nginx", since=12.9, with_systemds=True)) == 2
    assert run.commands[0][-2:] == ["--unit=nginx", "--since=@12"]


@pytest.mark.parametrize(
    ("status", "state", "active"), [(0, "active", True), (0, "reloading", True), (3, "inactive", False), (3, "failed", False)]
)
def test_a_unit_runs_also_while_it_reloads(run, status, state, active):
    run.answer = (status, f"{state}\n", "")
    assert systemd.is_active("nginx") is active
    assert run.commands == [["systemctl", "is-active", "--", "nginx"]]


def test_nothing_runs_and_nothing_is_logged_on_a_host_without_systemd(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert not systemd.is_active("nginx")
    assert systemd.journal("nginx") == []


def test_a_host_without_a_log_has_no_lines(run):
    run.answer = (1, "", "No journal files were found.")
    assert systemd.journal("a") == []


def test_nothing_else_calls_systemds_programs():
    plugins = Path(systemd.__file__).parents[2]
    callers = {
        str(path.relative_to(plugins))
        for path in plugins.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in ("systemctl", "journalctl", "systemd-run")
    }
    assert callers == {"module_utils/host/systemd.py"}


def test_units_that_are_stopped_for_good_have_a_stop_job(run):
    run.answer = (0, "1201 flask-a@1.service stop running\n1203 flask-b@2.service start waiting\n77 other.service stop running\n", "")
    assert systemd.being_stopped(UNITS) == {"flask-a@1.service"}
    assert run.commands == [["systemctl", "list-jobs", "--plain", "--no-legend", "--", *UNITS]]


@pytest.mark.parametrize(
    "answer",
    [
        (0, "", ""),
        (0, "No jobs running.\n", ""),
        (0, "1201 flask-a@1.service restart waiting\n", ""),
        (1, "", "Failed to list jobs: Connection timed out"),
    ],
)
def test_units_without_a_stop_job_are_not_stopped_for_good(run, answer):
    run.answer = answer
    assert systemd.being_stopped(UNITS) == set()


def test_no_jobs_are_asked_for_without_units(run):
    assert systemd.being_stopped([]) == set()
    assert run.commands == []


def test_an_entry_of_the_journal_ends_with_its_line_and_not_with_other_separators(run):
    run.answer = (0, '{"MESSAGE": "one\u2028two"}\n{"MESSAGE": "three"}\n', "")
    assert systemd.journal_as_json([]) == ['{"MESSAGE": "one\u2028two"}', '{"MESSAGE": "three"}']
