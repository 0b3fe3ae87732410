# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fetching sources to the controller, from directories, repositories, archives and a package index, all on this machine."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import multiprocessing
import os
import shutil
import subprocess
import tarfile
import threading
import urllib.error
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_app
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from ansible_collections.flaskops.stack.plugins.plugin_utils.source import archive as archive_module
from ansible_collections.flaskops.stack.plugins.plugin_utils.source import cache, git
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.cache import locked
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.fetch import fetch
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.package import wheel_metadata
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import SourceError
from ansible_collections.flaskops.stack.tests.unit.archives import tar
from ansible_collections.flaskops.stack.tests.unit.repository import CONFIGURATION, Repository


@pytest.fixture
def places(tmp_path: Path) -> SimpleNamespace:
    made = SimpleNamespace(
        inventory=tmp_path / "inventory", playbooks=tmp_path / "playbooks", cache=tmp_path / "cache", run=tmp_path / "run"
    )
    for place in vars(made).values():
        place.mkdir()
    return made


@pytest.fixture
def get(places):
    """Fetch a source as a user writes it."""

    def get(**source):
        resolved = resolve_app({"name": "shop", "wsgi": "app.py", "source": source})["source"]
        return fetch(resolved, [places.inventory, places.playbooks], places.cache, places.run)

    return get


@pytest.fixture
def refused(get):
    """Fetch what cannot be had; return the key and the message."""

    def refused(**source):
        with pytest.raises(SourceError) as caught:
            get(**source)
        assert "\n" not in str(caught.value)
        assert caught.value.remedy
        return caught.value.key, caught.value.problem

    return refused


def names(tree, place: Path) -> set[str]:
    tree.write_tar(place / "shipped.tar.gz")
    with tarfile.open(place / "shipped.tar.gz") as archive:
        return set(archive.getnames())


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch):
    for name, value in CONFIGURATION.items():
        monkeypatch.setenv(name, value)


# --- path --------------------------------------------------------------------------------------------------------------------


def test_a_relative_path_starts_at_the_inventory_then_at_the_playbook(get, places):
    (places.playbooks / "shop").mkdir()
    (places.playbooks / "shop/play.py").touch()
    assert get(path="shop").root == (places.playbooks / "shop").resolve()
    (places.inventory / "shop").mkdir()
    assert get(path="shop").root == (places.inventory / "shop").resolve()


def test_an_absolute_path_and_a_home_are_taken(get, tmp_path, monkeypatch):
    (tmp_path / "shop/src").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert get(path=str(tmp_path / "shop")).root == get(path="~/shop").root == tmp_path / "shop"
    assert get(path="~/shop", subdir="src").root == tmp_path / "shop/src"


def test_what_is_excluded_is_the_users_choice(get, places):
    (places.inventory / "shop").mkdir()
    (places.inventory / "shop/a.md").touch()
    before = get(path="shop", exclude=["*.md"]).digest
    (places.inventory / "shop/b.md").touch()
    assert get(path="shop", exclude=["*.md"]).digest == before != get(path="shop").digest


def test_a_path_that_is_not_there_is_told_with_where_it_was_looked_for(refused, places):
    key, problem = refused(path="shop")
    assert key == "path"
    assert problem == f"'shop' does not exist (looked in {places.inventory}, {places.playbooks})"


def test_a_file_is_no_directory(refused, places):
    (places.inventory / "shop.tar.gz").touch()
    assert refused(path="shop.tar.gz") == ("path", "'shop.tar.gz' is not a directory")


def test_a_subdirectory_that_is_not_there_is_told(refused, places):
    (places.inventory / "shop").mkdir()
    assert refused(path="shop", subdir="src") == ("subdir", "'src' is not a directory of the source")


# --- git ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def commits(tmp_path_factory) -> SimpleNamespace:
    """A repository: first (tags v1, light), middle, second, on main; a branch feature beside it."""
    repository = Repository(tmp_path_factory.mktemp("git") / "origin")
    first = repository.commit("first", {"app.py": "1", "web/site.py": "x"})
    repository.git("tag", "--annotate", "v1", "--message", "v1")
    repository.git("tag", "light")
    repository.git("branch", "feature")
    middle = repository.commit("middle", {"app.py": "1.5"})
    second = repository.commit("second", {"app.py": "2"})
    repository.git("checkout", "--quiet", "feature")
    feature = repository.commit("feature", {"app.py": "3"})
    repository.git("checkout", "--quiet", "main")
    return SimpleNamespace(place=repository.place, first=first, middle=middle, second=second, feature=feature)


