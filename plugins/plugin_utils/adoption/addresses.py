# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Addresses at which servers listen and to which nginx passes requests, in one spelling."""

from __future__ import annotations

import posixpath
import re

_EVERYWHERE = ("", "*", "0.0.0.0", "[::]", "[::1]", "localhost")


def normal(address: str, directory: str = "/") -> str:
    """Return an address as ``/path/of.sock`` or ``127.0.0.1:8000``, the same for every spelling.

    :param address: as nginx, uWSGI or gunicorn write it
    :param directory: the directory that a relative path begins at
    """
    text = re.sub(r"^(unix|fastrouter|tcp):(//)?", "", address.strip())
    host, colon, port = text.rpartition(":")
    if colon and port.isdigit():
        return f"{'127.0.0.1' if host in _EVERYWHERE else host}:{port}"
    return posixpath.normpath(posixpath.join(directory, text)).replace("//", "/")
