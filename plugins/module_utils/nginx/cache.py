# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take answers out of nginx's response cache.

A file of the cache begins with a binary header and a line ``KEY: ...`` (ngx_http_file_cache_header_t and what follows it in nginx's
source). A worker of nginx may have it open still (open_file_cache), so the header is spoilt before the file is removed: nginx reads it at
each request, takes a version that is not its own for no answer at all, and asks the application. Neither a reload nor nginx Plus is needed.
"""

from __future__ import annotations

import contextlib
import os
import re
import typing as t

# ngx_http_file_cache_header_t.version, the first field. What is sent of an answer at the moment comes after the header.
_NO_VERSION = bytes(8)
# The header has some three hundred bytes; a key longer than the rest is no URL.
_HEAD_BYTES = 16384
_KEY = re.compile(rb"\nKEY: ([^\n]*)\n")


def purge(directory: str, urls: t.Collection[str], public: str, check: bool) -> list[str]:
    """Remove the answers to ``urls`` and return their keys; all answers where none is named.

    :param directory: the cache of one application
    :param urls: host and URI as they were asked, such as ``shop.example.com/api?page=1``, also with a scheme
    :param public: directory of the application that its instances' names are in
    :param check: whether to tell only what would be removed
    """
    wanted = {re.sub(r"^https?://", "", url) for url in urls}
    gone: list[str] = []
    for path in _files(directory):
        key = _key(path)
        if key is None or (wanted and _location(key, public) not in wanted):
            continue
        gone.append(key)
        if not check:
            _remove(path)
    return sorted(gone)


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):  # nginx may have been faster
        with open(path, "r+b", buffering=0) as file:
            file.write(_NO_VERSION)
        os.unlink(path)


def _files(directory: str) -> t.Iterator[str]:
    for place, _names, files in os.walk(directory):
        yield from (os.path.join(place, name) for name in files)


def _key(path: str) -> str | None:
    try:
        with open(path, "rb") as file:
            found = _KEY.search(file.read(_HEAD_BYTES))
    except FileNotFoundError:
        return None
    return found.group(1).decode(errors="replace") if found else None


def _location(key: str, public: str) -> str:
    """Return host and URI of a key."""
    rest = re.sub(r"^https?[A-Z]+", "", key)
    return re.sub(re.escape(public) + r"/[0-9a-f]+$", "", rest)
