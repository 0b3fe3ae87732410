# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The base of action plugins whose module a host keeps: the run sends what it asks, and the code only where the host lacks it."""

from __future__ import annotations

import json
import re

from ansible.plugins.connection import ConnectionBase

from ...module_utils.host.kept_program import ANSWER, BEGUN, place_of
from ..host_program import KEPT, program_id
from .host_action import Answer, HostAction

# Debian has it.
_PYTHON = "/usr/bin/python3"
# It takes nothing from its environment, and reads and writes UTF-8 in every locale.
_ALONE = "-I -X utf8"
_PATH = re.compile(r"/[\w./+-]+", re.ASCII)


class KeptAction(HostAction):
    """Asks the program that a host keeps instead of sending a module that is part of it."""

    def call_kept(self, name: str, arguments: Answer, task_vars: Answer) -> Answer:
        """Call a module and return its answer.

        :raises AnsibleActionFail: as :meth:`call_module` does
        """
        answer = self.ask_kept(name, arguments, task_vars)
        self.require_success(name, answer, task_vars)
        return answer

    def ask_kept(self, name: str, arguments: Answer, task_vars: Answer) -> Answer:
        """Call a module and return its answer, also where it failed. The module is sent where the host has no such program."""
        answer = self.ask_program(name, arguments, task_vars)
        return self.ask_module(name, arguments, task_vars) if answer is None else answer

    def ask_program(self, name: str, arguments: Answer, task_vars: Answer) -> Answer | None:
        """Return the answer of a module of the host's program, ``None`` if the module has not begun, so that nothing has happened.

        A module that began and came to no answer may have changed something. Its answer has what it printed, as that of a sent one does.
        """
        if not takes_input(self._connection):
            return None
        # In check mode Python keeps nothing of what it compiles, since that would be a file on the host.
        options = f"{_ALONE} -B" if self._task.check_mode else _ALONE
        python = f"{self._interpreter(task_vars)} {options}"
        command = f"{self._compute_environment_string()} {python} {place_of(program_id(KEPT))} {name}".strip()
        asked = json.dumps({"check_mode": self._task.check_mode, "params": arguments}, default=str)
        done = self._low_level_execute_command(command, in_data=asked.encode())
        lines = done["stdout"].splitlines()
        if BEGUN not in lines:
            return None
        printed = lines[lines.index(BEGUN) + 1 :]
        none = {"failed": True, "module_stdout": "\n".join(printed), "module_stderr": done["stderr"], "rc": done["rc"]}
        return self.received(_answer_in(printed) or none)

    def _interpreter(self, task_vars: Answer) -> str:
        """Return the interpreter that the inventory names, otherwise that of the distribution, for a shell."""
        delegated = task_vars.get("ansible_delegated_vars", {}).get(self._task.delegate_to, task_vars)
        named = self._templar.template(delegated.get("ansible_python_interpreter"))
        return named if isinstance(named, str) and _PATH.fullmatch(named) else _PYTHON


def _answer_in(printed: list[str]) -> Answer | None:
    """Return the answer among the lines that a program has printed, of which some may be of a shell."""
    lines = [line for line in printed if line.startswith(ANSWER)]
    try:
        answer = json.loads(lines[-1].removeprefix(ANSWER)) if lines else None
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def takes_input(connection: ConnectionBase) -> bool:
    """Return whether the host is another machine, and a command there gets our input without a terminal between.

    ansible-core sends modules like that if pipelining is on. It is off by default, since a module would fail for some settings of sudo. A
    program that does not begin is no harm, as the module is sent then.
    """
    if connection.transport != "ssh":
        return False
    set_so = connection.get_option("pipelining")
    connection.set_option("pipelining", True)
    try:
        return connection.is_pipelining_enabled()
    finally:
        connection.set_option("pipelining", set_so)
