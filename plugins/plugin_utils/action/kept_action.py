# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The base of action plugins whose module a host keeps: the run sends what it asks, and the code only where the host lacks it."""

from __future__ import annotations

import base64
import json

from ansible.plugins.connection import ConnectionBase

from ...module_utils.host.kept_program import ANSWER, place_of
from ..host_program import HostProgram, host_program, program_id
from .host_action import Answer, HostAction

# Debian has it, whatever interpreter the inventory names for modules.
_PYTHON = "/usr/bin/python3 -I -X utf8"


class KeptAction(HostAction):
    """Asks a program that a host keeps, and otherwise the module that it is made of."""

    def ask_kept(self, name: str, program: HostProgram, arguments: Answer, task_vars: Answer) -> Answer:
        """Return the answer of a module of this collection, as :meth:`call_module` does.

        The module gets the program as its option ``program``, and keeps it on the host except in check mode.

        :raises AnsibleActionFail: as :meth:`call_module` does
        """
        if not _takes_input(self._connection):
            return self.call_module(name, arguments, task_vars)
        answer = self._ask_program(program, arguments)
        if answer is None:
            kept = {"name": program_id(program), "packed": base64.b64encode(host_program(program)).decode()}
            return self.call_module(name, {**arguments, "program": kept}, task_vars)
        answer = self.received(answer)
        self.require_success(name, answer, task_vars)
        return answer

    def _ask_program(self, program: HostProgram, arguments: Answer) -> Answer | None:
        """Return the answer of a program, ``None`` if the host does not have it or it did not come to an answer."""
        # In check mode Python keeps nothing of what it compiles, since that would be a file on the host.
        python = f"{_PYTHON} -B" if self._task.check_mode else _PYTHON
        command = f"{self._compute_environment_string()} {python} {place_of(program_id(program))}".strip()
        asked = json.dumps({"check_mode": self._task.check_mode, "params": arguments}, default=str)
        done = self._low_level_execute_command(command, in_data=asked.encode())
        lines = [line for line in done["stdout"].splitlines() if line.startswith(ANSWER)]
        if done["rc"] != 0 or not lines:
            return None
        try:
            answer = json.loads(lines[-1].removeprefix(ANSWER))
        except ValueError:
            return None
        return answer if isinstance(answer, dict) else None


def _takes_input(connection: ConnectionBase) -> bool:
    """Return whether the host is another machine, and a command there gets our input without a terminal between.

    ansible-core sends modules like that if pipelining is on. It is off by default, since a module would fail for some settings of sudo. A
    program that fails is no harm, as the module is sent then.
    """
    if connection.transport != "ssh":
        return False
    set_so = connection.get_option("pipelining")
    connection.set_option("pipelining", True)
    try:
        return connection.is_pipelining_enabled()
    finally:
        connection.set_option("pipelining", set_so)
