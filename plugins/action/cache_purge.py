# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``cache_purge``: send where the cache of an application lies."""

from __future__ import annotations

import re
import typing as t

from ansible.errors import AnsibleActionFail
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import ALL, AppsAction, chosen, with_failures

# nginx keeps answers under the host and the path, so the scheme may be left out.
_URL = re.compile(r"(https?://)?[^/\s]+/\S*")


class ActionModule(AppsAction):
    """One round trip."""

    require = ()
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        args = self.arguments(only={"type": "str", "default": ALL}, urls={"type": "list", "elements": "str", "default": []})
        wrong = [url for url in args["urls"] if not _URL.fullmatch(url)]
        if wrong:
            raise AnsibleActionFail(f"url is '{wrong[0]}', but must be a host and a path; write -e url=shop.example.com/api, for example.")
        apps = chosen(self.resolve(args, task_vars), args["only"])
        caches = [{"name": app["name"], "directory": app["nginx"]["cache_dir"]} for app in apps]
        answer = self.call_module("cache_purge", {"caches": caches, "urls": args["urls"]}, task_vars or {})
        return with_failures({**result, **answer}, args["left_out"], answer["failures"])
