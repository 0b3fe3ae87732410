# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fetching packages with the real pip, from a directory and from an index on this machine: nothing of a package runs on the controller."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.package import wheel_metadata
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import SourceError
from ansible_collections.flaskops.stack.tests.unit.archives import tar, zipped

# Each way that code of an sdist would run to give its metadata.
BACKEND = {
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    "backend.py": "import pathlib\npathlib.Path({ran!r}).touch()\n",
}
SETUP = {"setup.py": "import pathlib\npathlib.Path({ran!r}).touch()\nfrom setuptools import setup\nsetup(name='evil', version='1.0')\n"}
METADATA = "Metadata-Version: 2.1\nName: evil\nVersion: {}\n"


def sdist(place: Path, files: dict[str, str], version: str = "1.0", **values: object) -> Path:
    texts = {name: text.replace("{ran!r}", repr(str(values.get("ran")))) for name, text in files.items()}
    members = {**texts, "PKG-INFO": METADATA.format(version) + str(values.get("more", ""))}
    return tar(place / f"evil-{version}.tar.gz", {f"evil-{version}/{name}": text for name, text in members.items()})


def wheel(place: Path, version: str = "1.0", tag: str = "py3-none-any", more: str = "") -> Path:
    info = f"evil-{version}.dist-info"
    members = {
        f"{info}/METADATA": METADATA.format(version) + more,
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nTag: {tag}\n",
        f"{info}/RECORD": "",
    }
    return zipped(place / f"evil-{version}-{tag}.whl", members)


@pytest.fixture(autouse=True)
def _no_index(monkeypatch, tmp_path):
    """Let no index but those of the test count."""
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def links(monkeypatch, tmp_path) -> Path:
    """A directory that PIP_FIND_LINKS names."""
    (tmp_path / "links").mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return tmp_path / "links"


