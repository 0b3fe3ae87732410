# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A directory in a checkout of git is shipped without what git ignores."""

from __future__ import annotations

import pytest
from ansible_collections.flaskops.stack.plugins.action import check_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.git_ignore import ignored
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import SourceError
from ansible_collections.flaskops.stack.tests.unit.render import action, describe
from ansible_collections.flaskops.stack.tests.unit.repository import Repository

FILES = {
    "app.py": "app = 1\n",
    ".gitignore": "*.log\n/instance/\n.env\nnode_modules/\n!keep.log\n",
    "web/.gitignore": "dist/\n",
    "web/index.html": "x",
    "tracked.log": "tracked before it was ignored",
}
LOCAL = {
    ".env": "SECRET=1",
    "instance/db.sqlite": "x",
    "a/b/debug.log": "x",
    "web/dist/app.js": "x",
    "keep.log": "x",
    "new.py": "not committed",
}


@pytest.fixture
def checkout(places):
    repository = Repository(places.inventory / "shop")
    for name, text in FILES.items():
        (repository.place / name).parent.mkdir(parents=True, exist_ok=True)
        (repository.place / name).write_text(text)
    repository.git("add", "--force", ".")
    repository.commit("all")
    for name, text in LOCAL.items():
        (repository.place / name).parent.mkdir(parents=True, exist_ok=True)
        (repository.place / name).write_text(text)
    return repository


def test_what_git_ignores_is_not_shipped_and_what_it_tracks_is(get, checkout):
    tree = get(path="shop")
    assert tree.names() == {*FILES, "keep.log", "new.py"}
    assert tree.left_out() == [".env", "a", "instance", "web/dist"]
    assert tree.read(".env") is tree.read("web/dist/app.js") is tree.read("./instance/db.sqlite") is None
    assert tree.read("tracked.log") == b"tracked before it was ignored"
    before = tree.digest
    (checkout.place / ".env").write_text("SECRET=2")
    assert get(path="shop").digest == before


def test_the_description_may_have_everything_shipped(get, checkout):
    tree = get(path="shop", gitignore=False)
    assert tree.names() == {*FILES, *LOCAL}
    assert tree.left_out() == []


def test_a_subdirectory_has_the_patterns_of_the_whole_checkout(get, checkout):
    assert get(path="shop", subdir="web").names() == {".gitignore", "index.html"}
    assert get(path="shop/web").left_out() == ["dist"]


def test_a_directory_that_is_ignored_itself_is_shipped_when_it_is_named(get, checkout):
    assert get(path="shop/web/dist").names() == {"app.js"}


def test_a_directory_outside_of_a_checkout_has_no_patterns(get, places):
    (places.inventory / "plain").mkdir()
    (places.inventory / "plain/.gitignore").write_text("*.py\n")
    (places.inventory / "plain/app.py").touch()
    assert get(path="plain").names() == {".gitignore", "app.py"}


def test_patterns_of_the_user_and_of_the_clone_make_no_other_release(get, checkout, tmp_path, monkeypatch):
    before = get(path="shop").digest
    (tmp_path / "config").write_text(f"[core]\n\texcludesFile = {tmp_path}/mine\n")
    (tmp_path / "mine").write_text("new.py\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    (checkout.place / ".git/info").mkdir(exist_ok=True)
    (checkout.place / ".git/info/exclude").write_text("new.py\n")
    assert get(path="shop").digest == before


def test_a_submodule_has_patterns_of_its_own(get, checkout, places):
    theme = Repository(places.inventory / "theme")
    theme.commit("all", {"base.html": "x", ".gitignore": "*.tmp\n"})
    checkout.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(theme.place), "vendor/theme")
    (checkout.place / "vendor/theme/x.tmp").touch()
    tree = get(path="shop")
    assert "vendor/theme/base.html" in tree.names()
    assert "vendor/theme/x.tmp" in tree.left_out()


def test_no_program_that_a_checkout_names_is_run(get, checkout, tmp_path):
    checkout.git("config", "core.fsmonitor", f"touch {tmp_path}/ran; false")
    assert get(path="shop").left_out()
    assert not (tmp_path / "ran").exists()


def test_a_name_that_is_no_utf8_may_be_ignored(get, checkout):
    (checkout.place / "caf\udce9.log").touch()
    assert "caf\udce9.log" not in get(path="shop").names()


def test_a_controller_without_git_is_told(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SourceError, match="the controller has no git; install or mend git .* or write `gitignore: false`"):
        ignored(checkout.place)


def test_a_checkout_that_git_cannot_read_is_told(checkout):
    (checkout.place / ".git/HEAD").write_text("nothing")
    with pytest.raises(SourceError, match=r"git cannot tell which files of '.*' it ignores \(fatal: "):
        ignored(checkout.place)


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_check_lists_what_is_left_out(checkout, tmp_path, monkeypatch, check_mode):
    (checkout.place / "requirements.txt").touch()
    for number in range(30):
        (checkout.place / f"{number:02}.log").touch()
    apps = [describe(name="shop", source={"path": str(checkout.place)}, wsgi="app.py")]
    arguments = {"apps": apps, "variable": "flask_apps", "cache_dir": str(tmp_path / "kept")}
    check = action(check_apps.ActionModule, "flask_app", arguments, lambda *_call: pytest.fail("no connection is made"), check_mode)
    said: list[str] = []
    monkeypatch.setattr(type(check._display), "display", lambda _self, text, **_more: said.append(text))
    assert not check.run(task_vars={}).get("failed")
    listed = [line for line in said if "git leaves these out" in line]
    logs = ", ".join(f"{number:02}.log" for number in range(19))
    assert listed == ([f"shop: git leaves these out of the source: .env, {logs} and 14 more"] if check_mode else [])


def test_a_directory_that_is_only_called_git_makes_no_checkout(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/config").touch()
    assert ignored(tmp_path) == frozenset()
