# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fetching sources from archives, packed by anybody and served by a web server on this machine."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import os
import threading
import urllib.error
from types import SimpleNamespace

import pytest
from ansible.module_utils import urls
from ansible_collections.flaskops.stack.plugins.plugin_utils.source import cache
from ansible_collections.flaskops.stack.tests.unit.archives import names, tar, zipped

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

    monkeypatch.setattr(urls, "open_url", open_url)
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
