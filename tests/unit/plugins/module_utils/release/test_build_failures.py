# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Builds that fail or are interrupted: what they say, and that they leave nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.cage import Cage
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError
from ansible_collections.flaskops.stack.plugins.module_utils.release import build as build_module
from ansible_collections.flaskops.stack.plugins.module_utils.release import virtualenv
from ansible_collections.flaskops.stack.plugins.module_utils.release.build import build, build_all
from ansible_collections.flaskops.stack.plugins.module_utils.release.store import (
    BuildError,
)
from ansible_collections.flaskops.stack.tests.unit.building import (
    CODE,
    USER,
    VERSION,
    description,
    left,
    needs_root,
    packed,
)


@needs_root
def test_a_missing_wheel_of_uwsgi_is_reported_with_the_remedy(host):
    with pytest.raises(CommandError) as caught:
        build({**description(host), "uwsgi": "pyuwsgi==fail"}, packed(host.place))
    first, *words = str(caught.value).splitlines()
    assert first.startswith(f"there is no wheel of pyuwsgi==fail for Python {VERSION}.")
    assert f" on {os.uname().machine}. Set uwsgi.package to uwsgi==2.0.31, which is compiled on the host, " in first
    assert "ERROR: No matching distribution found for pyuwsgi==fail" in words


@needs_root
@pytest.mark.parametrize(("package", "lacks"), [("pyuwsgi==fail-talkative", True), ("pyuwsgi==fail-unreached-talkative", False)])
def test_a_missing_wheel_is_judged_by_all_that_pip_has_written(host, package, lacks):
    """The message has the last lines only."""
    with pytest.raises(CommandError) as caught:
        build({**description(host), "uwsgi": package}, packed(host.place))
    assert str(caught.value).startswith("there is no wheel of ") is lacks


@needs_root
def test_another_failure_to_install_uwsgi_is_reported_in_the_words_of_pip(host):
    with pytest.raises(CommandError, match=r"^'.* install uwsgi==fail' ended with 1"):
        build({**description(host), "uwsgi": "uwsgi==fail"}, packed(host.place))


@needs_root
@pytest.mark.parametrize(
    ("app", "says"),
    [
        (
            {"requirements": "fail.txt"},
            r"(?s)-I -m pip .*install --requirement fail.txt' ended with 1:\nERROR: No matching distribution found for fail.txt",
        ),
        ({"hooks": ["echo one; exit 3"]}, r"the build hook '/bin/sh -c echo one; exit 3' ended with 3:\none"),
        (
            {"hooks": ["true", "no-such-command"]},
            r"^the program no-such-command is not on the host.*\nThe build hook '/bin/sh -c no-such-command' ended with 127",
        ),
    ],
)
def test_a_build_that_fails_leaves_nothing_and_says_why(host, app, says):
    with pytest.raises(CommandError, match=says):
        build(description(host, **app), packed(host.place, {**CODE, "fail.txt": "x"}))
    assert left(host) == []


@needs_root
def test_an_interpreter_that_cannot_run_our_program_makes_the_virtualenv_itself(host):
    (host.place / "no--c").touch()
    build(description(host), packed(host.place))
    assert left(host) == ["releases/r1", "releases/r1.json", "venvs/v1", "venvs/v1.json", "venvs/v1.lock", "next"]


@needs_root
def test_an_interpreter_that_makes_no_virtualenvs_is_reported(host):
    for name in ("no--c", "no-venv"):
        (host.place / name).touch()
    with pytest.raises(CommandError, match=r"^'.*/python -I -m venv .*/venvs/v1' ended with 1"):
        build(description(host), packed(host.place))
    assert left(host) == []


@needs_root
def test_one_release_that_fails_does_not_keep_others_from_being_built(host):
    apps = []
    for name in ("shop", "blog", "news"):
        root = host.place / name
        for directory in ("releases", "venvs", "shared"):
            (root / directory).mkdir(parents=True)
        shutil.chown(root / "shared", USER)
        hooks = ["echo torn; exit 3"] if name == "blog" else []
        apps.append({**description(host, hooks=hooks), "name": name, "root": str(root)})
    built = build_all(apps, {app["name"]: packed(host.place) for app in apps})
    assert [len(outcome.made) for outcome in built] == [3, 0, 3]
    assert [bool(outcome.problem) for outcome in built] == [False, True, False]
    assert "torn" in built[1].problem
    assert not (host.place / "blog/next").exists()


