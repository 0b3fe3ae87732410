# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which packages of a virtualenv are as pip has installed them, and can be moved into another one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.release import recorded_files
from ansible_collections.flaskops.stack.plugins.module_utils.release.recorded_files import recorded_packages
from ansible_collections.flaskops.stack.tests.unit.installed import SCRIPT, SITE, install, recorded

NEW = "/srv/flask/shop/venvs/new"
CODE = {"hello/__init__.py": "x = 1\n", "hello/__pycache__/__init__.cpython-313.pyc": "compiled"}


def script(venv: Path | str) -> str:
    return f"#!{venv}/bin/python3\nimport hello\n"


@pytest.fixture
def venv(tmp_path) -> Path:
    """A virtualenv with one package."""
    place = tmp_path / "venvs/old"
    install(place, "hello", "1.0", {**CODE, SCRIPT: script(place)})
    return place


def kept(venv: Path, *names: str) -> list[str]:
    return [package.name for package in recorded_packages(str(venv), NEW) if package.name in (names or ("hello",))]


def test_a_package_has_its_files_and_a_script_for_the_new_place(venv):
    (package,) = recorded_packages(str(venv), NEW)
    files = {file.path: file.rewritten for file in package.files}
    rewritten = {path: text.decode() for path, text in files.items() if text is not None}
    assert set(files) == {f"{SITE}/{path}" for path in CODE} | {f"{SITE}/hello-1.0.dist-info/{name}" for name in ("METADATA", "RECORD")} | {
        "bin/hello"
    }
    assert set(rewritten) == {"bin/hello", f"{SITE}/hello-1.0.dist-info/RECORD"}
    assert rewritten["bin/hello"] == script(NEW)
    # The list has the hash of the new script, so that the next virtualenv can take the package over as well.
    lines = rewritten[f"{SITE}/hello-1.0.dist-info/RECORD"].splitlines()
    assert f"{SCRIPT},{recorded(script(NEW))}," in lines
    assert "hello/__pycache__/__init__.cpython-313.pyc,," in lines
    assert f"hello/__init__.py,{recorded(CODE['hello/__init__.py'])}," in lines
    assert len(lines) == len(files)


def test_names_are_compared_as_pip_does(venv):
    install(venv, "Zope.Event", "6.2", {"zope/event.py": ""})
    assert [(package.name, package.version) for package in recorded_packages(str(venv), NEW)] == [("hello", "1.0"), ("zope-event", "6.2")]


def edit(path: str, text: str = "changed"):
    return lambda venv: (venv / SITE / path).write_text(text)


def replace_by_link(path: str):
    def change(venv: Path) -> None:
        place = Path(os.path.normpath(venv / SITE / path))
        away = venv.parent / "away"
        shutil.move(place, away)
        place.symlink_to(away)

    return change


def record(line: str):
    def change(venv: Path) -> None:
        with (venv / SITE / "hello-1.0.dist-info/RECORD").open("a") as file:
            file.write(f"{line}\n")

    return change


def another(files: dict[str, str]):
    return lambda venv: install(venv, "other", "1", files)


def add(path: str, text: str, recorded_as: str | None = None):
    def change(venv: Path) -> None:
        place = Path(os.path.normpath(venv / SITE / path))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        record(f"{path},{recorded(text) if recorded_as is None else recorded_as},")(venv)

    return change


def second_python(venv: Path) -> None:
    (venv / "lib/python3.12").mkdir()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(edit("hello/__init__.py"), id="a file was edited"),
        pytest.param(edit("hello-1.0.dist-info/METADATA"), id="its metadata were edited"),
        pytest.param(lambda venv: (venv / SITE / "hello/__init__.py").unlink(), id="a file is gone"),
        pytest.param(lambda venv: shutil.rmtree(venv / SITE / "hello"), id="a directory is gone"),
        pytest.param(replace_by_link("hello/__init__.py"), id="a link is in the place of a file"),
        pytest.param(replace_by_link("hello"), id="a link is in the place of a directory"),
        pytest.param(replace_by_link("../../../bin"), id="a link is in the place of the scripts"),
        pytest.param(lambda venv: (venv / SITE / "hello/__init__.py").chmod(0o646), id="somebody else may write to a file"),
        pytest.param(add("hello-1.0.dist-info/direct_url.json", "{}"), id="it came from an address"),
        pytest.param(add("hello/data", "x", ""), id="a file has no hash"),
        pytest.param(add("hello/data", "x", "md5=00"), id="a file has a hash of another kind"),
        pytest.param(add("hello/__pycache__/other.cpython-313.pyc", "x", ""), id="bytecode is of none of its sources"),
        pytest.param(add("../../../../outside", "x"), id="a file is outside"),
        pytest.param(record("/etc/passwd,,"), id="a file is elsewhere on the host"),
        pytest.param(add("../../../pyvenv.cfg", "x"), id="a file is of the virtualenv"),
        pytest.param(add("../../../bin/python3.13", "x"), id="a file is the interpreter"),
        pytest.param(add("../../../lib64/x", "x"), id="a file is in the other name of a directory"),
        pytest.param(another({"hello/__init__.py": "x = 1\n"}), id="another package has the same file"),
        pytest.param(record("hello/__init__.py,sha256=x,1"), id="a file is listed twice"),
        pytest.param(record("one,two"), id="a line of the list is damaged"),
        pytest.param(record('"'), id="a quote in the list has no end"),
        pytest.param(record("hello/a\0b,sha256=x,1"), id="a name in the list can be none of a file"),
        pytest.param(record("a\0b/c,sha256=x,1"), id="a name in the list can be none of a directory"),
        pytest.param(lambda venv: (venv / SITE / "hello-1.0.dist-info/RECORD").unlink(), id="there is no list"),
        pytest.param(second_python, id="there are two interpreters"),
        pytest.param(lambda venv: shutil.rmtree(venv / "lib"), id="there is no directory of packages"),
    ],
)
def test_a_package_that_is_not_as_pip_has_installed_it_is_left(venv, change):
    assert kept(venv) == ["hello"]
    change(venv)
    assert kept(venv) == []