@pytest.fixture
def origin(tmp_path: Path, commits: SimpleNamespace) -> SimpleNamespace:
    """A copy of that repository, to be changed."""
    shutil.copytree(commits.place, tmp_path / "origin")
    names = {name: value for name, value in vars(commits).items() if name != "place"}
    return SimpleNamespace(repository=Repository(tmp_path / "origin"), url=f"file://{tmp_path}/origin", **names)


@pytest.mark.parametrize(
    ("version", "commit"),
    [
        ("main", "second"),
        ("HEAD", "second"),
        ("feature", "feature"),
        ("v1", "first"),
        ("light", "first"),
        ("refs/heads/feature", "feature"),
    ],
)
def test_a_version_is_a_branch_or_a_tag(get, origin, version, commit):
    tree = get(git=origin.url, version=version)
    assert tree.revision == getattr(origin, commit)
    assert tree.read("app.py") == {"first": b"1", "second": b"2", "feature": b"3"}[commit]


def test_without_a_version_it_is_what_the_repository_shows_first(get, origin):
    assert get(git=origin.url).revision == origin.second


@pytest.mark.parametrize("digits", [40, 12, 7])
@pytest.mark.parametrize("commit", ["first", "middle", "second", "feature"])
def test_a_version_is_a_commit(get, origin, commit, digits):
    wanted = getattr(origin, commit)
    assert get(git=origin.url, version=wanted[:digits]).revision == wanted


@pytest.mark.parametrize("digits", [40, 7])
def test_a_commit_is_found_after_another_version_was_fetched(get, origin, places, digits):
    assert get(git=origin.url, version="main").revision == origin.second
    assert get(git=origin.url, version=origin.middle[:digits]).revision == origin.middle


def test_a_repository_may_be_a_path(get, origin, places):
    os.symlink(origin.repository.place, places.inventory / "shop")
    assert get(git="shop", version="v1").read("app.py") == b"1"
    assert get(git=str(origin.repository.place), version="main").revision == origin.second


def test_a_directory_of_the_repository_can_be_the_source(get, origin, tmp_path):
    assert names(get(git=origin.url, subdir="web"), tmp_path) == {"site.py"}


def test_work_that_is_not_committed_is_not_fetched(get, origin, tmp_path):
    (origin.repository.place / "app.py").write_text("not committed")
    assert get(git=origin.url).read("app.py") == b"2"


def test_a_branch_is_looked_up_once_for_each_run(get, origin, places):
    assert get(git=origin.url, version="main").revision == origin.second
    third = origin.repository.commit("third", {"app.py": "4"})
    # All hosts of a run get one commit, whenever they come.
    assert get(git=origin.url, version="main").revision == origin.second
    for memo in places.run.iterdir():
        memo.unlink()
    assert get(git=origin.url, version="main").revision == third


def test_a_branch_that_was_rewritten_is_fetched(get, origin, places):
    get(git=origin.url, version="feature")
    origin.repository.git("branch", "--force", "feature", origin.first)
    for memo in places.run.iterdir():
        memo.unlink()
    assert get(git=origin.url, version="feature").revision == origin.first


def test_a_commit_that_is_known_needs_no_repository(get, origin, places, tmp_path):
    get(git=origin.url, version=origin.first)
    for memo in places.run.iterdir():
        memo.unlink()
    origin.repository.place.rename(tmp_path / "gone")
    assert get(git=origin.url, version=origin.first).read("app.py") == b"1"


def test_two_repositories_are_not_mixed_up(get, origin, tmp_path):
    other = Repository(tmp_path / "other")
    other.commit("other", {"app.py": "other"})
    assert get(git=origin.url, version="main").read("app.py") == b"2"
    assert get(git=f"file://{tmp_path}/other", version="main").read("app.py") == b"other"


