# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""JSON that somebody else has written: an object, or nothing that goes any further."""

from __future__ import annotations

import errno
import json
import typing as t

from .files import read_text

# No number of ours has more digits, and Python takes seconds for a number of a million.
_MOST_DIGITS = 20


class NoObjectError(ValueError):
    """A text that is no JSON object; the message continues a sentence about it."""


def parse_object(text: str | bytes) -> dict[str, t.Any]:
    """Return the object that a text is.

    :raises NoObjectError: if it is anything else, also if it is nested too deeply for Python
    """
    try:
        value = json.loads(text, parse_int=_integer, parse_constant=_refuse)
    except RecursionError:
        raise NoObjectError("is nested too deeply") from None
    except ValueError:
        raise NoObjectError("is no JSON") from None
    if not isinstance(value, dict):
        raise NoObjectError("is no JSON object")
    return value


def read_object(path: str) -> dict[str, t.Any] | None:
    """Return the object in a file that this collection has written, ``None`` where there is no file.

    :raises OSError: if the file is damaged. It decides what is removed and deployed, so a damaged file must not pass for a missing one.
    """
    text = read_text(path)
    if not text:
        return None
    try:
        return parse_object(text)
    except NoObjectError as error:
        raise damaged(path, str(error)) from None


def damaged(path: str, says: str) -> OSError:
    """Return an error that names a damaged file and the remedy."""
    return OSError(errno.EILSEQ, f"The file {says}; restore it, or remove it and deploy again", path)


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError
    return int(digits)


def _refuse(_constant: str) -> t.NoReturn:
    raise ValueError
