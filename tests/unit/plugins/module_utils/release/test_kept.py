# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Packages that a new virtualenv takes over from a former one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.app.layout import AppRoot
from ansible_collections.flaskops.stack.plugins.module_utils.release.kept import Kept, kept_packages
from ansible_collections.flaskops.stack.plugins.module_utils.release.store import remove_virtualenv, sweep
from ansible_collections.flaskops.stack.plugins.module_utils.release.virtualenv_record import (
    VirtualenvRecord,
    read_record,
    wanted_record,
    write_record,
)
from ansible_collections.flaskops.stack.tests.unit.installed import SCRIPT, SITE, everything, install

PINNED = {"basis": "b1", "required": {"hello": "hello==1.0", "other": "other==2"}, "beside": {}}
PROGRAMS = {"bin/python", "bin/uwsgi"}
EMPTY = "hello/deep/er/mod.py"
HELLO = {"hello/__init__.py": "x = 1\n", "hello/deep/er/__pycache__/mod.cpython-313.pyc": "compiled", EMPTY: ""}


def order(root: Path, virtualenv_id: str = "new", **pinned) -> dict:
    plan = {"virtualenv_id": virtualenv_id, "pinned": {**PINNED, **pinned}}
    return {"root": str(root), "python": "/usr/bin/python3", "build_environment": {}, "release": plan}


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")


def make(root: Path, name: str = "old", **pinned) -> Path:
    """Make a complete virtualenv with two packages and the record of it."""
    venv = root / "venvs" / name
    install(venv, "hello", "1.0", {**HELLO, SCRIPT: f"#!{venv}/bin/python\n"})
    install(venv, "other", "2", {"other.py": "y = 2\n"})
    make_programs(venv)
    app = order(root, name, **pinned)
    write_record(app, wanted_record(app))
    Path(AppRoot(str(root)).constraints(name)).touch()
    return venv


def make_programs(venv: Path) -> None:
    """Make the programs that a complete virtualenv has."""
    for program in PROGRAMS:
        (venv / program).touch()


def offered(root: Path, venv: Path, names: tuple[str, ...] = ("hello", "other"), **pinned) -> Kept:
    """Have the metadata of packages put into the virtualenv of a user, who then runs pip."""
    app = order(root, venv.name, **pinned)
    (venv / SITE).mkdir(parents=True)
    with kept_packages(app, wanted_record(app)) as kept:
        for command in kept.offer(names, str(venv)):
            subprocess.run(command, check=True)
    return kept


@pytest.fixture
def root(tmp_path) -> Path:
    make(tmp_path)
    return tmp_path


@pytest.fixture
def new(tmp_path) -> Path:
    return tmp_path / "venvs/new"


def test_pip_finds_metadata_and_nothing_else(root, new):
    offered(root, new)
    assert set(everything(new)) == {
        f"{SITE}/{name}.dist-info/{file}" for name in ("hello-1.0", "other-2") for file in ("METADATA", "RECORD")
    }
    # pip removes the files of this list with the package.
    assert (new / SITE / "other-2.dist-info/RECORD").read_text() == "other-2.dist-info/METADATA,,\nother-2.dist-info/RECORD,,\n"
    assert sorted(path.name for path in (root / "venvs").iterdir()) == ["new", "old", "old.json", "old.lock"]


def test_the_new_virtualenv_has_the_same_files_and_scripts_of_its_own(root, new):
    kept = offered(root, new)
    kept.put_into(str(new))
    old = root / "venvs/old"
    before, after = everything(old), everything(new)
    assert set(before) - PROGRAMS == set(after)
    assert {path for path in after if before[path] != after[path]} == {"bin/hello", f"{SITE}/hello-1.0.dist-info/RECORD"} | {
        f"{SITE}/other-2.dist-info/RECORD"
    }
    assert (new / "bin/hello").read_text() == f"#!{new}/bin/python\n"
    for path in (f"{SITE}/hello/__init__.py", f"{SITE}/hello/deep/er/mod.py", f"{SITE}/hello-1.0.dist-info/METADATA"):
        assert os.path.samefile(old / path, new / path)
    assert (new / SITE / "hello/deep").stat().st_mode & 0o777 == 0o755


