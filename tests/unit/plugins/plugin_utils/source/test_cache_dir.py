# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A directory of the controller that cannot be written is one message with the variable to set, wherever it is needed first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible_collections.flaskops.stack.plugins.action import check_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.release import constraints
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.apps import fetch_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.cache import locked
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.fetch import fetch
from ansible_collections.flaskops.stack.tests.unit.hostile import STRANGER, needs_root
from ansible_collections.flaskops.stack.tests.unit.render import action, complete, describe
from ansible_collections.flaskops.stack.tests.unit.repository import CONFIGURATION, Repository

SOURCES = {
    "git": {"git": "origin"},
    "url": {"archive": "https://example.com/shop.zip", "sha256": "0" * 64},
    "package": {"package": "httpbin==0.10.2"},
}


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A directory with a project, the current one."""
    for name, value in CONFIGURATION.items():
        monkeypatch.setenv(name, value)
    Repository(tmp_path / "origin").commit("x", {"app.py": "app = 1"})
    (tmp_path / "tmp").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path / "tmp"))
    return tmp_path


# A home that is not there (root cannot make a directory in /proc either), one that is a file, and one that is somebody else's.
def missing(_project: Path, _monkeypatch) -> str:
    return "/proc/nobody/.cache/flaskops"


def file_in_the_way(project: Path, _monkeypatch) -> str:
    (project / "home").write_text("")
    return f"{project}/home/.cache/flaskops"


def somebody_elses(project: Path, monkeypatch) -> str:
    mkdir = os.mkdir

    def refuses(path, *arguments, **more):
        if str(path).startswith(f"{project}/home"):
            raise PermissionError(13, "Permission denied", str(path))
        mkdir(path, *arguments, **more)

    monkeypatch.setattr(os, "mkdir", refuses)
    return f"{project}/home/.cache/flaskops"


PLACES = pytest.mark.parametrize("place", [missing, file_in_the_way, somebody_elses])


def message(call) -> str:
    with pytest.raises(AnsibleActionFail) as caught:
        call()
    text = str(caught.value)
    assert "\n" not in text
    assert "Errno" not in text
    assert text.startswith("flask_app_cache_dir: ")
    assert "; write a directory that the user of the run can write to" in text
    return text


@PLACES
@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_what_is_fetched_needs_it(project, monkeypatch, place, source):
    cache = place(project, monkeypatch)
    described = complete(source={"path": None, **source}, wsgi="app.py")["source"]
    assert cache in message(lambda: fetch(described, [project], Path(cache), project / "tmp"))


@PLACES
def test_what_is_resolved_needs_it(project, monkeypatch, place):
    cache = place(project, monkeypatch)
    assert cache in message(lambda: constraints.remember(Path(cache), "venv", "flask==3"))

    def resolve():
        with constraints.first_to_resolve(Path(cache), ["venv"]):
            pass

    assert cache in message(resolve)


@PLACES
@pytest.mark.parametrize("apps", [1, 3])
def test_it_is_one_message_before_the_host_is_asked_also_where_nothing_is_fetched(project, monkeypatch, place, apps):
    cache = place(project, monkeypatch)
    described = [describe(name=f"shop{number}", source={"path": "origin"}) for number in range(apps)]
    arguments = {"apps": described, "variable": "flask_apps", "cache_dir": cache}
    assert cache in message(lambda: action(check_apps.ActionModule, "flask_app", arguments, None).run(task_vars={}))


def test_a_user_without_a_home_is_told(project, monkeypatch):
    def nobody(self):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", nobody)
    told = message(lambda: fetch_apps([complete(source={"path": "origin"})], "~/.cache/flaskops", {}))
    assert "'~/.cache/flaskops' on the controller cannot be found, as the user of the run has no home directory" in told


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_directory_is_not_the_current_one(project, text):
    message(lambda: fetch_apps([complete(source={"path": "origin"})], text, {}))
    assert sorted(path.name for path in project.iterdir()) == ["origin", "tmp"]


def test_an_error_while_the_lock_is_held_keeps_its_own_words(project):
    with pytest.raises(OSError, match="disk full"), locked(project / "cache/x"):
        raise OSError("disk full")
    with locked(project / "cache/x"):
        pass


def test_a_directory_that_can_be_made_is_private(project):
    constraints.remember(project / "cache", "venv", "flask==3")
    assert constraints.known(project / "cache", "venv") == "flask==3"
    assert (project / "cache/constraints").stat().st_mode & 0o777 == 0o700


def test_directories_above_it_that_are_missing_are_private_too(project):
    fetch_apps([complete(source={"path": "origin"})], str(project / "home/.cache/flaskops"), {})
    assert [(project / place).stat().st_mode & 0o777 for place in ("home", "home/.cache", "home/.cache/flaskops")] == [0o700] * 3


# --- a directory that somebody else could fill with code ------------------------------------------------------------------------------


def git_source(project: Path, cache: Path):
    described = complete(source={"path": None, "git": "origin"}, wsgi="app.py")
    return lambda: fetch_apps([described], str(cache), {"inventory_dir": str(project)})


def check(_project: Path, cache: Path):
    arguments = {"apps": [describe(source={"path": "origin"})], "variable": "flask_apps", "cache_dir": str(cache)}
    return lambda: action(check_apps.ActionModule, "flask_app", arguments, None).run(task_vars={})


USES = pytest.mark.parametrize("use", [git_source, check])


@USES
@pytest.mark.parametrize("part", ["", "git", "archives", "trees", "packages", "constraints"])
@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770, 0o702])
def test_a_directory_that_others_may_write_to_is_refused(project, use, part, mode):
    place = project / "cache" / part
    place.mkdir(parents=True, mode=0o700)
    place.chmod(mode)
    with pytest.raises(AnsibleActionFail) as caught:
        use(project, project / "cache")()
    said = f"flask_app_cache_dir: '{place}' on the controller can be written by other users (mode {mode:04o}), who could have changed the"
    assert str(caught.value).startswith(said)
    assert f"run `chmod 700 {place}`" in str(caught.value)
    assert place.stat().st_mode & 0o7777 == mode


@needs_root
@USES
@pytest.mark.parametrize("part", ["", "git"])
def test_a_directory_of_somebody_else_is_refused(project, use, part):
    place = project / "cache" / part
    place.mkdir(parents=True, mode=0o700)
    os.chown(place, STRANGER, STRANGER)
    assert f"'{place}' on the controller belongs to the user {STRANGER}, who could change the code in it" in message(
        use(project, project / "cache")
    )


def test_what_others_could_read_is_closed_to_them(project):
    (project / "cache/git").mkdir(parents=True)
    (project / "cache").chmod(0o755)
    (project / "cache/git").chmod(0o755)
    git_source(project, project / "cache")()
    assert (project / "cache/git").stat().st_mode & 0o777 == 0o700
    assert (project / "cache").stat().st_mode & 0o777 == 0o755, "the directory of the user's choice may hold other things"
