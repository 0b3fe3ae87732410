# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell the tasks of a run, or end the controller where one of them begins."""

from __future__ import annotations

DOCUMENTATION = """
name: chaos
type: aggregate
short_description: Tell the tasks of a run, or end the controller where one of them begins
description:
  - With C(CHAOS_TASKS), the path of a file, every task that begins is appended to it.
  - With C(CHAOS_KILL_AT), a number from 1 on, the whole process group is killed where the task of that number begins.
"""

import os
import signal

from ansible.playbook.task import Task
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "chaos"

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0
        self.kill_at = int(os.environ.get("CHAOS_KILL_AT", "0"))

    def v2_playbook_on_task_start(self, task: Task, is_conditional: bool) -> None:
        self.begun += 1
        if path := os.environ.get("CHAOS_TASKS"):
            with open(path, "a", encoding="utf-8") as file:
                file.write(f"{task.get_name()}\n")
        if self.begun == self.kill_at:
            os.killpg(0, signal.SIGKILL)
