# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of a source whose values have other types than they should: one message that names the file, and never a crash."""

from __future__ import annotations

import copy
import json
import tomllib
import typing as t

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.requirements.declared import _LOCKS
from ansible_collections.flaskops.stack.plugins.plugin_utils.requirements.locked import NOMINAL, Wanted
from ansible_collections.flaskops.stack.plugins.plugin_utils.requirements.values import _SHAPES
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import SourceError
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.requirements.checked import one
from ansible_collections.flaskops.stack.tests.unit.plugins.plugin_utils.requirements.test_locks import LOCKS, PYLOCK

ODD: dict[str, t.Any] = {"1": 1, "true": True, '"x"': "x", "[1]": [1], "[[1]]": [[1]], "{a = 1}": {"a": 1}}
PLACES = [(name, path) for name, shapes in _SHAPES.items() for path in shapes]
DEEP = "[" * 5000


def table_of(path: str, value: str) -> str:
    return f"{path} = {value}\n"


def is_right(kind: str, value: object) -> bool:
    """Return whether an odd value is one of the type that is wanted."""
    return {"a text": isinstance(value, str), "a table": isinstance(value, dict)}.get(kind, False)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("path", _SHAPES["pyproject.toml"])
def test_a_value_of_another_type_in_a_pyproject_is_told(check, path, odd):
    if is_right(_SHAPES["pyproject.toml"][path], ODD[odd]):
        return
    told = one(check({"pyproject.toml": table_of(path, odd)}))
    assert told.startswith(f"requirements: 'pyproject.toml' has {path}, which is ")
    assert f"must be {_SHAPES['pyproject.toml'][path]}; correct it" in told


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(("name", "path"), [(name, path) for name, path in PLACES if name != "pyproject.toml"])
def test_a_value_of_another_type_in_a_lock_is_told(check, name, path, odd):
    if is_right(_SHAPES[name][path], ODD[odd]):
        return
    text = json.dumps({path: ODD[odd]}) if name == "Pipfile.lock" else table_of(path, odd)
    told = one(check({name: text}))
    assert told.startswith(f"requirements: '{name}' has {path}, which is ")
    assert told.endswith("; make the lock anew.")


@pytest.mark.parametrize("text", [f"x = {DEEP}", f"x = {'9' * 5000}", "]", "x = 1\0"])
@pytest.mark.parametrize("name", ["pyproject.toml", "uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock"])
def test_a_file_that_python_cannot_parse_is_told(check, name, text):
    told = one(check({name: DEEP if name == "Pipfile.lock" and DEEP in text else text}))
    assert told.startswith(f"requirements: '{name}' cannot be read (")


@pytest.mark.parametrize("text", ["x", "[options", "[options]\ninstall_requires\n"])
def test_a_setup_cfg_that_cannot_be_parsed_is_told(check, text):
    told = one(check({"setup.py": "import setuptools\nsetuptools.setup()\n", "setup.cfg": text}))
    assert told.startswith("requirements: 'setup.cfg' cannot be read (")


def test_a_project_of_a_requirement_that_cannot_be_read_is_told(check):
    told = one(check({"requirements.txt": "./lib\n", "lib/pyproject.toml": "project = 1\n"}))
    assert told.startswith(
        "requirements: './lib' in requirements.txt cannot be installed: 'lib/pyproject.toml' has project, which is a number"
    )


def test_a_pyproject_that_nothing_is_installed_from_may_be_anything(check):
    assert check({"requirements.txt": "flask\n", "pyproject.toml": "]"}) == []


@pytest.mark.parametrize("keyword", ["{[]: 1}", "(" * 500 + ")" * 500, "[*x]", "{**1}", "b'flask'"])
def test_requirements_of_a_setup_py_that_are_no_list_are_left_to_pip(check, keyword):
    assert check({"setup.py": f"from setuptools import setup\nsetup(install_requires={keyword})\n"}) == []


@pytest.mark.parametrize("marker", ["(" * 3000, "extras == 'x'", "os_name ~= '1'", "'x' in nothing"])
def test_a_marker_that_cannot_be_read_is_told(check, marker):
    told = one(check({"pylock.toml": PYLOCK.replace("python_version < '3.12'", marker)}))
    assert told.startswith("requirements: the marker ")
    assert " cannot be read (" in told


def places(value: object, above: tuple = ()) -> t.Iterator[tuple]:
    """Yield the path of every value below one."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield (*above, name)
        yield from places(item, (*above, name))


@pytest.mark.parametrize("name", LOCKS)
def test_no_value_of_a_lock_makes_a_reader_crash(name):
    parsed = json.loads(LOCKS[name]) if name == "Pipfile.lock" else tomllib.loads(LOCKS[name])
    for extras, groups in (((), ()), (("pg",), ("prod",)), ((), ("dev",)), ((), ("develop",))):
        for path in places(parsed):
            for odd in (*ODD.values(), "", None, [], {}, [{}]):
                changed = copy.deepcopy(parsed)
                place = changed
                for step in path[:-1]:
                    place = place[step]
                place[path[-1]] = odd
                try:
                    lines = _LOCKS[name](changed, "", Wanted(extras, groups, NOMINAL)).all()
                except SourceError:
                    continue
                assert not [line for part in lines for line in part if line.partition(" ")[0].endswith("==")]


@pytest.mark.parametrize("name", ["pyproject.toml", "uv.lock", "Pipfile.lock"])
def test_a_byte_order_mark_is_told(check, name):
    assert one(check({name: "\ufeff{}"})).startswith(
        f"requirements: '{name}' begins with a byte order mark (BOM), which its format does not allow; "
    )
