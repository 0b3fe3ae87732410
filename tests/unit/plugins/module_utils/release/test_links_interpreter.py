# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An interpreter that somebody else than root may change, which root would run as itself, in check mode too."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import root_paths
from ansible_collections.flaskops.stack.plugins.module_utils.release import interpreter
from ansible_collections.flaskops.stack.plugins.module_utils.release.interpreter import python_info
from ansible_collections.flaskops.stack.tests.unit.building import PYTHON, needs_root
from ansible_collections.flaskops.stack.tests.unit.hostile import STRANGER, in_time

pytestmark = needs_root


@pytest.fixture
def place():
    """A directory of root's that every user can pass."""
    path = Path(tempfile.mkdtemp(prefix="flaskops-test-"))
    path.chmod(0o755)
    python_info.cache_clear()
    yield path
    shutil.rmtree(path)


@pytest.fixture
def told(place) -> Path:
    """The file in which an interpreter writes down who runs it."""
    path = place / "told"
    path.touch()
    path.chmod(0o666)
    return path


def script(path: Path, told: Path) -> Path:
    """Write an interpreter that tells who runs it, where, and what he has in his environment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nid -u >> {told}; id -G >> {told}; pwd >> {told}; env >> {told}\nexec {PYTHON} "$@"\n')
    path.chmod(0o755)
    return path


def test_an_interpreter_of_root_is_asked_as_nobody(place, told, monkeypatch):
    monkeypatch.setenv("VAULT_TOKEN", "hunter2")
    info = python_info(str(script(place / "python", told)))
    assert info["tag"].startswith("cpython-")
    assert told.read_text().splitlines()[:3] == ["65534", "65534", "/"]
    assert "hunter2" not in told.read_text()


@pytest.mark.parametrize("culprit", ["python", "bin", ".", "real"])
@pytest.mark.parametrize("how", ["owner", "group", "all"])
def test_an_interpreter_that_others_may_change_is_run_by_nobody(place, told, culprit, how):
    """Neither its file, nor a directory on the way, nor what a link leads to."""
    real = script(place / "real/python3", told)
    (place / "bin").mkdir()
    python = place / "bin/python"
    if culprit == "real":
        python.symlink_to("../real/python3")
    else:
        shutil.copy(real, python)
    path = {"python": python, "bin": place / "bin", ".": place, "real": real}[culprit]
    if how == "owner":
        os.chown(path, STRANGER, 0)
    else:
        path.chmod(0o775 if how == "group" else 0o777)
    info = python_info(str(python))
    assert info["problem"] == f"'{python}' leads to {path}, which others than root may change"
    assert "belongs to root" in info["remedy"]
    assert told.read_text() == ""


def test_a_link_of_somebody_else_is_his_to_change(place, told):
    (place / "python").symlink_to(script(place / "real/python3", told))
    os.chown(place / "python", STRANGER, 0, follow_symlinks=False)
    assert python_info(str(place / "python"))["problem"].endswith("python, which others than root may change")
    assert told.read_text() == ""


def test_an_interpreter_that_is_found_as_a_command_is_looked_at_too(place, told, monkeypatch):
    path = script(place / "python3.99", told)
    os.chown(path, STRANGER, STRANGER)
    monkeypatch.setenv("PATH", f"{place}:/usr/bin:/bin")
    assert python_info("python3.99")["problem"] == f"'python3.99' leads to {path}, which others than root may change"
    assert told.read_text() == ""


def test_an_interpreter_that_only_root_may_run_is_told(place, told):
    path = script(place / "private/python3", told)
    path.parent.chmod(0o700)
    info = python_info(str(path))
    assert info == {"problem": f"'{path}' is {path}, which only root may run", "remedy": "name an interpreter that every user may run"}


@pytest.mark.parametrize("says", ["echo", "echo no JSON", "exit 3", "kill -9 $$"])
def test_what_is_no_interpreter_is_none(place, says):
    path = place / "python"
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(0o755)
    assert python_info(str(path)) is None


def test_an_interpreter_that_says_nothing_is_not_waited_for(place, monkeypatch):
    monkeypatch.setattr(interpreter, "_SECONDS", 0.2)
    path = place / "python"
    path.write_text("#!/bin/sh\nexec sleep 600\n")
    path.chmod(0o755)
    assert in_time(lambda: python_info(str(path))) is None


def test_a_group_without_users_may_change_an_interpreter(place, told, monkeypatch):
    """As the group staff of Debian, which /usr/local may belong to. A user of that group makes the difference."""
    path = script(place / "bin/python", told)
    empty = next(
        group.gr_gid for group in grp.getgrall() if not group.gr_mem and group.gr_gid not in {user.pw_gid for user in pwd.getpwall()}
    )
    os.chown(path.parent, 0, empty)
    path.parent.chmod(0o2775)
    assert python_info(str(path))["tag"].startswith("cpython-")
    python_info.cache_clear()
    root_paths._has_users.cache_clear()
    monkeypatch.setattr(root_paths.grp, "getgrgid", lambda number: SimpleNamespace(gr_gid=number, gr_mem=["eve"]))
    assert python_info(str(path))["problem"].endswith("which others than root may change")
    root_paths._has_users.cache_clear()


def test_a_group_without_a_name_may_be_anybodys(place, told):
    path = script(place / "python", told)
    os.chown(path, 0, STRANGER)
    path.chmod(0o775)
    assert python_info(str(path))["problem"].endswith("which others than root may change")


def test_an_interpreter_that_the_sandbox_hides_is_told(place, told, monkeypatch):
    monkeypatch.setattr(interpreter, "_HIDDEN", (str(place / "home"),))
    (place / "python").symlink_to(script(place / "home/deploy/python3", told))
    info = python_info(str(place / "python"))
    assert info["problem"].endswith("/home/deploy/python3, which the sandbox of the application hides")
    assert told.read_text() == ""


# --- what is root's ----------------------------------------------------------------------------------------------------------


def test_paths_of_the_distribution_are_roots():
    assert root_paths.changeable("/usr/bin/env") == ""
    assert root_paths.changeable("/bin/../../usr//./bin/env") == ""


def test_a_sticky_directory_keeps_what_is_roots(place):
    """As /tmp does: nobody may rename or remove a file of somebody else there."""
    place.chmod(0o1777)
    (place / "file").touch()
    assert root_paths.changeable(str(place / "file")) == ""
    os.chown(place / "file", STRANGER, 0)
    assert root_paths.changeable(str(place / "file")) == str(place / "file")


@pytest.mark.parametrize("target", ["nowhere", "circle", "file/below"])
def test_a_path_that_leads_nowhere_is_an_error(place, target):
    (place / "file").touch()
    (place / "circle").symlink_to("circle")
    (place / "link").symlink_to(target)
    with pytest.raises(OSError, match=r"No such file|Too many levels|Not a directory"):
        in_time(lambda: root_paths.changeable(str(place / "link")))


def test_a_virtualenv_of_whoever_started_the_run_is_passed_over(place, told, monkeypatch):
    """A run without SSH has an activated virtualenv in front of its PATH."""
    monkeypatch.setattr(interpreter, "_HIDDEN", (str(place / "root"),))
    own, system = script(place / "root/ansible/bin/python9", told), script(place / "bin/python9", told)
    monkeypatch.setenv("PATH", f"{own.parent}:{system.parent}:/usr/bin:/bin")
    assert python_info("python9")["tag"].startswith("cpython-")
    system.unlink()
    python_info.cache_clear()
    for command in ("python9", str(own)):
        assert f"'{command}' leads to {own}, which the sandbox" in python_info(command)["problem"], "where there is no other one"
    assert python_info("python10") is None
