# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read a host that was set up by hand, and write what an inventory has about it on the controller."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import tempfile
import typing as t
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.host_action import HostAction
from ansible_collections.flaskops.stack.plugins.plugin_utils.adoption.adopt import Adoption, adopt
from ansible_collections.flaskops.stack.plugins.plugin_utils.adoption.nginx_files import AdoptionError

# Variables that say how Ansible reaches the host; passwords are none of them.
_CONNECTION = ("ansible_host", "ansible_port", "ansible_user", "ansible_connection", "ansible_python_interpreter")


class ActionModule(HostAction):
    """Some round trips, in each of which the host reads what the files before have named."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        variables = task_vars or {}
        _result, args = self.validate_argument_spec({"directory": {"type": "str", "required": True}})
        directory = Path(args["directory"]).expanduser().absolute()
        host = variables["inventory_hostname"]
        if not re.fullmatch(r"[\w.:-]+", host):
            raise AnsibleActionFail(f"The host is called {host!r} in the inventory, which makes no name of a file; call it otherwise.")
        ask = functools.partial(self.call_module, "adoption_info", task_vars=variables)
        with tempfile.TemporaryDirectory(prefix="flaskops-adopt-") as place:
            try:
                found = adopt(host, lambda files: ask({"files": files}), lambda trees: ask({"trees": trees}), Path(place))
            except AdoptionError as error:
                raise AnsibleActionFail(str(error)) from None
            if not self._task.check_mode:
                _write(found, directory, host)
        return {
            **result,
            "changed": True,
            "apps": [app.name for app in found.apps],
            "absent": json.dumps({"flask_apps": [{"name": app.name, "state": "absent"} for app in found.apps]}),
            "left": found.left,
            "files": sorted(found.files),
            "connection": self._connection_variables(variables),
        }

    def _connection_variables(self, variables: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        found = {name: self._templar.template(variables[name]) for name in _CONNECTION if name in variables}
        if "ansible_user" not in found and self._play_context.remote_user:
            found["ansible_user"] = self._play_context.remote_user
        return found


def _write(found: Adoption, directory: Path, host: str) -> None:
    """Write the files about one host; none of them is there yet."""
    for name, (text, private) in found.files.items():
        path = directory / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o644), "w", encoding="utf-8") as file:
            file.write(text)
    for app in found.apps:
        if app.code.copy and "path" in app.app["source"]:
            target = directory / "apps" / host / app.name
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.move(app.code.copy, target)
