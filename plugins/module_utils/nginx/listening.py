# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The unix sockets on which nginx listens."""

from __future__ import annotations

import re
import typing as t

_LISTEN = re.compile(rb"^\s*listen\s+unix:([^\s;]+)", re.MULTILINE)


def unix_sockets(texts: t.Iterable[bytes]) -> list[str]:
    """Return the paths of the sockets on which nginx listens by the texts of its files."""
    return sorted({path.decode() for text in texts for path in _LISTEN.findall(text)})