@pytest.mark.parametrize("version", ["nothing", "0" * 40, "abcdef1"])
def test_a_version_that_is_not_there_is_told(refused, origin, version):
    key, problem = refused(git=origin.url, version=version)
    assert key == "git"
    assert problem.startswith(f"'{origin.url}' at '{version}' could not be fetched (")


def test_a_version_that_is_not_there_is_told_with_gits_words(refused, origin):
    _key, problem = refused(git=origin.url, version="nothing")
    assert "no message" not in problem


def test_a_repository_that_is_not_there_is_told_with_gits_words(refused, tmp_path):
    _key, problem = refused(git=f"file://{tmp_path}/nowhere", version="main")
    assert "does not appear to be a git repository" in problem or "does not exist" in problem


def test_a_path_that_is_no_repository_is_told(refused, places):
    assert refused(git="nowhere", version="main")[0] == "git"
    (places.inventory / "shop").mkdir()
    assert refused(git="shop", version="main")[0] == "git"


def test_no_message_has_the_password_of_a_url(refused, monkeypatch):
    def fails(_repository, *arguments):
        words = f"fatal: unable to access '{next(item for item in arguments if 'example' in item)}': no route"
        raise subprocess.CalledProcessError(128, "git", stderr=words.encode())

    monkeypatch.setattr(git, "git", fails)
    _key, problem = refused(git="https://user:hunter2@git.example.com/shop.git", version="main")
    assert "hunter2" not in problem
    assert "https://***@git.example.com/shop.git" in problem


def test_a_controller_without_git_is_told(refused, origin, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refused(git=origin.url) == ("git", "the controller has no git")


def test_an_option_is_no_version(refused, origin):
    with pytest.raises((AppError, SourceError)):
        refused(git=origin.url, version="--upload-pack=id")


# --- archives ----------------------------------------------------------------------------------------------------------------


def zipped(place: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(place, "w") as archive:
        for name, text in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o755 if name.endswith(".sh") else 0o644) << 16
            archive.writestr(info, text)
    return place


CODE = {"app.py": "x", "bin/run.sh": "y"}


@pytest.mark.parametrize(
    ("name", "mode"), [("shop.tar", "w"), ("shop.tar.gz", "w:gz"), ("shop.tar.bz2", "w:bz2"), ("shop.tar.xz", "w:xz"), ("shop", "w:gz")]
)
def test_a_tar_is_unpacked(get, places, tmp_path, name, mode):
    tar(places.inventory / name, CODE, mode)
    tree = get(archive=name)
    assert names(tree, tmp_path) == {"app.py", "bin/run.sh"}
    assert os.access(tree.root / "bin/run.sh", os.X_OK)


def test_a_zip_is_unpacked(get, places, tmp_path):
    zipped(places.inventory / "shop.zip", CODE)
    tree = get(archive="shop.zip")
    assert names(tree, tmp_path) == {"app.py", "bin/run.sh"}
    assert os.access(tree.root / "bin/run.sh", os.X_OK)
    assert not os.access(tree.root / "app.py", os.X_OK)


def test_the_way_it_is_packed_does_not_change_the_digest(get, places):
    tar(places.inventory / "a.tar.gz", CODE)
    tar(places.inventory / "b.tar.xz", CODE, "w:xz", mtime=5, uid=7)
    zipped(places.inventory / "c.zip", {f"shop-1.0/{name}": text for name, text in CODE.items()})
    digests = {get(archive=name).digest for name in ("a.tar.gz", "b.tar.xz", "c.zip")}
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("members", "found"),
    [
        ({"shop-1.0/app.py": "x"}, {"app.py"}),
        ({"shop-1.0": None, "shop-1.0/app.py": "x", "shop-1.0/a/b.py": "y"}, {"app.py", "a/b.py"}),
        ({"shop/app.py": "x", "README": "y"}, {"shop/app.py", "README"}),
        ({"app.py": "x"}, {"app.py"}),
        ({"a/app.py": "x", "b/app.py": "x"}, {"a/app.py", "b/app.py"}),
    ],
)
def test_a_single_top_directory_is_dropped(get, places, tmp_path, members, found):
    tar(places.inventory / "shop.tar.gz", members)
    assert names(get(archive="shop.tar.gz"), tmp_path) == found


