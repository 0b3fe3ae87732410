# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of a source that would not arrive on a host are told before any host is asked: submodules, Git LFS, unreadable ones."""

from __future__ import annotations

import io
import os
import pickle
import re
import shutil
import subprocess
import tarfile
import typing as t
from pathlib import Path

import pytest
from ansible import constants as C
from ansible_collections.flaskops.stack.plugins.action import check_apps, flask_release
from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.source import DEFAULT_EXCLUDES
from ansible_collections.flaskops.stack.plugins.plugin_utils.release.source_checks import check_source
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.fetch import fetch
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.git import GitTree
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import DirTree, SourceError
from ansible_collections.flaskops.stack.tests.unit.render import action, complete, describe
from ansible_collections.flaskops.stack.tests.unit.repository import CONFIGURATION, Repository

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d' * 32}\nsize 12345\n"
ATTRIBUTES = "*.bin filter=lfs diff=lfs merge=lfs -text\n"


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch):
    for name, value in CONFIGURATION.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def refused(tmp_path):
    """Fetch a source as a user writes it and look at it; return its problems as lines."""

    def refused(**source) -> list[str]:
        app = complete(source={"path": None, **source}, wsgi="app.py")
        for name in ("cache", "run"):
            (tmp_path / name).mkdir(exist_ok=True)
        try:
            check_source(app, fetch(app["source"], [tmp_path], tmp_path / "cache", tmp_path / "run"))
        except SourceError as error:
            return [f"{each.key}: {each.problem}; {each.remedy}." for each in (error, *error.others)]
        return []

    return refused


# --- submodules ----------------------------------------------------------------------------------------------------------------


def add_submodule(repository: Repository, source: Path, path: str) -> None:
    repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", f"file://{source}", path)


@pytest.fixture
def origin(tmp_path) -> Repository:
    """A repository with the submodules web/theme, which has a submodule of its own, and vendor/fonts."""
    for name in ("icons", "fonts"):
        Repository(tmp_path / name).commit("x", {f"{name}.txt": name})
    theme = Repository(tmp_path / "theme")
    add_submodule(theme, tmp_path / "icons", "icons")
    theme.commit("x", {"base.html": "x"})
    repository = Repository(tmp_path / "origin")
    repository.commit("x", {"app.py": "app = 1", "web/site.py": "app = 1"})
    add_submodule(repository, tmp_path / "theme", "web/theme")
    add_submodule(repository, tmp_path / "fonts", "vendor/fonts")
    repository.commit("submodules")
    return repository


def clone(origin: Repository, place: Path, *options: str) -> None:
    origin.git("-c", "protocol.file.allow=always", "clone", "--quiet", *options, f"file://{origin.place}", str(place))


def test_submodules_beside_the_directory_that_is_deployed_do_not_matter(refused, origin):
    origin.git("rm", "--quiet", "web/theme")
    origin.commit("without")
    assert [line for line in refused(git=f"file://{origin.place}", subdir="web", version=origin.head()) if "submodule" in line] == []


def test_a_repository_inside_of_a_repository_is_refused_where_nobody_says_what_it_is_from(refused, origin):
    (origin.place / ".gitmodules").unlink()
    origin.commit("forgotten")
    assert refused(git=f"file://{origin.place}") == [
        "git: the submodule 'vendor/fonts', 'web/theme' has no URL in .gitmodules;"
        " add one, or write source.path with a checkout made by `git clone --recurse-submodules`."
    ]


def test_an_entry_of_gitmodules_alone_is_none(refused, tmp_path):
    Repository(tmp_path / "plain").commit("x", {"app.py": "app = 1", ".gitmodules": '[submodule "x"]\n\tpath = vendor/x\n\turl = y\n'})
    assert refused(git=f"file://{tmp_path}/plain") == []


@pytest.mark.parametrize("exclude", [None, [".git"]])
def test_submodules_that_are_not_checked_out_are_refused(refused, origin, tmp_path, exclude):
    clone(origin, tmp_path / "checkout")
    more = {"exclude": exclude} if exclude else {}
    assert refused(path="checkout", **more) == [
        "path: the submodule 'vendor/fonts', 'web/theme' has no files in it;"
        " run `git submodule update --init --recursive` there, or remove it from .gitmodules."
    ]