class Index(http.server.BaseHTTPRequestHandler):
    """A package index (PEP 503 and PEP 691) with one project, which may ask for a password."""

    files: dict[str, bytes] = {}
    hashes: dict[str, str] = {}
    as_json = password = False

    def do_GET(self) -> None:
        if self.password and not self.headers["Authorization"]:
            self.answer(401, "text/html", b"")
        elif self.path == "/simple/evil/":
            self.answer(200, *self.page())
        elif self.path.startswith("/files/") and self.path.removeprefix("/files/") in self.files:
            self.answer(200, "application/octet-stream", self.files[self.path.removeprefix("/files/")])
        else:
            self.answer(404, "text/html", b"")

    def page(self) -> tuple[str, bytes]:
        if self.as_json:
            files = [{"filename": name, "url": f"/files/{name}", "hashes": {"sha256": self.hashes[name]}} for name in self.hashes]
            return "application/vnd.pypi.simple.v1+json", json.dumps(
                {"meta": {"api-version": "1.0"}, "name": "evil", "files": files}
            ).encode()
        return "text/html", "".join(f'<a href="/files/{name}#sha256={self.hashes[name]}">{name}</a>' for name in self.hashes).encode()

    def answer(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if kind == "application/octet-stream":
            # Packed files are often called an encoding.
            self.send_header("Content-Encoding", "gzip")
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture
def index(monkeypatch):
    """An index on this machine; ``publish`` puts a file into it."""
    monkeypatch.setattr(Index, "files", {})
    monkeypatch.setattr(Index, "hashes", {})

    def publish(file: Path, checksum: str = "") -> bytes:
        content = file.read_bytes()
        Index.files[file.name], Index.hashes[file.name] = content, checksum or hashlib.sha256(content).hexdigest()
        return content

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple/")
        yield SimpleNamespace(publish=publish, port=server.server_port)
        server.shutdown()


@pytest.mark.parametrize("files", [SETUP, BACKEND], ids=["setup.py", "build backend"])
def test_no_code_of_a_source_distribution_runs(get, links, tmp_path, files):
    file = sdist(links, files, ran=tmp_path / "ran")
    tree = get(package="evil==1.0")
    assert tree.file.name == "evil-1.0.tar.gz"
    assert tree.file.read_bytes() == file.read_bytes()
    assert not (tmp_path / "ran").exists()


def test_no_module_of_the_working_directory_runs(get, links, tmp_path):
    for name in ("pip.py", "packaging.py", "hashlib.py", "platform.py"):
        (tmp_path / name).write_text(f"import os\nos.mknod({str(tmp_path / 'ran')!r})\n")
    sdist(links, SETUP, ran=tmp_path / "ran")
    get(package="evil==1.0")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("as_json", [False, True], ids=["html", "json"])
def test_a_source_distribution_comes_from_an_index(get, index, monkeypatch, tmp_path, as_json):
    monkeypatch.setattr(Index, "as_json", as_json)
    content = index.publish(sdist(tmp_path, SETUP, ran=tmp_path / "ran"))
    assert get(package="evil==1.0").file.read_bytes() == content
    assert not (tmp_path / "ran").exists()


def test_an_index_may_ask_for_a_password(get, refused, index, monkeypatch, tmp_path):
    monkeypatch.setattr(Index, "password", True)
    index.publish(sdist(tmp_path, SETUP, ran=tmp_path / "ran"))
    assert refused(package="evil==1.0")[0] == "package"
    monkeypatch.setenv("PIP_INDEX_URL", f"http://user:hunter2@127.0.0.1:{index.port}/simple/")
    assert get(package="evil==1.0").file.name == "evil-1.0.tar.gz"
    key, problem = refused(package="evil==2.0")
    assert key == "package"
    assert "hunter2" not in problem


def test_a_file_that_is_not_what_the_index_says_is_refused(refused, index, places, tmp_path):
    index.publish(sdist(tmp_path, SETUP, ran=tmp_path / "ran"), checksum="0" * 64)
    key, problem = refused(package="evil==1.0")
    assert key == "package"
    assert problem.endswith(f"and the index says {'0' * 64})")
    assert "evil-1.0.tar.gz has the sha256 " in problem
    assert not (places.cache / "packages/evil==1.0").exists()


def test_a_file_that_the_index_has_lost_is_told(refused, index, tmp_path):
    index.publish(sdist(tmp_path, SETUP, ran=tmp_path / "ran"))
    Index.files.clear()
    key, problem = refused(package="evil==1.0")
    assert key == "package"
    assert "404 Client Error" in problem


def test_a_wheel_for_every_platform_is_preferred(get, links, tmp_path):
    sdist(links, SETUP, ran=tmp_path / "ran")
    wheel(links)
    assert get(package="evil==1.0").file.name == "evil-1.0-py3-none-any.whl"


def test_a_wheel_for_one_platform_is_no_wheel_for_all_servers(get, links, tmp_path):
    sdist(links, SETUP, ran=tmp_path / "ran")
    wheel(links, tag="cp311-cp311-manylinux2014_x86_64")
    assert get(package="evil==1.0").file.name == "evil-1.0.tar.gz"


@pytest.mark.parametrize("pack", [sdist, wheel])
def test_the_controllers_python_has_no_say(get, links, pack):
    """The server may have a newer Python, or an older one."""
    pack(links, **({"files": {}} if pack is sdist else {}), more="Requires-Python: >=3.99\n")
    assert get(package="evil==1.0").file.name.startswith("evil-1.0")


def test_versions_are_not_mixed_up(get, links, places, tmp_path):
    for version in ("1.0", "1.1", "2.0rc1"):
        sdist(links, SETUP, version, ran=tmp_path / "ran")
        assert get(package=f"evil=={version}").file.name == f"evil-{version}.tar.gz"
    assert sorted(path.name for path in (places.cache / "packages").glob("*[!k]")) == ["evil==1.0", "evil==1.1", "evil==2.0rc1"]


def test_a_version_that_is_not_there_is_told_with_those_that_are(refused, links):
    wheel(links)
    key, problem = refused(package="evil==7")
    assert key == "package"
    assert problem.startswith("'evil==7' could not be downloaded (ERROR: Could not find a version that satisfies the requirement evil==7")
    assert "1.0" in problem


def test_a_pip_that_cannot_be_asked_is_told(refused, links, monkeypatch, tmp_path):
    """Names inside of pip may change; then there is a message, and nothing is run instead."""
    sdist(links, SETUP, ran=tmp_path / "ran")
    (tmp_path / "other/pip/_internal").mkdir(parents=True)
    (tmp_path / "other/pip/__init__.py").touch()
    (tmp_path / "other/pip/__main__.py").write_text("raise SystemExit('ERROR: No matching distribution found')")
    (tmp_path / "other/pip/_internal/__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "other"))
    key, problem = refused(package="evil==1.0")
    assert key == "package"
    assert "No module named 'pip._internal.commands'" in problem
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"no zip", b""])
def test_a_file_that_is_no_wheel_is_told(tmp_path, content):
    (tmp_path / "a-1-py3-none-any.whl").write_bytes(content)
    with pytest.raises(SourceError, match="'a-1-py3-none-any.whl' is a wheel without metadata that can be read"):
        wheel_metadata(tmp_path / "a-1-py3-none-any.whl")
