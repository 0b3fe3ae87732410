# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Answers are taken out of nginx's cache by what was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app.response_cache import purge

PUBLIC = "/srv/flask/shop/public"
KEYS = {
    "a/1": f"httpshop.example.com/api {PUBLIC}/0a1b2c3d4e5f ",
    "a/2": f"httpsshop.example.com/api {PUBLIC}/ffffffffffff https://app.example.com",
    "b/3": f"httpshop.example.com/api?page=2 {PUBLIC}/0a1b2c3d4e5f ",
    "b/4": "httpother.example.com/api flask_shop_canary ",
    # As the preset seed writes them.
    "b/5": "httpHEADshop.example.com/api",
    "b/6": "httpsGETseed.example.com/api",
}


@pytest.fixture
def cache(tmp_path) -> Path:
    """A cache as nginx writes it: a binary header, the key, the answer."""
    for name, key in KEYS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(
            b"\x05\0\n\xff" * 80 + f"\nKEY: {key}\n".encode() + b"HTTP/1.1 200 OK\r\n\r\nKEY: no\n" + bytes(range(256)) * 100
        )
    (tmp_path / "b/partial").write_bytes(b"\0" * 100)
    return tmp_path


def left(cache: Path) -> set[str]:
    return {str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file()} - {"b/partial"}


def test_everything_goes_where_nothing_is_named(cache):
    assert purge(str(cache), [], False) == sorted(KEYS.values())
    assert left(cache) == set()


@pytest.mark.parametrize(
    ("url", "gone"),
    [
        ("shop.example.com/api", {"a/1", "a/2", "b/5"}),
        ("https://shop.example.com/api", {"a/1", "a/2", "b/5"}),
        ("shop.example.com/api?page=2", {"b/3"}),
        ("other.example.com/api", {"b/4"}),
        ("seed.example.com/api", {"b/6"}),
        ("http://shop.example.com/api?page=2", {"b/3"}),
        ("shop.example.com/ap", set()),
        ("example.com/api", set()),
    ],
)
def test_one_page_goes_in_every_form(cache, url, gone):
    assert purge(str(cache), [url], False) == sorted(KEYS[name] for name in gone)
    assert left(cache) == set(KEYS) - gone


def test_a_worker_that_has_the_file_open_finds_no_answer_in_it(cache):
    with (cache / "a/1").open("rb") as gone, (cache / "b/3").open("rb") as kept:
        before = gone.read()
        purge(str(cache), ["shop.example.com/api"], False)
        gone.seek(0)
        assert gone.read() == bytes(8) + before[8:], "its version is none of nginx's, and an answer that is on its way is whole"
        assert kept.read(8) != bytes(8)


def test_a_check_removes_nothing(cache):
    before = (cache / "a/1").read_bytes()
    assert len(purge(str(cache), [], True)) == len(KEYS)
    assert (cache / "a/1").read_bytes() == before
    assert left(cache) == set(KEYS)


def test_a_cache_that_is_not_there_is_empty(tmp_path):
    assert purge(str(tmp_path / "nothing"), [], False) == []


def test_nginx_may_be_faster(cache, monkeypatch):
    monkeypatch.setattr("os.unlink", lambda path, **_more: (_ for _ in ()).throw(FileNotFoundError(path)))
    assert len(purge(str(cache), [], False)) == len(KEYS)
