# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``flask_release``: fetch, name, compare with the host, ship."""

from __future__ import annotations

import tempfile
import typing as t
from pathlib import Path

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.flaskops.stack.plugins.plugin_utils.fetch_apps import fetch_apps, for_each, with_source
from ansible_collections.flaskops.stack.plugins.plugin_utils.release_plan import Plan, plan_release, prebuilt_release
from ansible_collections.flaskops.stack.plugins.plugin_utils.sources import SourceError, Tree

App = dict[str, t.Any]


class ActionModule(ActionBase):
    """Two round trips at the most: what is there, and building what is not."""

    _requires_connection = True
    TRANSFERS_FILES = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _result, args = self.validate_argument_spec(
            {"apps": {"type": "list", "elements": "dict", "required": True}, "cache_dir": {"type": "path", "default": "~/.cache/flaskops"}}
        )
        apps = with_source(args["apps"])
        trees = fetch_apps(apps, args["cache_dir"], task_vars)
        asked = [{key: app[key] for key in ("name", "root", "python")} for app in apps]
        hosted = self._call({"mode": "inspect", "apps": asked}, task_vars)["hosted"]
        plans = self._plan(apps, trees, hosted)

        missing = [app for app in apps if not _is_complete(plans[app["name"]], hosted[app["name"]])]
        result["releases"] = {app["name"]: _facts(app, plans.get(app["name"])) for app in args["apps"]}
        result["made"] = [path for app in missing for path in _would_make(app, plans[app["name"]], hosted[app["name"]])]
        result["changed"] = bool(missing)
        result["diff"] = [_diff(app, plans[app["name"]], hosted[app["name"]]) for app in missing]
        if missing and not self._task.check_mode:
            self._build(missing, plans, trees, hosted, task_vars)
        return result

    def _plan(self, apps: list[App], trees: dict[str, Tree], hosted: dict[str, t.Any]) -> dict[str, Plan]:
        def plan(app: App) -> Plan:
            python = hosted[app["name"]]["python"]
            if python is None:
                raise SourceError(
                    "python", f"'{app['python']}' is not on the host", "name an interpreter that is, or have `packages` install it"
                )
            return plan_release(app, trees[app["name"]], python["tag"])

        return for_each(apps, plan)

    def _build(
        self, apps: list[App], plans: dict[str, Plan], trees: dict[str, Tree], hosted: dict[str, t.Any], task_vars: dict[str, t.Any]
    ) -> None:
        remote_tmp = self._make_tmp_path()
        archives: dict[str, str] = {}
        with tempfile.TemporaryDirectory(dir=C.DEFAULT_LOCAL_TMP) as local:
            for app in apps:
                name = app["name"]
                if plans[name].id in hosted[name]["releases"]:
                    continue
                packed = Path(local, f"{name}.tar.gz")
                trees[name].write_tar(packed)
                archives[name] = self._transfer_file(str(packed), self._connection._shell.join_path(remote_tmp, packed.name))
        self._fixup_perms2([remote_tmp, *archives.values()])
        built = [
            {
                "name": app["name"],
                "user": app["user"],
                "root": app["root"],
                "python": hosted[app["name"]]["python"]["path"],
                "uwsgi": app["uwsgi"]["package"],
                "release": plans[app["name"]].as_module_argument(),
            }
            for app in apps
        ]
        self._call({"mode": "build", "apps": built, "archives": archives}, task_vars)
        self._remove_tmp_path(remote_tmp)

    def _call(self, arguments: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        # Inspecting changes nothing, so it is done in check mode too.
        answer = self._execute_module("flaskops.stack.flask_release", module_args=arguments, task_vars=task_vars)
        if answer.get("failed"):
            raise AnsibleActionFail(str(answer.get("msg") or answer.get("module_stderr") or "the module gave no message"))
        return answer


def _is_complete(plan: Plan, hosted: dict[str, t.Any]) -> bool:
    return plan.id in hosted["releases"] and plan.virtualenv_id in hosted["virtualenvs"] and hosted["next"] == plan.id


def _would_make(app: App, plan: Plan, hosted: dict[str, t.Any]) -> list[str]:
    paths = plan.paths(app["root"])
    made = [] if plan.virtualenv_id in hosted["virtualenvs"] else [paths["virtualenv"]]
    made += [] if plan.id in hosted["releases"] else [paths["path"]]
    return made + ([] if hosted["next"] == plan.id else [f"{app['root']}/next"])


def _diff(app: App, plan: Plan, hosted: dict[str, t.Any]) -> dict[str, str]:
    link = f"{app['root']}/next"
    before = f"{hosted['next']}\n" if hosted["next"] else ""
    return {"before_header": link, "after_header": link, "before": before, "after": f"{plan.id}\n"}


def _facts(app: App, plan: Plan | None) -> dict[str, str]:
    """Return what later roles need to know of a release."""
    return prebuilt_release(app["source"]) if plan is None else plan.facts(app["root"])
