# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The base of every module of this collection: whatever it returns has passed through :func:`~.shown.clean`."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from .shown import clean, clean_result
from .user_name import not_root


class HostModule(AnsibleModule):
    """A module whose messages and results show no secrets and no control characters.

    :param exact: keys of the result that the controller goes on with, such as names and versions; they are returned as they are
    """

    def __init__(self, *args: t.Any, exact: t.Collection[str] = (), **more: t.Any) -> None:
        # Before the base class checks the arguments, which may fail.
        self._exact = exact
        super().__init__(*args, **more)

    def require_root(self) -> None:
        """Fail with the remedy unless the module runs as root, before it has read or changed anything."""
        if why := not_root():
            self.fail_json(why)

    def exit_json(self, **result: t.Any) -> t.NoReturn:
        super().exit_json(**clean_result(result, self._exact))

    def fail_json(self, msg: str, **result: t.Any) -> t.NoReturn:
        super().fail_json(msg=clean(msg), **clean_result(result, self._exact))

    def warn(self, warning: str, **more: t.Any) -> None:
        super().warn(clean(warning), **more)
