# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Call a module on the host; where it fails, there is one message that says why."""

from __future__ import annotations

import re
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ...module_utils.host.causes import known_cause, with_cause
from ...module_utils.host.known_causes import LOGIN
from ...module_utils.host.shown import clean, visible
from .unshown import Unshown

Answer = dict[str, t.Any]

_LAST_LINES = 10
# Keys of answers that are parsed and not shown, such as files of a host that an inventory is made of.
_ACTED_ON = {"add_host", "add_group", "invocation"}
_OF_CORE = ("ansible_", "_ansible_")
_PARSED = {"files", "trees", "servers", "constraints"}
# ssh prints such lines among the module's own at -vvv.
_SSH_NOISE = re.compile(r"debug[123]: |OpenSSH_|Shared connection to ")
# A frame of a traceback: the line that names the file, then its source, indented.
_FRAME = re.compile(r'^  File ".*\n(?: .*\n)*', re.MULTILINE)


class HostAction(ActionBase):
    """The common base of action plugins with a module of their own on the host."""

    def _execute_module(self, module_name: str | None = None, module_args: Answer | None = None, *args: t.Any, **more: t.Any) -> Answer:
        """Run a module, with arguments that no message shows."""
        return super()._execute_module(module_name, None if module_args is None else Unshown(module_args), *args, **more)

    def _update_module_args(self, module_name: str, module_args: Answer, *args: t.Any, **more: t.Any) -> None:
        """Have the module send the traceback of a crash: ansible-core asks for it only where its setting DISPLAY_TRACEBACK says so."""
        super()._update_module_args(module_name, module_args, *args, **more)
        if "_ansible_tracebacks_for" in module_args:
            module_args["_ansible_tracebacks_for"] = sorted({*module_args["_ansible_tracebacks_for"], "error"})

    def call_module(self, name: str, arguments: Answer, task_vars: Answer) -> Answer:
        """Call a module of this collection and return its answer.

        :raises AnsibleActionFail: as :meth:`require_success` does
        """
        answer = self.ask_module(name, arguments, task_vars)
        self.require_success(name, answer, task_vars)
        return answer

    def ask_module(self, name: str, arguments: Answer, task_vars: Answer) -> Answer:
        """Call a module of this collection and return its answer, also where it failed."""
        return self.received(self._execute_module(f"flaskops.stack.{name}", module_args=arguments, task_vars=task_vars))

    def received(self, answer: Answer) -> Answer:
        """Return the answer of a host as the controller may show it.

        A module cleans its answer, but a host that somebody else rules answers what it likes. A terminal must not obey that, and ansible-core
        acts on some keys of results: a host must not change the inventory.
        """
        kept = {key: value for key, value in answer.items() if key not in _ACTED_ON and not key.startswith(_OF_CORE)}
        return {key: value if key in _PARSED else visible(value) for key, value in kept.items()}

    def require_success(self, name: str, answer: Answer, task_vars: Answer) -> None:
        """Do nothing unless a module failed.

        :raises AnsibleActionFail: with the module's message; for a crash, with the exception
        """
        if not answer.get("failed"):
            return
        if not answer.get("msg"):
            trace = _traceback(answer.get("exception"))
            # Not part of the result, so ansible-core does not hide it.
            if not self._task.no_log:
                self._display.vvv(clean(f"The traceback of {name}:\n{trace}"), host=task_vars.get("inventory_hostname"))
        # A module cleans its own answers, but not the last words before a crash.
        raise AnsibleActionFail(clean(_reason(name, answer)))


def _reason(name: str, answer: Answer) -> str:
    """Return why a module failed, in its own words as far as it had any."""
    if "module_stdout" in answer or "module_stderr" in answer:
        words = _last_words(answer) or str(answer.get("msg", ""))
        told = f"The module {name} ended with {answer.get('rc', 'no status')} on the host before it had an answer:\n{words}"
        return with_cause(known_cause(words.splitlines(), LOGIN), told)
    if answer.get("msg"):
        return str(answer["msg"])
    crash = _crash(answer.get("exception")) or "it gave no message"
    return f"The module {name} crashed on the host: {crash.rstrip('.')}. Run with -vvv to see where."


def _last_words(answer: Answer) -> str:
    """Return the last lines that a module printed; with a terminal, ssh has both streams in one."""
    lines = f"{answer.get('module_stdout', '')}\n{answer.get('module_stderr', '')}".splitlines()
    return "\n".join([line for line in lines if line.strip() and not _SSH_NOISE.match(line)][-_LAST_LINES:])


def _traceback(exception: object) -> str:
    """Return the traceback of a crash: ansible-core gives a text or, since 2.19, an object with an event that may have one."""
    if isinstance(exception, str):
        return exception
    return getattr(getattr(exception, "event", None), "formatted_traceback", None) or "(the module sent none)"


def _crash(exception: object) -> str:
    """Return the kind and the words of an exception, as the last lines of its traceback have them."""
    words = _FRAME.split(f"{_traceback(exception).rstrip()}\n")
    if len(words) > 1:
        return words[-1].strip()
    return str(getattr(getattr(exception, "event", None), "msg", None) or exception or "").strip().rpartition("\n")[2]