def test_a_directory_of_an_archive_can_be_the_source(get, places, tmp_path):
    tar(places.inventory / "shop.tar.gz", {"shop-1.0/src/app.py": "x", "shop-1.0/README": "y"})
    assert names(get(archive="shop.tar.gz", subdir="src"), tmp_path) == {"app.py"}


def test_the_checksum_of_a_file_is_compared(get, refused, places):
    file = tar(places.inventory / "shop.tar.gz", CODE)
    right = hashlib.sha256(file.read_bytes()).hexdigest()
    assert get(archive="shop.tar.gz", sha256=right).revision == f"sha256:{right[:12]}"
    key, problem = refused(archive="shop.tar.gz", sha256="0" * 64)
    assert (key, problem) == ("sha256", f"'shop.tar.gz' has the checksum {right}, not {'0' * 64}")
    assert file.exists(), "the user's file is not ours to remove"


HOSTILE = [
    {"../evil.py": "x"},
    {"a/../../evil.py": "x"},
    {"out": "-> /etc", "out/evil.py": "x"},
    {"out": "-> ../..", "app.py": "x"},
    {"p/q/r": "-> ../..", "s": "-> p/q/r/../../x", "s/evil.py": "x"},
]


@pytest.mark.parametrize("members", HOSTILE, ids=lambda members: next(iter(members)))
def test_what_leads_out_of_an_archive_is_refused(refused, places, tmp_path, members):
    before = set(tmp_path.rglob("*evil*"))
    tar(places.inventory / "shop.tar.gz", members)
    key, problem = refused(archive="shop.tar.gz")
    assert key == "archive"
    assert problem.startswith("'shop.tar.gz' could not be unpacked (")
    assert set(tmp_path.rglob("*evil*")) == before
    assert not [path for path in (places.cache / "trees").iterdir() if not path.name.endswith((".lock", ".partial"))]


def test_an_absolute_name_is_one_inside(get, places, tmp_path):
    tar(places.inventory / "shop.tar.gz", {"/etc/evil.py": "x", "app.py": "y"})
    assert names(get(archive="shop.tar.gz"), tmp_path) == {"etc/evil.py", "app.py"}


def test_a_device_is_no_code(refused, places):
    tar(places.inventory / "shop.tar.gz", {"null": ""}, type=tarfile.CHRTYPE, devmajor=1, devminor=3)
    assert refused(archive="shop.tar.gz")[0] == "archive"


def test_a_zip_stays_inside(get, places, tmp_path):
    zipped(places.inventory / "shop.zip", {"../../evil.py": "x", "/etc/evil2.py": "y", "app.py": "z"})
    tree = get(archive="shop.zip")
    assert "app.py" in names(tree, tmp_path)
    assert [path for path in tmp_path.rglob("*evil*") if tree.root not in path.parents] == []


def test_what_is_no_archive_is_told(refused, places):
    (places.inventory / "shop.tar.gz").write_text("no archive")
    assert refused(archive="shop.tar.gz")[0] == "archive"


@pytest.mark.parametrize("name", ["cut.tar.gz", "cut.tar.xz"])
def test_an_archive_that_is_damaged_is_told(refused, places, name):
    file = tar(
        places.inventory / name, {f"{number}.py": os.urandom(2000).hex() for number in range(9)}, "w:xz" if name.endswith("xz") else "w:gz"
    )
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    assert refused(archive=name)[0] == "archive"


def test_an_unfinished_unpacking_is_begun_anew(get, places, tmp_path):
    file = tar(places.inventory / "shop.tar.gz", CODE)
    partial = places.cache / "trees" / f"{hashlib.sha256(file.read_bytes()).hexdigest()}.partial"
    partial.mkdir(parents=True)
    (partial / "left").touch()
    assert names(get(archive="shop.tar.gz"), tmp_path) == {"app.py", "bin/run.sh"}


@pytest.fixture
def web(monkeypatch):
    """A web of a few URLs; returns them and what was asked for."""
    made = SimpleNamespace(urls={}, asked=[])

    def open_url(url, **_more):
        made.asked.append(url)
        if url not in made.urls:
            raise urllib.error.HTTPError(url, 404, "Not Found", None, None)
        return io.BytesIO(made.urls[url])

    monkeypatch.setattr(archive_module, "open_url", open_url)
    return made