@pytest.mark.parametrize("line", ["-e vendor/fonts", "./vendor/fonts/python"])
def test_a_requirement_on_a_submodule_that_is_not_checked_out_is_no_second_problem(refused, origin, tmp_path, line):
    clone(origin, tmp_path / "checkout")
    (tmp_path / "checkout/requirements.txt").write_text(f"{line}\n")
    (told,) = refused(path="checkout")
    assert told.startswith("path: the submodule 'vendor/fonts', 'web/theme' has no files in it; ")


def test_a_submodule_of_a_submodule_that_is_not_checked_out_is_refused(refused, origin, tmp_path):
    clone(origin, tmp_path / "checkout")
    origin.git("-C", str(tmp_path / "checkout"), "-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init")
    assert "the submodule 'web/theme/icons' has no files in it" in refused(path="checkout")[0]


def test_a_checkout_with_its_submodules_is_shipped_whole(refused, origin, tmp_path):
    clone(origin, tmp_path / "checkout", "--recurse-submodules")
    assert refused(path="checkout") == []
    assert {"web/theme/base.html", "web/theme/icons/icons.txt", "vendor/fonts/fonts.txt"} <= DirTree(tmp_path / "checkout").names()


def test_a_part_of_a_checkout_is_looked_at_by_the_checkout_it_is_in(refused, origin, tmp_path):
    clone(origin, tmp_path / "checkout")
    (tmp_path / "checkout/web/app.py").write_text("app = 1")
    for source in ({"path": "checkout/web"}, {"path": "checkout", "subdir": "web"}):
        assert "the submodule 'theme' has no files in it" in refused(**source)[0]
    (tmp_path / "checkout/other").mkdir()
    (tmp_path / "checkout/other/app.py").write_text("app = 1")
    assert refused(path="checkout/other") == []


def test_a_submodule_that_is_excluded_is_not_missed(refused, origin, tmp_path):
    clone(origin, tmp_path / "checkout")
    assert refused(path="checkout", exclude=[".git", "vendor", "theme"]) == []


def test_a_gitmodules_that_leads_around_comes_to_an_end(refused, tmp_path):
    for place, path in (("code", "sub"), ("code/sub", "..")):
        (tmp_path / place).mkdir()
        (tmp_path / place / ".gitmodules").write_text(f'[submodule "x"]\n\tpath = "{path}"\n[submodule "y"]\n path = .\n')
    (tmp_path / "code/app.py").write_text("app = 1")
    assert refused(path="code") == []


def test_an_archive_without_the_files_of_its_submodules_is_refused(refused, origin, tmp_path):
    # As the download of a release is.
    origin.git("archive", "--prefix=shop-1.0/", f"--output={tmp_path}/shop.tar", "HEAD")
    assert refused(archive="shop.tar") == [
        "archive: the submodule 'vendor/fonts', 'web/theme' has no files in it; pack a checkout with its submodules, or remove it from .gitmodules."
    ]


