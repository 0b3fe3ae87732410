# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lock of a tree, which excludes other runs over it and over what its service reads beside it."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ..host import lock
from .request import ConfigTreeError

_SECONDS = 120


@contextlib.contextmanager
def held(state: str, name: str, who: str) -> t.Iterator[None]:
    """Exclude other runs.

    :param state: what ``stage.state_path`` returns for the tree
    :param name: the tree as messages have it
    :param who: who is named to those who wait
    :raises ConfigTreeError: if another run does not end in time
    """
    os.makedirs(os.path.dirname(state), 0o700, exist_ok=True)
    try:
        with lock.held(who, _SECONDS, f"{state}.lock", f"the files below {name}", for_commands=False):
            yield
    except lock.LockedError as error:
        raise ConfigTreeError(f"{error}. Try again when it has ended.") from error
