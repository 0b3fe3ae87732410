# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The order that a host has carried out last: a look at the host tells whether the same order would change anything, and spares a call of its own.

Each look computes anew what the order would change. The file only has what the controller would send, so nothing goes wrong without it.
"""

from __future__ import annotations

import contextlib
import json
import os
import typing as t

from .files import read_text, write_atomically
from .json_file import read_object

# A file of another one, which an earlier version of this collection has left, is no order.
_FORMAT = 1


class LastOrder(t.NamedTuple):
    """An order as the controller has sent it.

    :param digest: the name that the controller has given to it, by its content
    :param order: what the host needs to compute again what it would do
    """

    digest: str
    order: dict[str, t.Any]


class Settled(t.TypedDict):
    """An order that would change nothing: its digest, and what carrying it out would return."""

    digest: str
    result: dict[str, t.Any]


def read(path: str) -> LastOrder | None:
    """Return the order in a file, ``None`` where there is none that can be used."""
    with contextlib.suppress(OSError, KeyError):
        found = read_object(path) or {}
        if found["format"] == _FORMAT and isinstance(found["order"], dict):
            return LastOrder(str(found["digest"]), found["order"])
    return None


def remember(path: str, digest: str, order: t.Mapping[str, t.Any]) -> None:
    """Write an order that was carried out as a whole, unless the file has it already.

    A host that cannot write it is asked once more by the next run, so that is no reason to fail.
    """
    text = json.dumps({"format": _FORMAT, "digest": digest, "order": order})
    with contextlib.suppress(OSError):
        if read_text(path) != text:
            os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
            write_atomically(path, text, 0o600)