@needs_root
def test_what_nobody_has_foreseen_in_a_build_does_not_keep_others_from_being_built(host, monkeypatch):
    real = build_module.build

    def one(app, archive):
        return real(app, archive) if app["name"] == "shop" else str(b"\xff", "utf-8")

    monkeypatch.setattr(build_module, "build", one)
    built = build_all([{**description(host), "name": "blog"}, description(host)], {"shop": packed(host.place)})
    assert [len(outcome.made) for outcome in built] == [0, 3]
    assert built[0].problem.startswith("UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff")


@needs_root
def test_a_build_that_fails_leaves_the_virtualenv_of_others(host):
    build(description(host), packed(host.place))
    with pytest.raises(CommandError):
        build(description(host, hooks=["false"], id="r2"), packed(host.place))
    assert left(host) == ["releases/r1", "releases/r1.json", "venvs/v1", "venvs/v1.json", "venvs/v1.lock", "next"]
    assert (host.place / "next").readlink() == Path("releases/r1")


@needs_root
@pytest.mark.parametrize("step", [0, 1, 2, 3])
def test_a_build_that_is_interrupted_leaves_nothing(host, monkeypatch, step):
    steps = iter(range(100))
    real = Cage.run_each

    def run(*args):
        if next(steps) == step:
            raise KeyboardInterrupt
        return real(*args)

    archive = packed(host.place, {"shop-1.0-py3-none-any.whl": "x"})
    monkeypatch.setattr(Cage, "run_each", run)
    with pytest.raises(KeyboardInterrupt):
        build(description(host, package="shop-1.0-py3-none-any.whl", hooks=["true"]), archive)
    assert left(host) == []


@needs_root
def test_the_rest_of_a_killed_build_is_built_anew(host):
    for name in ("releases/.r1", "venvs/v1"):
        (host.place / name).mkdir()
        (host.place / name / "left").touch()
    build(description(host), packed(host.place))
    assert not (host.place / "releases/r1/left").exists()
    assert not (host.place / "venvs/v1/left").exists()


@needs_root
def test_the_rest_of_a_killed_build_of_another_release_is_removed(host):
    for name in ("releases/.r0", "venvs/.v0"):
        (host.place / name).mkdir()
    for name in ("releases/.r0.json.partial", ".history.jsonl.partial"):
        (host.place / name).touch()
    (host.place / ".next.partial").symlink_to("releases/r0")
    (host.place / ".env").write_text("NOTE=somebody's own\n")
    build(description(host), packed(host.place))
    assert [path.name for path in host.place.rglob(".*")] == [".env"]


@needs_root
def test_a_tree_is_flushed_to_disk_before_it_is_marked_complete(host, monkeypatch):
    """After a power cut, a marker or a final name must never stand in front of a half-written tree."""
    written = []

    def sync(path):
        release, venv = host.place / "releases/r1", host.place / "venvs/v1"
        written.append((Path(path).name, venv.with_name("v1.lock").exists(), release.exists()))

    for module in (build_module, virtualenv):
        monkeypatch.setattr(module, "sync_filesystem", sync)
    monkeypatch.setattr(build_module, "fsync", lambda path: written.append((Path(path).name, True, True)))
    build(description(host), packed(host.place))
    assert written == [("v1", False, False), (".r1.copy", True, False), ("releases", True, True)]


@needs_root
def test_a_full_disk_is_told(host, monkeypatch):
    monkeypatch.setattr(
        build_module, "_unpack", lambda *_args: (nothing for nothing in ()).throw(OSError(28, "No space left on device", "x.py"))
    )
    (built,) = build_all([description(host)], {"shop": packed(host.place)})
    cause, words = built.problem.split("\n")
    assert cause.startswith("the file system of the host is full. Make room there")
    assert words == "[Errno 28] No space left on device: 'x.py'"
    assert left(host) == []


def test_a_release_that_was_not_shipped_cannot_be_built(host):
    with pytest.raises(BuildError, match="neither on the host nor shipped"):
        build(description(host), None)