def test_a_list_without_the_list_is_no_whole_one(venv):
    place = venv / SITE / "hello-1.0.dist-info/RECORD"
    place.write_text("".join(line for line in place.read_text().splitlines(True) if not line.startswith("hello-1.0.dist-info/RECORD")))
    assert kept(venv) == []


@pytest.mark.parametrize("name", ["pip", "setuptools", "wheel"])
def test_installers_come_with_the_virtualenv(venv, name):
    install(venv, name, "1", {f"{name}.py": ""})
    assert kept(venv, name) == []


@pytest.mark.parametrize(
    ("files", "moves"),
    [
        ({"hello.py": "where = '{venv}/lib'\n"}, False),
        ({"../../../bin/hello": "binary {venv}/lib"}, False),
        ({"../../../share/hello": "#!{venv}/bin/python\n"}, False),
        ({"hello.py": "x" * (2**20 - 5) + "{venv}/lib"}, False),
        ({"hello.py": "", "__pycache__/hello.cpython-313.pyc": "{venv}/lib"}, True),
        ({"hello.py": "", "__pycache__/hello.cpython-313.opt-1.pyc": ""}, True),
        ({"../../../share/man/hello.1": "x"}, True),
    ],
)
def test_a_file_that_names_its_virtualenv_is_moved_only_if_it_is_a_script(tmp_path, files, moves):
    """The former virtualenv is removed one day. Python corrects the paths in bytecode when it reads it."""
    venv = tmp_path / "venvs/old"
    install(venv, "hello", "1", {path: text.replace("{venv}", str(venv)) for path, text in files.items()})
    assert kept(venv) == (["hello"] if moves else [])


@pytest.mark.skipif(os.geteuid() != 0, reason="root is needed to give a file away")
def test_a_file_of_somebody_else_is_not_believed(venv):
    os.chown(venv / SITE / "hello/__init__.py", 12345, -1)
    assert kept(venv) == []


def test_a_list_without_an_end_is_not_read(venv, monkeypatch):
    size = (venv / SITE / "hello-1.0.dist-info/RECORD").stat().st_size
    assert size > (venv / "bin/hello").stat().st_size
    for most, names in ((size, ["hello"]), (size - 1, [])):
        monkeypatch.setattr(recorded_files, "_MOST_BYTES", most)
        assert kept(venv) == names


def test_lists_of_many_packages_are_read_up_to_a_limit_together(venv, monkeypatch):
    """A build can write as many packages as it likes, each with a list that is not too long."""
    for number in range(5):
        install(venv, f"other{number}", "1", {f"other{number}.py": ""})
    names = ["hello", *(f"other{number}" for number in range(5))]
    lines = sum(len(path.read_text().splitlines()) for path in venv.glob(f"{SITE}/*/RECORD"))
    for bound, most, found in (("_MOST_LINES", lines, names), ("_MOST_LINES", lines - 1, []), ("_MOST_TOGETHER", 500, [])):
        with monkeypatch.context() as patch:
            patch.setattr(recorded_files, bound, most)
            assert kept(venv, *names) == found


def test_a_list_of_short_lines_is_read_up_to_a_limit(venv, monkeypatch):
    monkeypatch.setattr(recorded_files, "_MOST_LINES", 100)
    record("a,,\n" * 1000)(venv)
    read, real = [], os.path.normpath
    monkeypatch.setattr(os.path, "normpath", lambda path: read.append(path) or real(path))
    assert kept(venv) == []
    assert len(read) < 200


def test_a_named_pipe_is_not_waited_for(venv):
    (venv / SITE / "hello/__init__.py").unlink()
    os.mkfifo(venv / SITE / "hello/__init__.py")
    assert kept(venv) == []
