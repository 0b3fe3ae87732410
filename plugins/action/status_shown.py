# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Show the state of applications on hosts: for a terminal in its width and in colour, otherwise as the message of the task."""

from __future__ import annotations

import sys
import time
import typing as t

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible.utils.color import stringc
from ansible_collections.flaskops.stack.plugins.module_utils.host.shown import visible
from ansible_collections.flaskops.stack.plugins.plugin_utils.status_table import Health, status_lines, status_rows, status_table

# ansible-core loads this file before it forks the process of the task, which has no terminal any more.
_IS_TERMINAL = sys.stdout.isatty()


def painted(text: str, health: Health) -> str:
    """Return a text in the colour of a health. ansible-core gives none where NO_COLOR is set or nobody sees it."""
    colours = {Health.GOOD: constants.COLOR_OK, Health.NOTED: constants.COLOR_CHANGED, Health.BAD: constants.COLOR_ERROR}
    return stringc(text, colours[health])


class ActionModule(ActionBase):
    """Makes no connection."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        _result, args = self.validate_argument_spec({"hosts": {"type": "dict", "required": True}})
        rows = status_rows(visible(args["hosts"]), time.time())
        # Programs that read the output of another callback, such as JSON, want no other lines in it.
        is_for_people = _IS_TERMINAL and constants.DEFAULT_STDOUT_CALLBACK == "default"
        if is_for_people:
            self._display.display("\n".join(status_lines(rows, self._display.columns, painted)))
        return {**result, "changed": False, "msg": status_table(rows), "_ansible_verbose_always": not is_for_people}