URL = "https://user:hunter2@example.com/shop.tar.gz"


def test_an_archive_is_downloaded_once(get, web, tmp_path):
    web.urls[URL] = tar(tmp_path / "x.tar.gz", CODE).read_bytes()
    checksum = hashlib.sha256(web.urls[URL]).hexdigest()
    for _time in range(2):
        assert names(get(archive=URL, sha256=checksum), tmp_path) == {"app.py", "bin/run.sh"}
    assert web.asked == [URL]


def test_a_download_with_another_checksum_is_not_kept(refused, get, web, tmp_path):
    web.urls[URL] = b"something else"
    good = tar(tmp_path / "x.tar.gz", CODE).read_bytes()
    checksum = hashlib.sha256(good).hexdigest()
    assert refused(archive=URL, sha256=checksum)[0] == "sha256"
    web.urls[URL] = good
    assert get(archive=URL, sha256=checksum).read("app.py") == b"x"


def test_a_download_that_fails_is_told(refused, web, places):
    key, problem = refused(archive=URL, sha256="0" * 64)
    assert key == "archive"
    assert problem == "'https://***@example.com/shop.tar.gz' could not be downloaded (HTTP Error 404: Not Found)"
    assert not list((places.cache / "archives").glob("0*"))


class Forge(http.server.BaseHTTPRequestHandler):
    """Answers as servers of archives do: asks for a password, or says that a packed file is an encoding of an unpacked one."""

    content = b""

    def do_GET(self) -> None:
        allowed = self.headers["Authorization"] == f"Basic {base64.b64encode(b'user:hunter2').decode()}"
        if self.path.startswith("/private") and not allowed:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="forge"')
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture
def forge(tmp_path, monkeypatch):
    """Return the address of a server with an archive, and its checksum."""
    monkeypatch.setattr(Forge, "content", tar(tmp_path / "x.tar.gz", CODE).read_bytes())
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forge) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", hashlib.sha256(Forge.content).hexdigest()
        server.shutdown()


@pytest.mark.parametrize("place", ["{}/shop.tar.gz", "user:hunter2@{}/private/shop.tar.gz"])
def test_an_archive_comes_from_a_server_as_it_is(get, forge, tmp_path, place):
    address, checksum = forge
    assert names(get(archive=f"http://{place.format(address)}", sha256=checksum), tmp_path) == {"app.py", "bin/run.sh"}


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("user:wrong@{}/private/shop.tar.gz", "'http://***@{}/private/shop.tar.gz' could not be downloaded (HTTP Error 401: Unauthorized)"),
        ("{}x/shop.tar.gz", "'http://{}x/shop.tar.gz' could not be downloaded (nonnumeric port: '"),
        ("a..b/shop.tar.gz", "'http://a..b/shop.tar.gz' could not be downloaded ("),
    ],
)
def test_a_server_that_has_no_archive_for_us_is_told(refused, forge, place, problem):
    address, checksum = forge
    key, said = refused(archive=f"http://{place.format(address)}", sha256=checksum)
    assert key == "archive"
    assert said.startswith(problem.format(address))


@pytest.mark.parametrize("content", [b"something else", b"no archive"])
def test_no_message_about_a_download_has_the_password(refused, web, content):
    web.urls[URL] = content
    checksum = hashlib.sha256(b"no archive").hexdigest()
    assert "hunter2" not in refused(archive=URL, sha256=checksum)[1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:pw@host/x", "https://***@host/x"),
        ("https://token@host/x", "https://***@host/x"),
        ("https://host/x@1", "https://host/x@1"),
        ("git@host:x", "git@host:x"),
        ("https://u:p@ss@host/x", "https://***@host/x"),
    ],
)
def test_what_is_shown_of_a_url(text, shown):
    assert cache.without_password(text) == shown


