# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The service of a tree, for those who change files that it reads beside the tree, such as certificates."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ..host.command import CommandError, find_program, run
from . import tree_lock
from .service import Service
from .stage import state_path


class TreeService:
    """Tests the configuration of a service as it is, and has the service take it.

    :param root: the tree of its configuration
    :param service: the service that reads it
    :param validate: the command that accepts or refuses the configuration
    """

    def __init__(self, root: str, service: Service, validate: t.Sequence[str]) -> None:
        self._root, self._service, self._validate = os.path.realpath(root), service, validate

    def held(self, who: str) -> contextlib.AbstractContextManager[None]:
        """Exclude transactions over the tree meanwhile."""
        return tree_lock.held(state_path(self._root), self._root, who)

    def test(self) -> str:
        """Return what the command refuses, empty if it takes the configuration or is not installed."""
        program = find_program(self._validate[0])
        if program is None:
            return ""
        try:
            run([program, *self._validate[1:]])
        except CommandError as error:
            return str(error)
        return ""

    def reload(self) -> str:
        """Reload a service that runs, and return why that did not take."""
        if not self._service.is_active():
            return ""
        try:
            trouble = self._service.reload()
        except (CommandError, OSError, ValueError) as error:
            trouble = str(error)
        return f"{trouble}: {' '.join(self._service.said())}" if trouble else ""


def nginx() -> TreeService:
    """Return the nginx of this host."""
    return TreeService("/etc/nginx", Service("nginx", "workers", "/var/log/nginx/error.log"), ["nginx", "-t"])
