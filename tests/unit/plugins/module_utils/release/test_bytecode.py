# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bytecode that a release's interpreter prints and root writes, and releases whose trees are root's from the beginning."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import os
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.cage import Cage
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError
from ansible_collections.flaskops.stack.plugins.module_utils.release import build as build_module
from ansible_collections.flaskops.stack.plugins.module_utils.release import bytecode
from ansible_collections.flaskops.stack.plugins.module_utils.release.build import build
from ansible_collections.flaskops.stack.plugins.module_utils.release.workshop import Workshop
from ansible_collections.flaskops.stack.tests.unit.building import CODE, description, needs_root, packed
from ansible_collections.flaskops.stack.tests.unit.hostile import STRANGER

WORKSHOP = Workshop(Cage("flask-shop.build", "shop", (), 60, "80%"), "/home", "/nowhere", {})


@pytest.fixture
def tree(tmp_path) -> Path:
    """A tree of root's with a few files."""
    place = tmp_path / "tree"
    (place / "pkg").mkdir(parents=True)
    (place / "app.py").write_text("answer = 42\n")
    (place / "pkg/mod.py").write_text("raise ValueError\n")
    (place / "torn.py").write_text("print 1\n")
    (place / "text.txt").write_text("no code")
    return place


def compile_here(monkeypatch, tree: Path) -> None:
    """Compile a tree with the interpreter of these tests, as its user."""

    def run_each(_cage, commands, directory, _env):
        return subprocess.run(commands[0], check=True, cwd=directory, capture_output=True, text=True).stdout

    monkeypatch.setattr(Cage, "run_each", run_each)
    bytecode.compile_tree(WORKSHOP, sys.executable, str(tree), "/srv/final")


def write_printed(monkeypatch, tree: Path, *lines: tuple[bytes, bytes, bytes] | str) -> None:
    """Write what an interpreter has printed."""
    words = [line if isinstance(line, str) else " ".join(base64.b64encode(word).decode() for word in line) for line in lines]
    monkeypatch.setattr(Cage, "run_each", lambda *_args: "\n".join(words))
    bytecode.compile_tree(WORKSHOP, sys.executable, str(tree), "/srv/final")


def everything(place: Path) -> set[str]:
    return {str(path.relative_to(place)) for path in place.rglob("*")}


def test_the_interpreter_uses_it_and_it_names_the_final_path(monkeypatch, tree):
    compile_here(monkeypatch, tree)
    compiled = Path(importlib.util.cache_from_source(str(tree / "app.py")))
    # Flags of PEP 552: hash-based, and not checked against the source.
    assert compiled.read_bytes()[4:8] == b"\x01\0\0\0"
    (tree / "app.py").write_text("answer = 0\n")
    code = f"import sys; sys.path.insert(0, {str(tree)!r}); import app; print(app.answer)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "42\n"
    assert b"/srv/final/app.py" in compiled.read_bytes()


def test_a_file_of_another_python_has_none_and_stops_nothing(monkeypatch, tree):
    compile_here(monkeypatch, tree)
    made = {path for path in everything(tree) if path.endswith(".pyc")}
    assert {Path(path).name.partition(".")[0] for path in made} == {"app", "mod"}


def test_a_directory_is_looked_at_once_in_whatever_order_its_files_are_printed(monkeypatch, tree):
    """A build can put a program of its own in the place of the interpreter, and half a million files into a directory."""
    for name in ("one.py", "two.py"):
        (tree / "pkg" / name).write_text("")
    looked, real = [], bytecode.others
    monkeypatch.setattr(bytecode, "others", lambda place: looked.append(place) or real(place))
    files = [b"app.py", b"pkg/one.py", b"torn.py", b"pkg/two.py", b"none.py", b"pkg/none.py"]
    write_printed(monkeypatch, tree, *((file, os.path.basename(file).replace(b".py", b".x.pyc"), b"made") for file in files))
    assert len(looked) == 2
    assert {path.name for path in tree.rglob("*.pyc")} == {"app.x.pyc", "torn.x.pyc", "one.x.pyc", "two.x.pyc"}


def test_bytecode_that_was_shipped_is_replaced(monkeypatch, tree):
    compiled = Path(importlib.util.cache_from_source(str(tree / "app.py")))
    compiled.parent.mkdir()
    compiled.write_bytes(b"old")
    compile_here(monkeypatch, tree)
    assert compiled.read_bytes()[:4] == importlib.util.MAGIC_NUMBER


def test_a_tree_that_cannot_be_compiled_is_none_the_less_a_release(monkeypatch, tree):
    before = everything(tree)

    def fails(*_args):
        raise CommandError("killed")

    monkeypatch.setattr(Cage, "run_each", fails)
    bytecode.compile_tree(WORKSHOP, sys.executable, str(tree), "/srv/final")
    assert everything(tree) == before


FORGED = [
    (b"../evil.py", b"evil.cpython-313.pyc", b"x"),
    (b"/evil.py", b"evil.cpython-313.pyc", b"x"),
    (b"pkg/../../evil.py", b"evil.cpython-313.pyc", b"x"),
    (b"outside/evil.py", b"evil.cpython-313.pyc", b"x"),
    (b"missing/evil.py", b"evil.cpython-313.pyc", b"x"),
    (b"app.py/evil.py", b"evil.cpython-313.pyc", b"x"),
    (b"app.py", b"app./../../evil.pyc", b"x"),
    (b"app.py", b"evil.cpython-313.pyc", b"x"),
    (b"app.py", b"app.sh", b"x"),
    (b"app.py", b"app.\0.pyc", b"x"),
    (b"pkg\0/mod.py", b"mod.cpython-313.pyc", b"x"),
    (b"text.txt", b"text.cpython-313.pyc", b"x"),
    (b"none.py", b"none.cpython-313.pyc", b"x"),
    "a warning of a package",
    "YQ== YQ==",
    "* * *",
    "\udcff é é",
]


