# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take answers out of nginx's response cache.

A file of the cache begins with a binary header and a line ``KEY: ...`` (ngx_http_file_cache_header_t and what follows it in nginx's
source). A worker of nginx may have it open still (open_file_cache), so the header is spoilt before the file is removed: nginx reads it at
each request, takes a version that is not its own for no answer at all, and asks the application. Neither a reload nor nginx Plus is needed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import typing as t

from ..host.trees import DIRECTORY, FILE, opened, others, walk

# ngx_http_file_cache_header_t.version, the first field. The answer itself follows the header.
_NO_VERSION = bytes(8)
# The header has some three hundred bytes; a key longer than the rest is no URL.
_HEAD_BYTES = 16384
_KEY = re.compile(rb"\nKEY: ([^\n]*)\n")


def purge(directory: str, urls: t.Collection[str], check: bool) -> list[str]:
    """Remove the answers to ``urls`` and return their keys; all answers where none is named.

    :param directory: the cache of one application
    :param urls: host and URI as they were asked, such as ``shop.example.com/api?page=1``, also with a scheme
    :param check: whether to tell only what would be removed
    """
    wanted = {re.sub(r"^https?://", "", url) for url in urls}
    gone: list[str] = []
    if os.path.isdir(directory):
        with opened(directory, DIRECTORY) as top:
            for place, _path in walk(top, "", changing=True):
                gone += [key for name in others(place) for key in _purge_file(name, place, wanted, check)]
    return sorted(gone)


def _purge_file(name: str, place: int, wanted: t.Collection[str], check: bool) -> list[str]:
    """Remove an answer if it is wanted, and return its key.

    The directory is of nginx's workers: what is a link there, or has another name elsewhere, is no answer and is not written to.
    """
    try:
        file = os.open(name, FILE if check else FILE | os.O_RDWR, dir_fd=place)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENXIO):  # nginx may have been faster
            return []
        raise
    with open(file, "rb" if check else "r+b", buffering=0) as answer:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            return []
        found = _KEY.search(answer.read(_HEAD_BYTES))
        key = found.group(1).decode(errors="replace") if found else None
        if key is None or (wanted and not _locations(key) & set(wanted)):
            return []
        if not check:
            answer.seek(0)
            answer.write(_NO_VERSION)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=place)
    return [key]


def _locations(key: str) -> set[str]:
    """Return what host and URI of a key may be: after ``http``, a host may begin with the letter that makes it ``https``.

    A key has scheme, host and URI without anything between, in the preset ``seed`` also the method before the host. A blank, which no URI
    has, ends the URI.
    """
    return {re.sub(rf"^{scheme}[A-Z]*", "", key).partition(" ")[0] for scheme in ("http", "https") if key.startswith(scheme)}
