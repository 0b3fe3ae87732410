# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make the text of a first inventory from the answers of a person."""

from __future__ import annotations

import os
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.flaskops.stack.plugins.plugin_utils.extra_vars import problem_of_extra_vars
from ansible_collections.flaskops.stack.plugins.plugin_utils.new_inventory import (
    Answers,
    NewInventoryError,
    description,
    inventory_text,
    require_usable,
)


class ActionModule(ActionBase):
    """Makes no connection, and writes nothing."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        if problem := problem_of_extra_vars():
            raise AnsibleActionFail(problem)
        spec: dict[str, t.Any] = {name: {"type": "str", "default": ""} for name in Answers._fields}
        _result, args = self.validate_argument_spec({**spec, "path": {"type": "str", "required": True}})
        path = os.path.abspath(os.path.expanduser(args.pop("path")))
        answers = Answers(**{name: value.strip() for name, value in args.items()})
        try:
            require_usable(answers)
        except NewInventoryError as error:
            raise AnsibleActionFail(str(error)) from None
        if os.path.lexists(path):
            raise AnsibleActionFail(
                f"{path} exists, and nothing is overwritten; write -e hosts_file=FILE for another one, or move it away."
            )
        app = description(answers, os.path.dirname(path))
        return {
            **result,
            "changed": False,
            "path": path,
            "apps": [_absolute(app, os.path.dirname(path))],
            "text": inventory_text(answers, app),
        }


def _absolute(app: dict[str, t.Any], directory: str) -> dict[str, t.Any]:
    """Return a description that can be checked before there is an inventory that its path is relative to."""
    source = app["source"]
    return {**app, "source": {**source, "path": os.path.normpath(os.path.join(directory, source["path"]))}} if "path" in source else app
