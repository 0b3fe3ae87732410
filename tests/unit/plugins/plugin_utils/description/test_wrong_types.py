# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every key of a description and every variable of a role, with values of each wrong type: one clear message, and never an exception."""

from __future__ import annotations

import datetime
import json
import typing as t

import pytest
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.role_variables import VARIABLES, resolve_variables
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.app import APP
from ansible_collections.flaskops.stack.plugins.plugin_utils.keys.key import Key

# By type of a key, values that it cannot have.
OTHER: dict[str, object] = {"date": datetime.date(2026, 11, 28), "bytes": b"x", "set": {1}, "float": 1.5}
WRONG: dict[str, dict[str, object]] = {
    "str": {**OTHER, "bool": True, "list": ["a"], "dict": {"a": "b"}},
    "int": {**OTHER, "bool": True, "word": "many", "list": [1], "dict": {"a": 1}, "empty": "", "unit": "30s", "blank": "1 0"},
    "bool": {**OTHER, "word": "maybe", "list": [True], "dict": {"a": True}, "number": 2, "empty": ""},
    "list": {**OTHER, "bool": True, "dict": {"a": "b"}},
    "dict": {**OTHER, "bool": True, "word": "abc", "list": ["a"], "number": 1, "empty": ""},
    "map": {**OTHER, "bool": True, "word": "abc", "list": ["a"], "number": 1, "empty": ""},
}
# The keys beside the wrong one.
BESIDE: dict[str, t.Any] = {"name": "shop", "source": {"path": "shop"}, "wsgi": "shop:app"}


def places(key: Key, path: tuple[str, ...] = ()) -> t.Iterator[tuple[str, Key, t.Callable[[object], t.Any]]]:
    """Yield the path of every key, the key, and a function that returns what the description has at the top for a value of it."""
    for name, sub in (key.keys or {}).items():
        yield from _below((*path, name), sub)
    for mode, keys in (key.modes or {}).items():
        for name, sub in keys.items():
            yield from ((where, found, _in_mode(key.mode_key, mode, build)) for where, found, build in _below((*path, name), sub))


def _in_mode(mode_key: str, mode: str, build: t.Callable[[object], t.Any]) -> t.Callable[[object], t.Any]:
    return lambda value: {"path": "/", mode_key: mode, **build(value)}


def _below(path: tuple[str, ...], key: Key) -> t.Iterator[tuple[str, Key, t.Callable[[object], t.Any]]]:
    name = path[-1]
    yield ".".join(path), key, lambda value: {name: value}
    if key.keys:
        for where, found, build in places(key, path):
            yield where, found, lambda value, build=build: {name: build(value)}
    elif key.elements is not None:
        yield f"{'.'.join(path)}[0]", key.elements, lambda value: {name: [value]}
        if key.elements.keys:
            for where, found, build in places(key.elements, path):
                at = where.replace(".".join(path), f"{'.'.join(path)}[0]", 1)
                yield at, found, lambda value, build=build: {name: [build(value)]}


PLACES = list(places(APP))
CASES = [
    pytest.param(where, build(value), id=f"{where}-{kind}")
    for where, key, build in PLACES
    for kind, value in WRONG[key.type].items()
    # A bare word is the name of an application's own place in the message.
    if where != "name"
]


def test_the_walk_reaches_all_levels():
    found = {where for where, _key, _build in PLACES}
    assert {"name", "uwsgi.stream.pool", "nginx.routes[0].path", "nginx.routes[0].valid", "health.status[0]"} <= found
    assert len(CASES) > 500


@pytest.mark.parametrize(("where", "written"), CASES)
def test_a_value_of_a_wrong_type_gives_a_message_with_key_and_remedy(where, written):
    with pytest.raises(AppError) as refused:
        resolve_apps([{**BESIDE, **written}])
    own = [line for line in refused.value.problems if line.startswith(f"shop.{where} ") or line.startswith(f"shop.{where}.")]
    assert own, refused.value.problems
    assert all("; " in line and line.endswith(".") for line in own)
    assert len(own) == 1, "the value is refused once"


VARIABLE_CASES = [
    pytest.param(name, value, id=f"{name}-{kind}") for name, key in VARIABLES.items() for kind, value in WRONG[key.type].items()
]


@pytest.mark.parametrize(("name", "value"), VARIABLE_CASES)
def test_a_variable_of_a_wrong_type_gives_a_message_with_variable_and_remedy(name, value):
    with pytest.raises(AppError) as refused:
        resolve_variables({name: value})
    (line,) = refused.value.problems
    assert line.startswith(name)
    assert "; " in line


# Characters that people do not see in a text, and values that no text can be.
STRANGE = {
    "empty": "",
    "blank": " ",
    "blank_end": "shop ",
    "line_end": "shop\n",
    "line_start": "\nshop",
    "tab": "a\tb",
    "half_pair": "a\ud800",
    "arabic_digit": "\u0663",
    "combined": "e\u0301",
    "byte_order": "\ufeffshop",
    "right_to_left": "\u202epohs",
    "long": "a" * 100_000,
    "digits": "1" * 5000,
    "large": 10**30,
    "small": -(10**30),
    "template": "{{ shop }}",
    "address": "https://user:word@[x/",
    "pattern": "(a+)+$",
    "null_word": "None",
    "mapping_of_null": {None: None},
    "nested": {"a": {"b": [None, {"c": []}]}},
    "nulls": [None, "", {}],
}


@pytest.mark.parametrize("value", STRANGE.values(), ids=STRANGE)
def test_a_strange_value_is_taken_or_refused_and_never_an_exception(value):
    for where, _key, build in PLACES:
        try:
            taken = resolve_apps([{**BESIDE, **build(value)}])
        except AppError as error:
            for line in error.problems:
                assert line.isprintable(), (where, line)
                assert len(line) < 1500, (where, line)
        else:
            assert json.dumps(taken, ensure_ascii=False).encode(), where


@pytest.mark.parametrize(("where", "build"), [pytest.param(where, build, id=where) for where, key, build in PLACES if key.choices])
def test_a_misspelt_choice_is_refused_with_the_choices(where, build):
    with pytest.raises(AppError) as refused:
        resolve_apps([{**BESIDE, **build("absnet")}])
    assert any(line.startswith(f"shop.{where} is 'absnet', but must be one of ") for line in refused.value.problems)


def test_what_ends_in_a_line_break_is_shown_with_it():
    with pytest.raises(AppError) as refused:
        resolve_apps([{**BESIDE, "wsgi": "shop:app\n"}])
    (line,) = refused.value.problems
    assert line.startswith("shop.wsgi is 'shop:app\\n', which cannot be used here (it has a line break at an end); ")