def test_one_virtualenv_after_another_takes_them_over(root, new):
    offered(root, new).put_into(str(new))
    make_programs(new)
    app = order(root, "new")
    write_record(app, wanted_record(app))
    Path(AppRoot(str(root)).constraints("new")).touch()
    shutil.rmtree(root / "venvs/old")
    third = root / "venvs/third"
    kept = offered(root, third)
    kept.put_into(str(third))
    assert (third / "bin/hello").read_text() == f"#!{third}/bin/python\n"
    assert (third / "bin/hello").stat().st_mode == (new / "bin/hello").stat().st_mode


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda place: shutil.rmtree(place), id="it removed the package"),
        pytest.param(lambda place: (place / "RECORD").write_text("hello.py,,\n"), id="it installed the same version anew"),
        pytest.param(lambda place: (place / "INSTALLER").touch(), id="something was added"),
    ],
)
def test_a_package_is_not_taken_over_where_pip_has_done_something_else(root, new, change):
    kept = offered(root, new)
    change(new / SITE / "hello-1.0.dist-info")
    kept.put_into(str(new))
    assert not (new / SITE / "hello").exists()
    assert (new / SITE / "other.py").exists()


def test_the_same_file_of_another_package_stays(root, new):
    kept = offered(root, new)
    (new / SITE / "other.py").write_text("y = 2\n")
    kept.put_into(str(new))
    assert (new / SITE / "other.py").stat().st_nlink == 1


def to_a_link(path: str, target: str = "/etc"):
    def change(new: Path) -> None:
        place = new / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():
            shutil.rmtree(place)
        place.symlink_to(target)

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda new: (new / SITE / "other.py").write_text("y = 3\n"), id="another file"),
        pytest.param(lambda new: (new / SITE / "other.py").mkdir(), id="a directory"),
        pytest.param(lambda new: os.mkfifo(new / SITE / "other.py"), id="a named pipe"),
        pytest.param(lambda new: [(new / SITE / "hello/deep/er").mkdir(parents=True), os.mkfifo(new / SITE / EMPTY)], id="an empty pipe"),
        pytest.param(to_a_link(f"{SITE}/other.py", "/dev/zero"), id="a link in the place of a file"),
        pytest.param(to_a_link(f"{SITE}/hello"), id="a link in the place of a directory"),
        pytest.param(to_a_link("bin"), id="a link in the place of the scripts"),
        pytest.param(to_a_link("lib"), id="a link in the place of all packages"),
        pytest.param(to_a_link(f"{SITE}/other-2.dist-info"), id="a link in the place of the metadata"),
    ],
)
def test_what_a_build_has_put_in_the_way_leads_nowhere(root, new, change):
    kept = offered(root, new)
    change(new)
    with pytest.raises(OSError, match=r"\[Errno"):
        kept.put_into(str(new))


INSTALL = ["python", "-m", "pip", "install", "--requirement", "requirements.txt"]


def test_open_versions_are_resolved_before_anything_is_installed(root, new):
    app = order(root, required={"hello": "hello==1.0"})
    with kept_packages(app, wanted_record(app)) as kept:
        resolve, offer, install = kept.resolved(INSTALL, str(new), "/home")
        assert resolve == [*INSTALL, "--dry-run", "--report", "/home/resolved.json"]
        assert offer[:4] == [f"{new}/bin/python", "-I", "-S", "-c"]
        assert install == [*INSTALL, "--constraint", "/home/resolved.txt"]


@pytest.mark.parametrize(
    ("resolved", "there"),
    [
        ([("Other", "2", False)], {"other-2.dist-info"}),
        ([("other", "3", False)], set()),
        ([("other", "2", True)], set()),
        ([("absent", "1", False), ("other", "2", False)], {"other-2.dist-info"}),
        ([], set()),
    ],
)
def test_a_package_with_an_open_version_is_kept_if_pip_resolves_it_to_this_version(root, new, tmp_path, resolved, there):
    (new / SITE).mkdir(parents=True)
    items = [{"metadata": {"name": name, "version": version}, "is_direct": direct} for name, version, direct in resolved]
    (tmp_path / "resolved.json").write_text(json.dumps({"install": items}))
    app = order(root, required={"hello": "hello==1.0"})
    with kept_packages(app, wanted_record(app)) as kept:
        _python, *offer = kept.resolved(INSTALL, str(new), str(tmp_path))[1]
        subprocess.run([sys.executable, *offer], check=True)
    assert {path.name for path in (new / SITE).iterdir()} == there
    wanted = [f"{name}=={version}\n" for name, version, direct in resolved if not direct]
    assert (tmp_path / "resolved.txt").read_text() == "".join(wanted)


def test_nothing_is_resolved_apart_where_all_is_pinned_or_pip_is_too_old(root, new):
    for pins in ({}, {"required": {"hello": "hello==1.1", "other": "other==2"}}):
        app = order(root, **pins)
        with kept_packages(app, wanted_record(app)) as kept:
            assert kept.resolved(INSTALL, str(new), "/home") == [INSTALL]
    assert Kept().resolved(INSTALL, str(new), "/home") == [INSTALL]
    (root / "venvs/old/lib/python3.13").rename(root / "venvs/old/lib/python3.10")
    app = order(root, required={"hello": "hello==1.0"})
    with kept_packages(app, wanted_record(app)) as kept:
        assert kept
        assert kept.resolved(INSTALL, str(new), "/home") == [INSTALL]


