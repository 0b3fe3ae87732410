# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The file of a source that an entry point names."""

from __future__ import annotations

import re
import typing as t


class EntryFile(t.NamedTuple):
    """A file of the source, such as ``web/app.py``, and the callable in it, empty where the entry point names none."""

    path: str
    callable: str


def entry_file(wsgi: str) -> EntryFile | None:
    """Return the file of an entry point such as ``app.py`` or ``app.py:application``, ``None`` for one that names a module."""
    found = re.fullmatch(r"(.+\.py)(?::(\w+))?", wsgi)
    return EntryFile(found.group(1), found.group(2) or "") if found else None
