# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Commands of an operator: where they run, what is told of their end, and what stays on the host for them."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import cage, systemd
from ansible_collections.flaskops.stack.plugins.module_utils.host.shown import learn
from ansible_collections.flaskops.stack.plugins.module_utils.instance import operator_command, prune, removal
from ansible_collections.flaskops.stack.plugins.module_utils.instance.instance import DeployError, known_ids
from ansible_collections.flaskops.stack.plugins.module_utils.instance.operator_command import live_place, shown_lines
from ansible_collections.flaskops.stack.tests.unit.runs import entries


@pytest.fixture
def units(tmp_path, monkeypatch) -> list[str]:
    """The names of the units that were started; a shell plays systemd: it reads their environment files, and makes one dollar sign of two."""
    started: list[str] = []

    def in_unit(unit, _user, directory, properties):
        started.append(unit)
        file = next(text.partition("=")[2] for text in properties if text.startswith("EnvironmentFile="))
        line = """exec "$1" "$2" "$(printf %s "$3" | sed 's/[$][$]/$/g')\""""
        return ["/bin/sh", "-c", f"set -a; . {file}; cd {directory}; {line}", "sh"]

    monkeypatch.setattr(cage, "_ENVIRONMENTS", str(tmp_path))
    monkeypatch.setattr(systemd, "in_transient_unit", in_unit)
    return started


def run(app, command: str):
    order = {**app, "command": command, "command_sandbox": [], "time_limit": 60, "memory_max": "80%"}
    return operator_command.run(order, live_place(app, [app]))


def test_a_command_runs_in_the_live_release_with_the_environment_of_its_instance(bring, units):
    bring("i1", "r1")
    live = bring("i2", "r2")
    ended = run(live.app, 'pwd -P; echo "$A $TOKEN $FLASKOPS_ROLE"')
    assert ended.output.splitlines() == [os.path.realpath(f"{live.root}/releases/r2"), "b hunter2 command"]
    assert (ended.status, ended.reason) == (0, "")
    assert [unit.rpartition("-")[0] for unit in units] == ["flask-shop.command-i2"]


def test_the_exit_status_is_kept(bring, units, monkeypatch):
    live = bring("i1", "r1")
    monkeypatch.setattr(systemd, "show", lambda names: {name: {"Result": "exit-code", "ActiveState": "failed"} for name in names})
    ended = run(live.app, "echo hello; exit 3")
    assert ended == (3, "hello\n", "ended with 3")


def test_a_command_that_takes_too_long_is_told_with_the_key_of_the_time(bring, units, monkeypatch):
    live = bring("i1", "r1")
    monkeypatch.setattr(systemd, "show", lambda names: {name: {"Result": "timeout", "ActiveState": "failed"} for name in names})
    # The clock of this module alone: the one that waits for the program looks as often as it likes.
    monkeypatch.setattr(cage, "time", SimpleNamespace(monotonic=iter([0, 100]).__next__))
    assert run(live.app, "exit 3").reason == "has not ended within 60 s (time_limit) and was ended"


def test_a_program_that_is_nowhere_is_told_with_those_of_the_virtualenv(bring, units, monkeypatch):
    live = bring("i1", "r1")
    monkeypatch.setattr(systemd, "show", lambda names: {name: {"Result": "exit-code", "ActiveState": "failed"} for name in names})
    programs = Path(live.release.virtualenv_path) / "bin"
    programs.mkdir()
    for name in ("flask", "uwsgi", "activate", "Activate.ps1"):
        (programs / name).touch()
    assert run(live.app, "no-such-program x").reason == (
        "ended with 127: the program no-such-program is neither on the host nor in the virtualenv, which has flask, uwsgi;"
        " add its package to the requirements"
    )
    assert run(live.app, "exit 127").reason == "ended with 127"


def test_an_application_that_is_not_deployed_is_told_with_those_that_are(host, bring):
    bring("i1", "r1", name="blog")
    apps = [host.app(), host.app("blog"), host.app("wiki")]
    with pytest.raises(DeployError, match=r"^shop: it is not deployed on this host, .* deploy it with site.yml. Deployed: blog\.$"):
        live_place(apps[0], apps)
    with pytest.raises(DeployError, match=r"Deployed: none\.$"):
        live_place(apps[0], apps[2:])


def test_the_environment_file_of_a_command_that_outlived_its_run_is_removed(bring, units, tmp_path, host):
    live = bring("i1", "r1")
    names = ("flask-shop.command-i1-ended", "flask-shop.command-i1-young", "flask-shop.command-i1-runs", "flask-shop.build-1")
    for name in names:
        (tmp_path / f"{name}.env").touch()
        os.utime(tmp_path / f"{name}.env", (1, 1))
    os.utime(tmp_path / "flask-shop.command-i1-young.env")
    host.units["flask-shop.command-i1-runs.service"] = {"ActiveState": "active"}
    run(live.app, "true")
    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted(set(names) - {"flask-shop.command-i1-ended"})


# --- what is shown -----------------------------------------------------------------------------------------------------------------


def test_secrets_and_control_characters_are_hidden_before_the_output_is_cut(monkeypatch):
    learn(["hunter22-hunter22"])
    assert shown_lines("a hunter22-hunter22\nb\x1b[2J\n") == ["a ***", "b\\x1b[2J"]
    monkeypatch.setattr(operator_command, "_MOST_CHARACTERS", 8)
    assert "hunter" not in "".join(shown_lines("a hunter22-hunter22"))


def test_of_a_long_output_the_last_lines_are_shown(monkeypatch):
    lines = [str(number) for number in range(2500)]
    assert shown_lines("\n".join(lines)) == ["(1500 earlier lines are not shown)", *lines[1500:]]
    assert shown_lines("\n".join(lines[:1000])) == lines[:1000]
    wide = shown_lines("\n".join("x" * 60_000 for _line in range(3)))
    assert wide[0] == "(1 earlier lines are not shown)"
    assert len("".join(wide[1:])) <= 100_000


# --- what stays ----------------------------------------------------------------------------------------------------------------------


def test_a_release_in_which_a_command_runs_is_not_pruned(host, bring):
    unit = "flask-shop.command-i1-0a1b2c3d.service"
    for number in range(1, 6):
        live = bring(f"i{number}", f"r{number}", keep_releases=2)
        host.units[unit] = {"ActiveState": "active"}
        host.elapse()
    prune.prune(live)
    assert entries(f"{live.root}/releases") == ["r1", "r4", "r5"]
    assert known_ids(live.app) == ["i1", "i4", "i5"]
    del host.units[unit]
    prune.prune(live)
    assert entries(f"{live.root}/releases") == ["r4", "r5"]


def test_a_command_of_another_application_keeps_nothing(host, bring):
    for number in range(1, 5):
        live = bring(f"i{number}", f"r{number}", keep_releases=2)
        host.elapse()
    host.units["flask-shop2.command-i1-0a1b2c3d.service"] = {"ActiveState": "active"}
    prune.prune(live)
    assert entries(f"{live.root}/releases") == ["r3", "r4"]


def test_the_commands_of_an_application_that_is_removed_are_ended(host, bring):
    live = bring("i1", "r1")
    host.units["flask-shop.command-i1-0a1b2c3d.service"] = {"ActiveState": "active"}
    removal.remove({**live.app, "purge": False, "own_dirs": []})
    assert not host.is_running("flask-shop.command-i1-0a1b2c3d.service")