@pytest.mark.parametrize(
    ("pinned", "there"),
    [
        ({}, {"hello", "other"}),
        # The version or the hashes have changed.
        ({"required": {"hello": "hello==1.1", "other": "other==2"}}, {"other"}),
        ({"required": {"hello": "hello==1.0 sha256:aa", "other": "other==2"}}, {"other"}),
        ({"required": {"hello": "hello==1.0"}}, {"hello"}),
        ({"required": {}, "beside": {"hello": "hello==1.0"}}, {"hello"}),
        ({"required": {}}, set()),
        # Another interpreter, other options of pip, or another text in requirements_refresh.
        ({"basis": "b2"}, set()),
    ],
)
def test_only_what_is_pinned_as_it_was_is_kept(root, new, pinned, there):
    offered(root, new, **pinned)
    found = {path.name.partition("-")[0] for path in (new / SITE).iterdir()}
    assert found == there


def test_metadata_are_offered_only_when_they_are_asked_for(root, new):
    offered(root, new, ("hello", "absent")).put_into(str(new))
    assert (new / SITE / "hello").exists()
    assert not (new / SITE / "other.py").exists()
    kept = Kept()
    assert (bool(kept), kept.offer(["hello"], str(new))) == (False, [])
    kept.put_into("/nowhere")


def test_the_virtualenv_with_most_of_it_is_taken(root):
    make(root, "none", required={})
    one = make(root, "newer", required={"hello": "hello==1.0"})
    os.utime(one, (2**31, 2**31))
    app = order(root)
    with kept_packages(app, wanted_record(app)) as kept:
        assert kept.former == str(root / "venvs/old")
    make(root, "newest")
    os.utime(root / "venvs/newest", (2**31, 2**31))
    with kept_packages(app, wanted_record(app)) as kept:
        assert kept.former == str(root / "venvs/newest")


def rewrite(root: Path, packages: object) -> None:
    record = root / "venvs/old.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "packages": packages}))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda root: (root / "venvs/old.lock").unlink(), id="it is not complete"),
        pytest.param(lambda root: (root / "venvs/old.json").unlink(), id="an earlier version of the collection has built it"),
        pytest.param(lambda root: (root / "venvs/old.json").write_text("{"), id="its record is damaged"),
        pytest.param(lambda root: (root / "venvs/old.json").write_text('{"basis": "b1"}'), id="its record is short"),
        pytest.param(lambda root: rewrite(root, [1]), id="its record has a list of packages"),
        pytest.param(lambda root: rewrite(root, {"hello": "hello==1.0", "other": 2}), id="its record has a number"),
        pytest.param(lambda root: (root / "venvs/old.json").write_bytes(b"\xff"), id="its record is no text"),
    ],
)
def test_without_a_sound_record_everything_is_built_anew(root, change):
    change(root)
    app = order(root)
    with kept_packages(app, wanted_record(app)) as kept:
        assert not kept


def test_other_settings_of_pip_build_everything_anew(root, monkeypatch, tmp_path):
    app = order(root)
    plain = wanted_record(app)
    monkeypatch.setenv("PATH", "/elsewhere:" + os.environ["PATH"])
    assert wanted_record(app) == plain
    found = [plain, wanted_record({**app, "build_environment": {"CFLAGS": "-O0"}}), wanted_record({**app, "python": "/usr/bin/env"})]
    monkeypatch.setenv("PIP_INDEX_URL", "https://pypi.example.com")
    found.append(wanted_record(app))
    configuration = tmp_path / "pip.conf"
    monkeypatch.setenv("PIP_CONFIG_FILE", str(configuration))
    for text in ("[global]\n", "[global]\nindex-url = https://pypi.example.com\n"):
        configuration.write_text(text)
        found.append(wanted_record(app))
    assert len({record.origin for record in found}) == 6


def test_a_record_is_for_root_alone_and_goes_with_the_virtualenv(root):
    record = root / "venvs/old.json"
    assert record.stat().st_mode & 0o777 == 0o600
    assert isinstance(read_record(str(root), "old"), VirtualenvRecord)
    remove_virtualenv(str(root), "old")
    assert not record.exists()


def test_what_a_killed_run_has_left_is_swept(root):
    (root / "releases").mkdir()
    (root / "venvs/.kept-x").mkdir()
    (root / "venvs/gone.json").touch()
    sweep(str(root))
    assert sorted(path.name for path in (root / "venvs").iterdir()) == ["old", "old.json", "old.lock"]
