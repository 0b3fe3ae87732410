# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Answers are purged in a directory of nginx's workers, where one of them may have left something else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app.response_cache import purge
from ansible_collections.flaskops.stack.tests.unit.hostile import in_time

ANSWER = b"\x05\0\n\xff" * 80 + b"\nKEY: httpGETshop.example.com/api\nHTTP/1.1 200 OK\r\n\r\n"
KEY = "httpGETshop.example.com/api"


@pytest.fixture
def cache(tmp_path) -> Path:
    path = tmp_path / "cache"
    (path / "a").mkdir(parents=True)
    (path / "a/answer").write_bytes(ANSWER)
    return path


@pytest.fixture
def precious(tmp_path) -> Path:
    """A file of root's that looks like an answer and must stay as it is."""
    path = tmp_path / "precious"
    path.write_bytes(ANSWER)
    return path


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("kind", ["link", "hard link", "directory link", "pipe"])
def test_nothing_but_answers_is_written_to(cache, precious, tmp_path, kind, check):
    evil = cache / "a/evil"
    if kind == "link":
        evil.symlink_to(precious)
    elif kind == "hard link":
        os.link(precious, evil)
    elif kind == "directory link":
        (tmp_path / "elsewhere").mkdir()
        precious.rename(tmp_path / "elsewhere/precious")
        precious = tmp_path / "elsewhere/precious"
        evil.symlink_to(tmp_path / "elsewhere")
    else:
        os.mkfifo(evil)
    assert in_time(lambda: purge(str(cache), [], check)) == [KEY]
    assert precious.read_bytes() == ANSWER
    assert (cache / "a/answer").exists() == check


def test_an_answer_that_becomes_a_link_is_not_followed(cache, precious, monkeypatch):
    real = os.open

    def exchange(name, flags, *args, **more):
        if name == "answer" and not (cache / "a/answer").is_symlink():
            (cache / "a/answer").unlink()
            (cache / "a/answer").symlink_to(precious)
        return real(name, flags, *args, **more)

    monkeypatch.setattr(os, "open", exchange)
    assert purge(str(cache), [], False) == []
    assert precious.read_bytes() == ANSWER


def test_a_cache_that_is_not_there_is_empty(tmp_path):
    assert purge(str(tmp_path / "nowhere"), [], False) == []
