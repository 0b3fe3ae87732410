# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller's directory for what outlives a run, or one message that names the variable to set."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ansible.errors import AnsibleActionFail

_REMEDY = "write a directory that the user of the run can write to, such as /var/tmp/flaskops"
# Directories inside of it; a run as another user may have made some of them.
_PARTS = ("git", "archives", "trees", "packages", "constraints")


class CacheError(AnsibleActionFail):
    """The cache directory cannot be used; it is one for all applications, so the first problem ends the task."""

    def __init__(self, place: str | Path, reason: str) -> None:
        super().__init__(f"flask_app_cache_dir: '{place}' on the controller {reason}; {_REMEDY}.")


def cache_path(text: str) -> Path:
    """Return the cache directory that the user wrote.

    :raises CacheError: if there is no such place
    """
    if not text.strip():
        raise CacheError(text, "is no directory")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise CacheError(text, "cannot be found, as the user of the run has no home directory") from None


def require_writable(cache: Path) -> None:
    """Make the cache directory, and look whether the run may write to it, before anything on a host changes.

    :raises CacheError: if it may not
    """
    make_directory(cache)
    for place in (cache, *(cache / part for part in _PARTS if (cache / part).exists())):
        if not os.access(place, os.R_OK | os.W_OK | os.X_OK):
            raise CacheError(place, "cannot be written (Permission denied)")


def make_directory(place: Path) -> None:
    """Make a directory of the cache, which may hold code and so is the user's alone.

    :raises CacheError: if it cannot be made
    """
    with errors_of(place):
        place.mkdir(parents=True, exist_ok=True, mode=0o700)


@contextlib.contextmanager
def errors_of(place: Path) -> Iterator[None]:
    """Turn an error of the file system into one message.

    :raises CacheError: if the body cannot use ``place``
    """
    try:
        yield
    except OSError as error:
        # From None: ansible-core would repeat the error's words behind ours.
        raise CacheError(place, f"cannot be written ({error.strerror or error})") from None