@pytest.mark.parametrize("line", FORGED, ids=str)
def test_what_a_package_prints_beside_it_leads_nowhere(monkeypatch, tree, tmp_path, line):
    """A `.pth` file of an installed package runs in that interpreter, and may print what it likes."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other/evil.py").touch()
    (tree / "outside").symlink_to(tmp_path / "other")
    before = everything(tmp_path)
    write_printed(monkeypatch, tree, line, (b"app.py", b"app.cpython-313.pyc", b"ours"))
    assert everything(tmp_path) - before <= {"tree/__pycache__", "tree/__pycache__/app.cpython-313.pyc", "tree/pkg/__pycache__"}
    assert (tree / "__pycache__/app.cpython-313.pyc").read_bytes() == b"ours"


def test_one_source_has_one_file(monkeypatch, tree):
    """A package that prints line after line fills no disk."""
    write_printed(monkeypatch, tree, *((b"app.py", f"app.{number}.pyc".encode(), b"x") for number in range(9)))
    assert os.listdir(tree / "__pycache__") == ["app.0.pyc"]


@pytest.mark.parametrize("how", ["link", "file"])
def test_a_directory_for_bytecode_that_is_none_is_left_alone(monkeypatch, tree, tmp_path, how):
    place = tree / "__pycache__"
    place.symlink_to(tmp_path) if how == "link" else place.touch()
    before = everything(tmp_path)
    write_printed(monkeypatch, tree, (b"app.py", b"app.cpython-313.pyc", b"x"))
    assert everything(tmp_path) == before


# --- releases in which no foreign code works -------------------------------------------------------------------------------------


def described(release: Path) -> dict[str, tuple]:
    """Return what makes up a release: contents, modes, owners and, of what was shipped, the times."""
    found = {}
    for path in sorted(release.rglob("*")):
        status, link = path.lstat(), path.is_symlink()
        content = os.readlink(path) if link else hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        time = "" if link or not path.is_file() or path.suffix == ".pyc" else int(status.st_mtime)
        found[str(path.relative_to(release))] = (content, "" if link else stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, time)
    return found


def packed_by_somebody(place: Path) -> str:
    """An archive whose files belong to a user and have bits that give rights."""
    with tarfile.open(packed(place)) as archive, tarfile.open(place / "odd.tar.gz", "w:gz") as odd:
        for member in archive:
            member.mode, member.uid, member.gid = 0o6777, STRANGER, STRANGER
            odd.addfile(member, archive.extractfile(member) if member.isreg() else None)
    return str(place / "odd.tar.gz")


@needs_root
def test_a_release_without_hooks_is_roots_from_the_beginning_and_equal_to_a_copy(host, monkeypatch):
    build(description(host), packed(host.place))
    build(description(host, ["true"], id="r2"), packed_by_somebody(host.place))
    with monkeypatch.context() as only_root:
        for name in ("give_to_user", "copy_from_user"):
            only_root.setattr(build_module, name, lambda *_args, **_more: pytest.fail("the tree changes hands"))
        build(description(host, id="r3"), packed_by_somebody(host.place))
    copied, unpacked = described(host.place / "releases/r2"), described(host.place / "releases/r3")
    # The code knows its final path, which differs.
    pairs = [{path: values[1:] if path.endswith(".pyc") else values for path, values in found.items()} for found in (copied, unpacked)]
    assert pairs[0] == pairs[1]
    assert len(unpacked) > len(CODE)
    assert all(values[1] == "" or values[1] & 0o7022 == 0 for values in unpacked.values())


@needs_root
@pytest.mark.parametrize("others", [{"hooks": ["true"]}, {"package": "shop-1.0-py3-none-any.whl"}, {"virtualenv_id": "v2"}], ids=str)
def test_where_foreign_code_works_in_a_release_it_is_copied(host, monkeypatch, others):
    build(description(host), packed(host.place))
    copied = []
    real = build_module.copy_from_user
    monkeypatch.setattr(build_module, "copy_from_user", lambda *args, **more: (copied.append(args[0]), real(*args, **more)))
    build(description(host, id="r2", **others), packed(host.place, {**CODE, "shop-1.0-py3-none-any.whl": "x"}))
    assert copied == [f"{host.place}/releases/.r2"]


def test_a_source_whose_bytecode_would_have_too_long_a_name_stops_nothing(monkeypatch, tree):
    name = "a" * 245
    (tree / f"{name}.py").write_text("")
    made = [(source.encode(), f"{source[:-3]}.cpython-313.pyc".encode(), b"code") for source in (f"{name}.py", "app.py")]
    write_printed(monkeypatch, tree, *made, (b"d" * 300 + b"/x.py", b"x.cpython-313.pyc", b"code"))
    assert (tree / "__pycache__/app.cpython-313.pyc").read_bytes() == b"code"


def test_a_directory_that_is_called_like_bytecode_stops_nothing(monkeypatch, tree):
    (tree / "__pycache__/app.cpython-313.pyc").mkdir(parents=True)
    compile_here(monkeypatch, tree)
    write_printed(monkeypatch, tree, (b"app.py", b"app.cpython-313.pyc", b"code"))
    assert (tree / "__pycache__/app.cpython-313.pyc").is_dir()
