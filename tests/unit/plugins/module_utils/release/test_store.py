# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Releases and virtualenvs on a host: what is there, and how it is removed."""

from __future__ import annotations

import errno
import sys

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.release import build as build_module
from ansible_collections.flaskops.stack.plugins.module_utils.release import store
from ansible_collections.flaskops.stack.plugins.module_utils.release.build import build
from ansible_collections.flaskops.stack.plugins.module_utils.release.store import (
    inspect,
    python_info,
)
from ansible_collections.flaskops.stack.tests.unit.building import (
    PYTHON,
    VERSION,
    description,
    needs_root,
    packed,
)


def test_a_new_host_has_nothing(host):
    assert inspect({"root": "/nowhere", "python": "python-of-no-host"}) == {
        "python": None,
        "releases": [],
        "virtualenvs": [],
        "next": "",
        "current": "",
    }


def test_only_finished_releases_and_virtualenvs_are_reported(host):
    for name in ("releases/r1", "releases/.r2", "venvs/v1", "venvs/v2"):
        (host.place / name).mkdir()
    (host.place / "releases/r1.json").write_text("{}")
    for name in ("v1.lock", "v2.lock", "v1/bin/python", "v1/bin/uwsgi", "v2/bin/python"):
        (host.place / "venvs" / name).parent.mkdir(exist_ok=True)
        (host.place / "venvs" / name).touch()
    (host.place / "next").symlink_to("releases/r1")
    (host.place / "current").symlink_to("releases/r0")
    found = inspect({"root": str(host.place), "python": sys.executable})
    assert (found["releases"], found["virtualenvs"], found["next"], found["current"]) == (["r1"], ["v1"], "r1", "r0")


@needs_root
def test_an_interpreter_is_described():
    info = python_info(PYTHON)
    assert info["version"].startswith(f"{VERSION}.")
    assert info["tag"].startswith(f"cpython-{VERSION}-")
    assert python_info("/bin/false") is None


@needs_root
def test_an_interpreter_is_found_as_a_command(host, monkeypatch):
    (host.place / "python3").symlink_to(PYTHON)
    monkeypatch.setenv("PATH", str(host.place))
    assert python_info("python3")["tag"] == python_info(PYTHON)["tag"]


@needs_root
@pytest.mark.parametrize("kind", ["releases/r1", "venvs/v1"])
def test_a_tree_that_is_being_removed_does_not_pass_for_a_complete_one(host, monkeypatch, kind):
    build(description(host), packed(host.place))
    remove = {"releases/r1": store.remove_release, "venvs/v1": store.remove_virtualenv}[kind]
    with monkeypatch.context() as dead:
        dead.setattr(store, "remove", lambda _tree: None)
        remove(str(host.place), kind.partition("/")[2])
    assert not (host.place / kind).exists()
    store.sweep(str(host.place))
    assert [path.name for path in (host.place / kind).parent.iterdir()] == []


@needs_root
def test_a_tree_that_cannot_be_renamed_is_removed_in_place(host, monkeypatch):
    """On overlayfs a directory from an image layer cannot be renamed (EXDEV)."""
    build(description(host), packed(host.place))
    monkeypatch.setattr(
        build_module.os, "rename", lambda *_names: (nothing for nothing in ()).throw(OSError(errno.EXDEV, "Invalid cross-device link"))
    )
    store.remove_release(str(host.place), "r1")
    assert list((host.place / "releases").iterdir()) == []
    store.remove_release(str(host.place), "r1")


@needs_root
def test_a_file_that_the_system_cannot_run_is_no_interpreter(host):
    (host.place / "unknown").write_bytes(b"\x7fELF of another machine")
    (host.place / "unknown").chmod(0o755)
    assert python_info(str(host.place / "unknown")) is None


@pytest.mark.parametrize("text", ["[1]", "no json", '{"id": 1}', '{"id": "r1", "revision": null}', "[" * 50_000], ids=lambda text: text[:9])
def test_a_damaged_record_does_not_pass_for_a_missing_one(host, text):
    """A virtualenv without a record is removed, and so would the one be that the live instance runs in."""
    (host.place / "releases/r1").mkdir()
    (host.place / "venvs/v1").mkdir()
    (host.place / "releases/r1.json").write_text(text)
    with pytest.raises(OSError, match=r"remove it and deploy again.*r1\.json"):
        store.prune_virtualenvs(str(host.place))
    assert (host.place / "venvs/v1").is_dir()


def test_a_damaged_line_of_constraints_is_left_out(host):
    (host.place / "venvs/v1").mkdir()
    (host.place / "venvs/v1.lock").write_text(
        "flask==3.1.3\n--index-url=http://evil.example\n\udcff\nclick==8.1.7\n", errors="surrogateescape"
    )
    assert store.read_constraints(str(host.place), "v1") == "flask==3.1.3\nclick==8.1.7\n"
