# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whole numbers that YAML 1.1 reads otherwise than people: ``0123`` is octal, ``1:30`` base 60, ``1_000`` has a separator.

The parser gives the number alone. ansible-core remembers from which place of which file a value came (its tag ``Origin``, since 2.19), so
the text that was written can be read there again. A value without a place, as from ``-e`` or a template, is taken as it is.
"""

from __future__ import annotations

import functools
import re
import typing as t

import yaml

try:
    from ansible._internal._datatag._tags import Origin
except ImportError:  # the module is private to ansible-core
    Origin = None

_WORD = re.compile(r"[+-]?[0-9][0-9A-Za-z_:]*")
_FILES = (".yml", ".yaml")


def as_written(value: int) -> str:
    """Return the text of a whole number in its YAML file if that differs from the number; empty if it does not, or nobody knows it."""
    origin = Origin.get_tag(value) if Origin else None
    place = (getattr(origin, "path", None), getattr(origin, "line_num", None), getattr(origin, "col_num", None))
    if not all(place):
        return ""
    path, line, column = t.cast("tuple[str, int, int]", place)
    lines = _lines(path)
    word = _WORD.match(lines[line - 1], column - 1) if line <= len(lines) else None
    return word[0] if word and word[0] != str(value) and _is(word[0], value) else ""


def _is(text: str, value: int) -> bool:
    """Return whether YAML reads a text as this number; in a file that is encrypted the place has something else."""
    try:
        return yaml.safe_load(text) == value
    except yaml.YAMLError:
        return False


@functools.lru_cache(maxsize=64)
def _lines(path: str) -> list[str]:
    if not (path.endswith(_FILES) or "." not in path.rpartition("/")[2]):
        return []
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()
    except (OSError, UnicodeDecodeError):
        return []
