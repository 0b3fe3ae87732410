# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Values of files that belong to a source, which anybody may have written: each function returns a value of one type, whatever it is given."""

from __future__ import annotations

import json
import re
import tomllib
import typing as t
from collections.abc import Mapping

# Types of values in the words of messages.
_TABLE, _TEXT, _TEXTS, _TABLES, _TEXTS_BY_NAME = "a table", "a text", "a list of texts", "a list of tables", "a table with lists of texts"
_PROJECT: Mapping[str, str] = {
    "project": _TABLE,
    "project.name": _TEXT,
    "project.requires-python": _TEXT,
    "project.dependencies": _TEXTS,
    "project.optional-dependencies": _TEXTS_BY_NAME,
    "project.dynamic": _TEXTS,
    "dependency-groups": _TABLE,
    "build-system": _TABLE,
    "build-system.requires": _TEXTS,
    "tool": _TABLE,
    "tool.poetry": _TABLE,
    "tool.poetry.dependencies": _TABLE,
    "tool.poetry.packages": _TABLES,
    "tool.setuptools": _TABLE,
    "tool.setuptools.package-dir": _TABLE,
    "tool.setuptools.packages.find.where": _TEXTS,
}
# The values that are read of each file, by their dotted paths.
_SHAPES: Mapping[str, Mapping[str, str]] = {
    "pyproject.toml": _PROJECT,
    "uv.lock": {"package": _TABLES},
    "poetry.lock": {"package": _TABLES, "extras": _TABLE},
    "pdm.lock": {"package": _TABLES},
    "Pipfile.lock": {"default": _TABLE, "_meta": _TABLE},
    "pylock.toml": {"packages": _TABLES, "extras": _TEXTS, "dependency-groups": _TEXTS, "default-groups": _TEXTS},
}


# A lock may be one of several, as pylock.prod.toml (PyPA specifications, "pylock.toml Specification").
_NAMED_PYLOCK = re.compile(r"pylock\.[^./]+\.toml")


class Unreadable(ValueError):
    """A file that is not what its name says; the message has no name of the file."""


def usual_name(name: str) -> str:
    """Return the usual name of a file of the same kind: pylock.toml for pylock.prod.toml.

    :param name: its name without directories
    """
    return "pylock.toml" if _NAMED_PYLOCK.fullmatch(name) else name


def parse(name: str, content: str) -> dict[str, t.Any]:
    """Return the values of a file in JSON, by the name Pipfile.lock, or else in TOML.

    :param name: its name without directories
    :raises Unreadable: if it is something else, or a value that is read has another type than the file's definition gives it
    """
    if content.startswith("\ufeff"):
        raise Unreadable("begins with a byte order mark (BOM), which its format does not allow")
    try:
        values = json.loads(content) if name == "Pipfile.lock" else tomllib.loads(content)
    # Python stops at numbers of thousands of digits, and at a thousand brackets in each other.
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"cannot be read ({error})") from error
    if not isinstance(values, dict):
        raise Unreadable("is no table of values")
    for path, kind in _SHAPES.get(usual_name(name), {}).items():
        value = at(values, path)
        if value is not None and not _is(kind, value):
            raise Unreadable(f"has {path}, which is {_kind(value)}, but must be {kind}")
    return values


def _is(kind: str, value: object) -> bool:
    """Return whether a value has one of the types that the tables above name."""
    if kind == _TEXT:
        return isinstance(value, str)
    if kind == _TEXTS_BY_NAME:
        return isinstance(value, dict) and all(_is(_TEXTS, item) for item in value.values())
    if kind == _TABLE:
        return isinstance(value, dict)
    return isinstance(value, list) and all(isinstance(item, str if kind == _TEXTS else dict) for item in value)


def _kind(value: object) -> str:
    if isinstance(value, list):
        return "a list of other values" if value else "an empty list"
    names = {dict: "a table", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "something else")


def at(values: object, path: str) -> t.Any:
    """Return the value at a dotted path of tables, ``None`` if there is none."""
    for name in path.split("."):
        values = values.get(name) if isinstance(values, dict) else None
    return values


def tables(value: object) -> list[dict[str, t.Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def table(value: object) -> dict[str, t.Any]:
    return value if isinstance(value, dict) else {}


def texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, (list, tuple)) else []


def text(value: object) -> str:
    return value if isinstance(value, str) else ""