# --- Git LFS -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attributes", [{}, {".gitattributes": ATTRIBUTES}])
def test_pointers_of_git_lfs_in_a_repository_are_refused(refused, tmp_path, attributes, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    repository = Repository(tmp_path / "origin")
    repository.git("config", "filter.lfs.clean", "cat")
    repository.commit("x", {"app.py": "app = 1", "model.bin": POINTER, "deep/down/other.bin": POINTER, **attributes})
    assert refused(git=f"file://{tmp_path}/origin") == [
        "git: 'deep/down/other.bin', 'model.bin' is a pointer of Git LFS instead of the file;"
        " install git-lfs on the controller, or write source.path with a checkout in which `git lfs pull` was run."
    ]
    assert "'down/other.bin' is a pointer" in refused(git=f"file://{tmp_path}/origin", subdir="deep")[0]


def test_pointers_of_git_lfs_in_a_directory_are_refused(refused, tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code/app.py").write_text("app = 1")
    (tmp_path / "code/model.bin").write_text(POINTER)
    assert refused(path="code") == ["path: 'model.bin' is a pointer of Git LFS instead of the file; run `git lfs pull` there."]
    assert refused(path="code", exclude=["*.bin"]) == []
    with tarfile.open(tmp_path / "code.tar", "w") as tar:
        tar.add(tmp_path / "code", "shop-1.0")
    assert "archive: 'model.bin' is a pointer of Git LFS instead of the file; pack a checkout" in refused(archive="code.tar")[0]


@pytest.mark.parametrize(
    "text",
    [
        POINTER.replace("\n", "\r\n"),
        POINTER.replace("git-lfs", "hawser"),
        POINTER.replace("oid", f"ext-0-foo sha256:{'00' * 32}\noid"),
    ],
)
def test_other_spellings_of_a_pointer_are_one(refused, tmp_path, text):
    (tmp_path / "code").mkdir()
    (tmp_path / "code/app.py").write_text("app = 1")
    (tmp_path / "code/x").write_text(text, newline="")
    assert "is a pointer of Git LFS" in refused(path="code")[0]


@pytest.mark.parametrize("text", [f"# {POINTER}", POINTER.partition("\n")[0], POINTER + "x" * 2000, f"text\n{POINTER}", ""])
def test_a_text_about_pointers_is_none(refused, tmp_path, text):
    Repository(tmp_path / "origin").commit("x", {"app.py": "app = 1", "docs.md": text, ".gitattributes": ATTRIBUTES})
    assert refused(git=f"file://{tmp_path}/origin") == refused(path="origin") == []


def test_small_files_of_a_commit_have_their_content(tmp_path):
    files = {"empty": "", "a b\n": "x\n\ny", "link-like": "app.py", "sub/caf\u00e9.txt": "z"}
    repository = Repository(tmp_path)
    (tmp_path / "link").symlink_to("empty")
    commit = repository.commit("x", {**files, "large": "x" * 1024})
    assert dict(GitTree(tmp_path / ".git", commit).small_files()) == {name: text.encode() for name, text in files.items()}


# --- what may not be read --------------------------------------------------------------------------------------------------------


def as_somebody_else(act: t.Callable[[], t.Any]) -> t.Any:
    """Return what a function returns in a process of a user who is not root."""
    if os.geteuid() != 0:
        return act()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        try:
            answer = act()
        except Exception as error:
            answer = error
        os.write(write, pickle.dumps(answer))
        os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        answer = pickle.loads(pipe.read())
    os.waitpid(child, 0)
    return answer


@pytest.fixture
def code(memory: Path, monkeypatch) -> Path:
    """A directory below the current one, so that somebody else gets there whatever is above it."""
    memory.chmod(0o777)
    monkeypatch.chdir(memory)
    root = Path("code")
    (root / "data").mkdir(parents=True)
    for name in ("app.py", "requirements.txt", "data/a.txt"):
        (root / name).write_text("")
    return root


def look(root: Path, exclude: t.Sequence[str] = DEFAULT_EXCLUDES) -> list[str]:
    def act() -> list[str]:
        try:
            check_source(complete(wsgi="app.py"), DirTree(root, exclude))
        except SourceError as error:
            return [f"{each.key}: {each.problem}; {each.remedy}." for each in (error, *error.others)]
        return []

    return as_somebody_else(act)


REMEDY = "let the user of the run read it, or add '{}' to source.exclude, which takes the place of the default list."


def test_a_file_that_may_not_be_read_is_one_line(code):
    (code / "data/secret.key").write_text("x")
    (code / "data/secret.key").chmod(0)
    assert look(code) == [f"path: 'data/secret.key' cannot be read (Permission denied); {REMEDY.format('secret.key')}"]
    assert look(code, ["secret.key"]) == []


def test_a_large_file_that_may_not_be_read_is_one_line(code):
    (code / "data/model.bin").write_bytes(b"x" * 5000)
    (code / "data/model.bin").chmod(0)
    assert look(code) == [f"path: 'data/model.bin' cannot be read (Permission denied); {REMEDY.format('model.bin')}"]


@pytest.mark.parametrize("mode", [0, 0o100, 0o400, 0o711])
def test_a_directory_that_may_not_be_read_is_not_left_out(code, mode):
    (code / "database").mkdir()
    (code / "database/x").write_text("x")
    (code / "database").chmod(mode)
    assert look(code) == [f"path: 'database' cannot be read (Permission denied); {REMEDY.format('database')}"]
    assert look(code, ["database"]) == []


def test_many_that_may_not_be_read_are_one_line(code):
    for number in range(5):
        (code / f"{number}.key").write_text("")
        (code / f"{number}.key").chmod(0)
    assert look(code) == [f"path: '0.key', '1.key', '2.key' and 2 more cannot be read (Permission denied); {REMEDY.format('0.key')}"]


@pytest.mark.parametrize(
    "act", [lambda tree: tree.digest, lambda tree: tree.write_tar(Path("packed.tar.gz")), lambda tree: tree.read("data/x")]
)
@pytest.mark.parametrize("place", ["data/x", "data"])
def test_what_becomes_unreadable_later_is_one_line_too(code, act, place):
    (code / "data/x").write_text("")
    (code / place).chmod(0)
    error = as_somebody_else(lambda: outcome(lambda: act(DirTree(code))))
    assert error.startswith("SourceError path: 'data")
    assert "cannot be read (Permission denied)" in error


def outcome(act: t.Callable[[], t.Any]) -> str:
    try:
        return repr(act())
    except Exception as error:
        return f"{type(error).__name__} {error}"


# --- kinds of sources ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [{}, {"svn": "x"}, {"prebuilt": "/opt/x", "virtualenv": "/opt/y"}])
def test_a_source_of_no_kind_is_told(tmp_path, source):
    with pytest.raises(SourceError, match="^source: has none of path, git, archive, package; write the one that the code comes from$"):
        fetch({"version": "HEAD", "subdir": "", "exclude": [], **source}, [tmp_path], tmp_path, tmp_path)


# --- in the tasks ----------------------------------------------------------------------------------------------------------------


def test_everything_about_all_sources_is_one_message_of_the_first_task(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path))
    for name, files in {
        "one": {"requirements.txt": "-e ..\nuWSGI==2.0.28", "pyproject.toml": "", "model.bin": POINTER},
        "two": {"requirements.in": "flask"},
        "four": {"requirements.txt": "flask"},
    }.items():
        (tmp_path / name).mkdir()
        for file, text in {"app.py": "app = 1", **files}.items():
            (tmp_path / name / file).write_text(text)
    apps = [describe(name=name, source={"path": name}, wsgi="app.py") for name in ("one", "two", "three", "four")]
    apps[3]["wsgi"] = "nowhere.py"
    arguments = {"apps": apps, "variable": "flask_apps", "cache_dir": str(tmp_path / "cache")}
    check = action(check_apps.ActionModule, "flask_app", arguments, lambda *_call: pytest.fail("no connection is made"))
    result = check.run(task_vars={})
    assert result["failed"]
    assert [line.partition(" ")[0] + line.partition(" ")[2][:12] for line in result["msg"].split("\n")] == [
        "one.source.path:'model.bin' ",
        "one.requirements:'-e ..' in r",
        "one.requirements:'uWSGI==2.0.",
        "two.requirements:the source h",
        "three.source.path:'three' does",
        "four.wsgi:'nowhere.py'",
    ]


def test_a_filter_that_git_cannot_run_is_told_when_the_source_is_packed(tmp_path, monkeypatch):
    (tmp_path / "gitconfig").write_text('[filter "strange"]\n\tsmudge = false\n\trequired = true\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    repository = Repository(tmp_path / "origin")
    commit = repository.commit("x", {"app.py": "app = 1"})
    (tmp_path / "origin/.git/info").mkdir(exist_ok=True)
    (tmp_path / "origin/.git/info/attributes").write_text("*.py filter=strange\n")
    tree = GitTree(tmp_path / "origin/.git", commit)
    with pytest.raises(SourceError, match=rf"^git: commit {commit[:12]} could not be packed \(.*filter"):
        tree.write_tar(tmp_path / "x.tar.gz")
    monkeypatch.setattr(flask_release, "fetch_apps", lambda *_arguments: ({"shop": tree}, {}))
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path))
    plan = {
        "id": "a",
        "digest": tree.digest,
        "hosted": {"releases": [], "virtualenvs": ["v"], "next": ""},
        "virtualenv_id": "v",
        "open_versions": False,
    }
    arguments = {"apps": [complete()], "plans": {"shop": plan}, "missing": ["shop"], "cache_dir": str(tmp_path)}
    release = action(flask_release.ActionModule, "flask_app", arguments, lambda *_call: pytest.fail("nothing is built"))
    assert re.fullmatch(r"shop\.source\.git: commit .* could not be packed \([^\n]*\.", release.run(task_vars={})["msg"])
    assert not list(tmp_path.glob("*.tar.gz"))


def test_git_of_this_machine_makes_an_empty_directory_of_a_submodule(origin):
    """The reason for all this: git-archive leaves the files of submodules out without a word."""
    packed = subprocess.run(["git", "archive", "HEAD"], cwd=origin.place, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert tar.getmember("web/theme").isdir()
        assert "web/theme/base.html" not in tar.getnames()
