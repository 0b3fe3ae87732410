# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Submodules of a repository are fetched with it, from where its author says and the controller's git allows."""

from __future__ import annotations

import shutil
import tarfile
from types import SimpleNamespace

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.source import git, git_submodules
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import SourceError
from ansible_collections.flaskops.stack.tests.unit.archives import names
from ansible_collections.flaskops.stack.tests.unit.repository import Repository


@pytest.fixture
def allowed(monkeypatch):
    """Let git fetch submodules from directories, as the repositories of the tests are."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "2")
    monkeypatch.setenv("GIT_CONFIG_KEY_1", "protocol.file.allow")
    monkeypatch.setenv("GIT_CONFIG_VALUE_1", "always")


def add(repository: Repository, url: str, path: str) -> None:
    repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", url, path)


@pytest.fixture
def shop(tmp_path) -> SimpleNamespace:
    """A repository with the submodules web/theme, which has a submodule of its own, and vendor/fonts by a relative URL."""
    made = {name: Repository(tmp_path / "forge" / name) for name in ("icons", "fonts", "theme", "shop")}
    made["icons"].commit("x", {"a.svg": "a", "run.sh": "#!/bin/sh"})
    (made["icons"].place / "run.sh").chmod(0o755)
    made["icons"].commit("executable")
    made["fonts"].commit("x", {"f.ttf": "f", "tests/t.py": "t", ".gitattributes": "tests export-ignore\n"})
    made["theme"].commit("x", {"base.html": "b"})
    add(made["theme"], "../icons", "icons")
    made["theme"].commit("y")
    made["shop"].commit("x", {"app.py": "app = 1", "web/site.py": "app = 1"})
    add(made["shop"], f"file://{tmp_path}/forge/theme", "web/theme")
    add(made["shop"], "../fonts", "vendor/fonts")
    commit = made["shop"].commit("y")
    return SimpleNamespace(**made, url=f"file://{tmp_path}/forge/shop", commit=commit)


WHOLE = {"app.py", ".gitmodules", "web/site.py", "web/theme/base.html", "web/theme/.gitmodules", "web/theme/icons/a.svg"}
WHOLE |= {"web/theme/icons/run.sh", "vendor/fonts/f.ttf", "vendor/fonts/.gitattributes"}


@pytest.mark.usefixtures("allowed")
def test_a_repository_arrives_with_its_submodules(get, shop, tmp_path):
    tree = get(git=shop.url)
    assert names(tree, tmp_path) == WHOLE
    assert tree.empty_submodules() == []
    assert tree.names() >= WHOLE
    assert tree.has("web/theme/icons")
    assert (tree.read("web/theme/icons/a.svg"), tree.read("vendor/fonts/f.ttf"), tree.read("vendor/fonts/none")) == (b"a", b"f", None)
    assert dict(tree.small_files())["web/theme/icons/a.svg"] == b"a"
    assert tree.revision == shop.commit


@pytest.mark.usefixtures("allowed")
def test_content_and_modes_are_those_of_the_submodules(get, shop, tmp_path):
    get(git=shop.url).write_tar(tmp_path / "x.tar.gz")
    with tarfile.open(tmp_path / "x.tar.gz") as tar:
        assert {member.name for member in tar if member.mode & 0o100} == {"web/theme/icons/run.sh"}
        assert tar.extractfile("web/theme/base.html").read() == b"b"


@pytest.mark.usefixtures("allowed")
def test_a_relative_url_begins_at_the_directory_that_was_written(get, shop, places, tmp_path):
    (places.inventory / "forge").symlink_to(tmp_path / "forge")
    assert names(get(git="forge/shop"), tmp_path) == WHOLE


@pytest.mark.usefixtures("allowed")
def test_another_commit_of_a_submodule_is_another_source(get, shop, tmp_path):
    before = get(git=shop.url, version=shop.commit)
    theme = shop.fonts.commit("z", {"f.ttf": "new"})
    shop.shop.git("-C", "vendor/fonts", "-c", "protocol.file.allow=always", "fetch", "--quiet", "origin")
    shop.shop.git("-C", "vendor/fonts", "checkout", "--quiet", theme)
    after = get(git=shop.url, version=shop.shop.commit("z"))
    assert before.digest != after.digest
    assert (before.read("vendor/fonts/f.ttf"), after.read("vendor/fonts/f.ttf")) == (b"f", b"new")


@pytest.mark.usefixtures("allowed")
def test_only_submodules_of_the_directory_that_is_deployed_are_fetched(get, shop, tmp_path):
    shutil.rmtree(shop.fonts.place)
    assert names(get(git=shop.url, subdir="web"), tmp_path) == {name.removeprefix("web/") for name in WHOLE if name.startswith("web/")}


@pytest.mark.usefixtures("allowed")
def test_what_was_fetched_is_fetched_no_more(get, shop, places, tmp_path):
    get(git=shop.url, version=shop.commit)
    for memo in places.run.iterdir():
        memo.unlink()
    shutil.rmtree(tmp_path / "forge")
    assert names(get(git=shop.url, version=shop.commit), tmp_path) == WHOLE


@pytest.mark.usefixtures("allowed")
def test_a_submodule_that_cannot_be_fetched_is_named(refused, shop):
    shutil.rmtree(shop.icons.place)
    key, problem = refused(git=shop.url)
    assert key == "git"
    assert problem.startswith(f"the submodule 'web/theme/icons': 'file://{shop.icons.place}' at '")


def test_a_repository_cannot_have_the_controllers_directories_read(refused, shop):
    """As in git itself (CVE-2022-39253): a hostile author would name a repository of the operator."""
    key, problem = refused(git=shop.url)
    assert key == "git"
    assert "the submodule 'vendor/fonts': " in problem
    assert "transport 'file' not allowed" in problem


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("url", ["--upload-pack=touch ran", "-x", "a\\nb", "ext::sh -c 'touch ran'", "ssh://-oProxyCommand=touch ran/x"])
def test_a_url_that_would_run_something_is_refused(refused, shop, tmp_path, monkeypatch, url):
    monkeypatch.chdir(tmp_path)
    (shop.shop.place / ".gitmodules").write_text(f'[submodule "x"]\n\tpath = vendor/fonts\n\turl = "{url}"\n')
    shop.shop.commit("hostile")
    assert "the submodule 'vendor/fonts'" in refused(git=shop.url)[1]
    assert not list(tmp_path.rglob("ran"))


@pytest.mark.usefixtures("allowed")
def test_a_chain_of_submodules_ends(refused, tmp_path, monkeypatch):
    monkeypatch.setattr(git, "_DEEPEST_SUBMODULE", 2)
    below = Repository(tmp_path / "forge/0")
    below.commit("x", {"a": "a"})
    for number in range(1, 4):
        repository = Repository(tmp_path / f"forge/{number}")
        add(repository, f"file://{below.place}", "m")
        repository.commit("x")
        below = repository
    assert "lies more than 2 submodules deep" in refused(git=f"file://{below.place}")[1]


@pytest.mark.parametrize(
    ("above", "url", "found"),
    [
        ("https://h/a/shop.git", "https://other/x.git", "https://other/x.git"),
        ("https://h/a/shop.git", "../x.git", "https://h/a/x.git"),
        ("https://h/a/shop.git/", "../../b/x.git", "https://h/b/x.git"),
        ("https://u:pw@h:8443/shop", "../x", "https://u:pw@h:8443/x"),
        ("https://h/shop", "./x", "https://h/shop/x"),
        ("git@h:shop.git", "../x.git", "git@h:x.git"),
        ("git@h:a/shop.git", "../x.git", "git@h:a/x.git"),
        ("ssh://git@h:22/a/shop", "../../x", "ssh://git@h:22/x"),
        ("/srv/git/shop", "../x", "/srv/git/x"),
        ("file:///srv/git/shop", "../x", "file:///srv/git/x"),
    ],
)
def test_a_relative_url_is_resolved_as_git_does(above, url, found):
    assert git_submodules._absolute(url, above, "x") == found


@pytest.mark.parametrize(("above", "url"), [("https://h/shop", "../../x"), ("git@h:shop", "../../x"), ("/shop", "../../x")])
def test_a_relative_url_stays_on_its_host(above, url):
    with pytest.raises(SourceError, match="has a relative URL that leads above"):
        git_submodules._absolute(url, above, "x")


def test_a_submodule_without_a_url_stays_empty(get, shop):
    (shop.shop.place / ".gitmodules").unlink()
    shop.shop.commit("forgotten")
    assert get(git=shop.url).empty_submodules() == ["vendor/fonts", "web/theme"]
