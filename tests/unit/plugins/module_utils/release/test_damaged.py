# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A virtualenv of which somebody has removed a part while an instance runs with the rest."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import files
from ansible_collections.flaskops.stack.plugins.module_utils.host.cage import Cage
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError
from ansible_collections.flaskops.stack.plugins.module_utils.release import virtualenv
from ansible_collections.flaskops.stack.plugins.module_utils.release.build import build
from ansible_collections.flaskops.stack.plugins.module_utils.release.store import inspect, is_complete
from ansible_collections.flaskops.stack.tests.unit.building import description, needs_root, packed, pip_calls, without_systemd


@pytest.fixture
def venv(host) -> Path:
    """The virtualenv of a release, without its programs."""
    build(description(host), packed(host.place))
    host.pip.unlink()
    made = host.place / "venvs/v1"
    shutil.rmtree(made / "bin")
    return made


def names(host) -> list[str]:
    return sorted(path.name for path in (host.place / "venvs").iterdir())


WHOLE = ["v1", "v1.json", "v1.lock"]


@needs_root
@pytest.mark.parametrize("lost", ["bin", "bin/python", "bin/uwsgi"])
def test_a_virtualenv_without_a_program_is_not_complete(host, lost):
    build(description(host), packed(host.place))
    assert inspect({"root": str(host.place), "python": host.python})["virtualenvs"] == ["v1"]
    path = host.place / "venvs/v1" / lost
    shutil.rmtree(path) if lost == "bin" else path.unlink()
    assert inspect({"root": str(host.place), "python": host.python})["virtualenvs"] == []


@needs_root
def test_an_interpreter_that_the_host_has_no_more_is_none(host, venv):
    (venv / "bin").mkdir()
    (venv / "bin/uwsgi").touch()
    (venv / "bin/python").symlink_to("/usr/bin/python3.0")
    assert not is_complete(str(host.place), "v1")


@needs_root
@pytest.mark.parametrize("exchanges", [True, False])
def test_it_is_built_anew_and_what_is_left_stays_in_its_place_meanwhile(host, venv, monkeypatch, exchanges):
    if not exchanges:
        monkeypatch.setattr(virtualenv, "exchange", lambda _one, _other: False)
    before, seen = venv.stat().st_ino, set()

    def look(cage, commands, *more):
        seen.add(((venv / "installed").exists(), venv.stat().st_ino))
        return without_systemd(cage, commands, *more)

    monkeypatch.setattr(Cage, "run_each", look)
    assert build(description(host), None) == [str(venv)]
    assert seen == {(True, before)}
    assert venv.stat().st_ino != before
    assert is_complete(str(host.place), "v1")
    assert {path.lstat().st_uid for path in [venv, *venv.rglob("*")]} == {0}
    assert names(host) == WHOLE
    assert build(description(host), None) == []


@needs_root
def test_it_gets_the_versions_that_it_had(host, venv):
    (host.place / "venvs/v1.lock").write_text("flask==3.1.3\n")
    build(description(host, requirements="requirements.txt"), None)
    assert "constraints: flask==3.1.3" in host.pip.read_text().splitlines()


@needs_root
def test_what_is_left_stays_if_it_cannot_be_built(host, venv):
    before = venv.stat().st_ino
    for _attempt in range(2):
        with pytest.raises(CommandError):
            build({**description(host), "uwsgi": "fail"}, None)
        assert venv.stat().st_ino == before
        assert names(host) == WHOLE
    assert any("fail" in call for call in pip_calls(host))


@needs_root
def test_a_release_that_fails_leaves_the_virtualenv_that_was_mended_for_it(host, venv):
    with pytest.raises(CommandError):
        build(description(host, hooks=["false"], id="r2"), packed(host.place))
    assert is_complete(str(host.place), "v1")


@needs_root
def test_a_run_that_is_killed_after_the_exchange_has_left_a_whole_virtualenv(host, venv, monkeypatch):
    class Killed(BaseException):
        pass

    order = []
    monkeypatch.setattr(virtualenv, "sync_filesystem", lambda path: order.append(os.path.basename(path)))

    def exchange(one, other):
        order.append("exchange")
        assert files.exchange(one, other)
        raise Killed

    monkeypatch.setattr(virtualenv, "exchange", exchange)
    with pytest.raises(Killed):
        build(description(host), None)
    assert order == [".v1", "exchange"], "the marks beside it are there already"
    assert is_complete(str(host.place), "v1")
