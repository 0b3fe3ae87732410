"""The directory of an application that somebody has set up by hand."""

from __future__ import annotations

import base64
import io
import os
import sqlite3
import tarfile
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host import found_trees
from ansible_collections.flaskops.stack.plugins.module_utils.host.found_trees import FoundTree, packages_of

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def told(path: Path) -> dict:
    tree = FoundTree(str(path))
    tree.look(os.getuid())
    return tree.told()


def names(answer: dict) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(answer["archive"]))) as archive:
        return sorted(archive.getnames())


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    place = tmp_path / "shop"
    for path in (
        "static/site.css",
        "venv/pyvenv.cfg",
        "venv/lib/x.py",
        "uploads/a.png",
        "pkg/media/__init__.py",
        ".git/HEAD",
        "app.py",
        ".env",
        "tls.key",
    ):
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(path)
    connection = sqlite3.connect(place / "data.db")
    connection.execute("CREATE TABLE a (b)")
    connection.close()
    (place / "link").symlink_to("/etc/shadow")
    os.mkfifo(place / "pipe")
    return place


def test_code_data_and_what_stays(shop):
    answer = told(shop)
    assert names(answer) == ["app.py", "pkg/media/__init__.py", "static/site.css"]
    assert answer["data"] == ["data.db", "uploads/"]
    assert answer["kept_back"] == [".env may hold secrets", "link is a link to /etc/shadow", "tls.key may hold secrets"]
    assert answer["problem"] == ""


def test_a_repository_is_told_by_its_files(shop):
    (shop / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (shop / ".git/config").write_text('[core]\n\tbare = false\n[remote "origin"]\n\tfetch = x\n\turl = https://git.test/shop.git\n')
    (shop / ".git/packed-refs").write_text(f"# pack-refs\n{COMMIT} refs/heads/main\n")
    assert told(shop)["git"] == {"top": str(shop.resolve()), "remote": "https://git.test/shop.git", "commit": COMMIT}
    (shop / ".git/refs/heads").mkdir(parents=True)
    (shop / ".git/refs/heads/main").write_text(f"{COMMIT[::-1]}\n")
    assert told(shop)["git"]["commit"] == COMMIT[::-1]


@pytest.mark.parametrize("path", ["/", "/etc", "/home", "/var/www", "/usr/local/lib"])
def test_directories_of_the_system_are_no_application(path):
    answer = FoundTree(path)
    answer.look(0)
    assert answer.problem in ("is a directory of the system", "no such file or directory")


@pytest.mark.parametrize(
    ("bound", "most", "says"), [("_MOST_ENTRIES", 5, "has more than 5 files"), ("_MOST_SOURCE_BYTES", 5, "has more than 0 MiB of files")]
)
def test_a_tree_is_bounded(shop, monkeypatch, bound, most, says):
    monkeypatch.setattr(found_trees, bound, most)
    answer = told(shop)
    assert (answer["problem"], answer["archive"]) == (says, "")


def test_packages_of_a_virtualenv(tmp_path):
    for name in ("Flask-3.1.3.dist-info", "zope.interface-8.0.dist-info", "flask", "_odd-1.dist-info"):
        (tmp_path / "lib/python3.13/site-packages" / name).mkdir(parents=True)
    assert packages_of(str(tmp_path), os.getuid()) == ["flask==3.1.3", "zope.interface==8.0"]
    assert packages_of(str(tmp_path / "none"), os.getuid()) == []
