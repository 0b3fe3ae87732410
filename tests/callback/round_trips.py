"""Count what a run sends to hosts: a test-only callback that writes a line of JSON for every command and every file.

    ANSIBLE_CALLBACK_PLUGINS=tests/callback ANSIBLE_CALLBACKS_ENABLED=round_trips ROUND_TRIPS=lines.jsonl ansible-playbook …

Callbacks are told of results, which one task may have several of, or none from the host. So this one listens where all actions speak to
the connection; it is loaded before the workers are forked, so that they inherit it.
"""

from __future__ import annotations

import json
import os
import typing as t

from ansible.plugins.action import ActionBase
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: round_trips
type: aggregate
short_description: Count what a run sends to hosts
description: Writes a line for every round trip.
"""


def _write(action: ActionBase, what: str) -> None:
    line = {"host": getattr(action, "_round_trips_host", ""), "task": action._task.get_name().strip(), "what": what}
    # One write of a short line: workers do not cut each other's.
    with open(os.environ["ROUND_TRIPS"], "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _listen(name: str, heard: t.Callable[..., None]) -> None:
    """Have ``heard`` called before a method of all actions, with what the method is given."""
    method = getattr(ActionBase, name)

    def listening(self: ActionBase, *args: t.Any, **kwargs: t.Any) -> t.Any:
        heard(self, *args, **kwargs)
        return method(self, *args, **kwargs)

    setattr(ActionBase, name, listening)


def _remember_host(action: ActionBase, tmp: object = None, task_vars: t.Mapping[str, t.Any] | None = None) -> None:
    action._round_trips_host = (task_vars or {}).get("inventory_hostname", "")  # type: ignore[attr-defined]


def _count(what: str) -> t.Callable[..., None]:
    def count(action: ActionBase, *_args: object, **_kwargs: object) -> None:
        if action._connection.transport != "local":
            _write(action, what)

    return count


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "round_trips"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        _listen("run", _remember_host)
        _listen("_low_level_execute_command", _count("command"))
        _listen("_transfer_file", _count("file"))
