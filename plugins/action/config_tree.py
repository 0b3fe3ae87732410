# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``config_tree``: render every file, and send all of them in one module call."""

from __future__ import annotations

import typing as t

from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import encode_payload
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.host import who
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.host_action import HostAction
from ansible_collections.flaskops.stack.plugins.plugin_utils.orders.tree import TASK_SPEC, of_sites, tree_order


class ActionModule(HostAction):
    """See the module's documentation."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Render the files, send them, and return the result of the module."""
        result = super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(TASK_SPEC)
        if args["sites"]:
            args |= of_sites(args["sites"])
        order = tree_order(self, args, task_vars or {})
        settled = args["settled"]
        if settled.get("digest") == order.options["digest"]:
            return {**result, **self.received(settled["result"])}
        sent = {**order.options, "payload": encode_payload(order.payload), "who": who()}
        answer = self.ask_module("config_tree", sent, task_vars or {})
        # A tree that is refused has a result with more than a message; a crash has none, and a killed module has what it printed.
        if not answer.get("msg") or "module_stdout" in answer:
            self.require_success("config_tree", answer, task_vars or {})
        return {**result, **answer}
