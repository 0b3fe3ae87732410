# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller's directory for what outlives a run, or one message that names the variable to set."""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from ansible.errors import AnsibleActionFail

_REMEDY = "write a directory that the user of the run can write to, such as /var/tmp/flaskops"
# Directories inside of it; a run as another user may have made some of them.
_PRIVATE = 0o700
_PARTS = ("git", "archives", "trees", "packages", "constraints")


class CacheError(AnsibleActionFail):
    """The cache directory cannot be used; it is one for all applications, so the first problem ends the task."""

    def __init__(self, place: str | Path, reason: str, remedy: str = _REMEDY) -> None:
        super().__init__(f"flask_app_cache_dir: '{place}' on the controller {reason}; {remedy}.")


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
    """Make the cache directory, and look whether the run may use it, before anything on a host changes.

    :raises CacheError: if it may not
    """
    make_directory(cache)
    for place in (cache, *(cache / part for part in _PARTS if (cache / part).exists())):
        if not os.access(place, os.R_OK | os.W_OK | os.X_OK):
            raise CacheError(place, "cannot be written (Permission denied)")
        _require_own(place)


def make_private(place: Path) -> None:
    """Make a directory inside of the cache directory, such as ``git``; what it holds is for the user of the run alone.

    :raises CacheError: if it cannot be made, or somebody else may have written to it
    """
    make_directory(place)
    with errors_of(place):
        if stat.S_IMODE(place.stat().st_mode) != _PRIVATE:
            place.chmod(_PRIVATE)


def make_directory(place: Path) -> None:
    """Make a directory that may hold code and so is the user's alone, with those above it that are missing.

    :raises CacheError: if it cannot be made, or somebody else may have written to it
    """
    with errors_of(place):
        for missing in [above for above in (*reversed(place.parents), place) if not above.exists()]:
            # mkdir has a mode for the last directory only.
            missing.mkdir(exist_ok=True, mode=_PRIVATE)
    _require_own(place)


def _require_own(place: Path) -> None:
    """Refuse a directory that somebody else could fill with code, which the run would bring to hosts.

    :raises CacheError: if another user owns it or may write to it
    """
    with errors_of(place):
        status = place.stat()
    if status.st_uid != os.geteuid():
        raise CacheError(place, f"belongs to {_user(status.st_uid)}, who could change the code in it")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        says = f"can be written by other users (mode {stat.S_IMODE(status.st_mode):04o}), who could have changed the code in it"
        raise CacheError(place, says, f"remove it, or look through it and run `chmod 700 {place}`")


def _user(number: int) -> str:
    try:
        return f"the user {pwd.getpwuid(number).pw_name}"
    except KeyError:
        return f"the user {number}"


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
