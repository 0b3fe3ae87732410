# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The type of a key of a description, and the forms of values that several keys share."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Callable

# Paths stand in units, inis, shell commands and nginx directives, and are compared: one spelling, no character that means something.
_COMPONENT = r"/(?!\.\.?(/|$))[A-Za-z0-9._@+-]+"
ABSOLUTE = f"({_COMPONENT})+"
# The roles set owner and mode of these directories, so a directory of the system, such as /srv, is refused.
OWN_DIRECTORY = f"({_COMPONENT}){{2,}}"
# Only the units that all nginx directives accept: timeouts accept no months and years, and cache times accept no milliseconds.
DURATION = r"[0-9]{1,9}[smhdw]?"
SIZE = r"[0-9]{1,9}[kKmMgG]?"
URL_PATH = r"/[!-~]*"


@dataclasses.dataclass(frozen=True)
class Key:
    """One key of the description.

    :param type: ``str``, ``int``, ``bool``, ``list``, ``dict`` (with ``keys``) or ``map`` (free keys, scalar values)
    :param doc: the meaning of the key, with its unit, for the documentation
    :param default: the value if the user does not write the key
    :param derived: a text for the documentation, if the default depends on other keys
    :param pattern: regular expression the whole value must match
    :param names: regular expression that the names of a ``map`` must match
    :param remedy: what to do about a value that ``pattern``, ``choices`` or the limits refuse
    :param advice: returns a better remedy for a text, which is then refused whatever ``pattern`` says; empty for none
    :param secret: whether no message may quote the value
    :param minimum: smallest number, or least number of elements of a list
    """

    type: str
    doc: str
    default: t.Any = None
    derived: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    pattern: str = ""
    names: str = ""
    remedy: str = ""
    advice: Callable[[str], str] | None = None
    minimum: int | None = None
    maximum: int | None = None
    secret: bool = False
    elements: Key | None = None
    keys: t.Mapping[str, Key] | None = None
    # The value of the key ``mode_key`` decides which keys of ``modes`` are allowed, in addition to ``keys``.
    mode_key: str = ""
    modes: t.Mapping[str, t.Mapping[str, Key]] | None = None


def path_remedy(example: str) -> str:
    """Return what to write where a path of the host cannot be used."""
    return f"write an absolute path of plain characters, such as {example}"