# --- packages ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def index(monkeypatch):
    """A package index behind `pip download`: file by requirement and kind; returns it and the commands."""
    made = SimpleNamespace(files={}, words="ERROR: No matching distribution found for x", commands=[])

    def run(command, **_more):
        made.commands.append(command)
        kind = "wheel" if "--only-binary=:all:" in command else "sdist"
        file = made.files.get((command[-1], kind))
        if file is None:
            return subprocess.CompletedProcess(command, 1, "", f"WARNING: x\n{made.words}\n")
        (target,) = [item.removeprefix("--dest=") for item in command if item.startswith("--dest=")]
        Path(target, file).write_bytes(f"content of {file}".encode())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(git.subprocess, "run", run)
    return made


def test_a_package_is_downloaded_as_a_wheel(get, index):
    index.files[("httpbin==0.10.2", "wheel")] = "httpbin-0.10.2-py3-none-any.whl"
    tree = get(package="httpbin==0.10.2")
    assert tree.file.name == "httpbin-0.10.2-py3-none-any.whl"
    assert tree.revision == "httpbin 0.10.2"
    (command,) = index.commands
    # Any host can use it, and nothing of it runs on the controller.
    assert {"--no-deps", "--only-binary=:all:", "--platform=any", "--no-input"} <= set(command)


def test_a_package_without_a_wheel_is_downloaded_as_source(get, index):
    index.files[("old==1", "sdist")] = "old-1.tar.gz"
    assert get(package="old==1").file.name == "old-1.tar.gz"


def test_extras_are_no_part_of_what_is_downloaded(get, index):
    index.files[("httpbin==0.10.2", "wheel")] = "httpbin-0.10.2-py3-none-any.whl"
    assert get(package="httpbin[mainapp, x]==0.10.2").revision == "httpbin 0.10.2"


def test_a_package_is_downloaded_once(get, index):
    index.files[("a==1", "wheel")] = "a-1-py3-none-any.whl"
    assert get(package="a==1").digest == get(package="a==1").digest
    assert len(index.commands) == 1


def test_two_packages_are_not_mixed_up(get, index):
    index.files[("a-1==2", "wheel")] = "a_1-2-py3-none-any.whl"
    index.files[("a==1-2", "wheel")] = "a-1.post2-py3-none-any.whl"
    assert get(package="a-1==2").digest != get(package="a==1-2").digest


def test_a_package_that_is_not_there_is_told(refused, index, places):
    assert refused(package="x==1") == ("package", "'x==1' could not be downloaded (ERROR: No matching distribution found for x)")
    assert not (places.cache / "packages/x-1").exists()


def test_a_controller_without_pip_is_told(refused, index):
    index.words = "/usr/bin/python3: No module named pip"
    assert refused(package="x==1") == ("package", "the controller's Python has no pip to fetch it with")


def test_metadata_of_a_wheel_is_read(tmp_path):
    wheel = zipped(
        tmp_path / "a-1-py3-none-any.whl", {"a/__init__.py": "", "a-1.dist-info/METADATA": "Name: a\n", "a/x.dist-info/METADATA": "no"}
    )
    assert wheel_metadata(wheel) == "Name: a\n"
    assert wheel_metadata(tmp_path / "a-1.tar.gz") is None


# --- many at once ------------------------------------------------------------------------------------------------------------


def test_what_is_locked_waits(tmp_path):
    order: list[str] = []

    def second() -> None:
        with locked(tmp_path / "cache/x"):
            order.append("second")

    with locked(tmp_path / "cache/x"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.05)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]


def test_what_is_locked_apart_does_not_wait(tmp_path):
    with locked(tmp_path / "cache/x"), locked(tmp_path / "cache/y"):
        pass


def test_the_cache_is_the_users_alone(tmp_path):
    with locked(tmp_path / "cache/x"):
        assert (tmp_path / "cache").stat().st_mode & 0o077 == 0


def _fetch_in_a_worker(arguments) -> str:
    return fetch(*arguments).revision


def test_workers_of_a_play_fetch_one_commit(origin, places):
    source = resolve_app({"name": "shop", "wsgi": "app.py", "source": {"git": origin.url, "version": "main"}})["source"]
    with multiprocessing.get_context("fork").Pool(4) as pool:
        revisions = pool.map(_fetch_in_a_worker, [(source, [places.inventory], places.cache, places.run)] * 4)
    assert revisions == [origin.second] * 4
