# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compute the release id of every application, and find out which releases the host lacks."""

from __future__ import annotations

import dataclasses
import typing as t
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import completed
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from ansible_collections.flaskops.stack.plugins.plugin_utils.release import constraints
from ansible_collections.flaskops.stack.plugins.plugin_utils.release.plan import Plan, plan_release, prebuilt_release
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.apps import fetch_apps, for_each, present, with_source
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import SourceError

App = dict[str, t.Any]


class ActionModule(ActionBase):
    """This action makes no round trip if ``hosted`` is given, otherwise one.

    One more round trip reads constraints that the host has and this controller lacks.
    """

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _result, args = self.validate_argument_spec(
            {
                "apps": {"type": "list", "elements": "dict", "required": True},
                "variable": {"type": "str", "default": "flask_apps"},
                "hosted": {"type": "dict"},
                "cache_dir": {"type": "path", "default": "~/.cache/flaskops"},
            }
        )
        try:
            wanted = present(completed(args["apps"], variable=args["variable"]))
        except AppError as error:
            raise AnsibleActionFail(str(error)) from None
        apps = with_source(wanted)
        trees = fetch_apps(apps, args["cache_dir"], task_vars)
        hosted = args["hosted"] or self._look(apps, task_vars)

        def plan(app: App) -> Plan:
            python = hosted[app["name"]]["python"]
            if python is None:
                remedy = "name an interpreter that is, or have `packages` install it"
                raise SourceError("python", f"'{app['python']}' is not on the host", remedy)
            return plan_release(app, trees[app["name"]], python["tag"])

        plans: dict[str, Plan] = for_each(apps, plan)
        self._harvest(apps, plans, hosted, Path(args["cache_dir"]).expanduser(), task_vars)
        result["plans"] = {name: {**dataclasses.asdict(planned), "hosted": hosted[name]} for name, planned in plans.items()}
        result["releases"] = {
            app["name"]: plans[app["name"]].facts(app["root"]) if app["name"] in plans else prebuilt_release(app["source"])
            for app in wanted
        }
        result["missing"] = sorted(name for name, planned in plans.items() if not _is_complete(planned, hosted[name]))
        return result

    def _look(self, apps: list[App], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        asked = [{key: app[key] for key in ("name", "root", "python")} for app in apps]
        return self._call({"mode": "inspect", "apps": asked}, task_vars)["hosted"] if asked else {}

    def _harvest(self, apps: list[App], plans: dict[str, Plan], hosted: dict[str, t.Any], cache: Path, task_vars: dict[str, t.Any]) -> None:
        """Read constraints from virtualenvs on this host, so that other hosts install the same versions."""
        wanted = {
            app["name"]: {"root": app["root"], "virtualenv": plans[app["name"]].virtualenv_id}
            for app in apps
            if plans[app["name"]].virtualenv_id in hosted[app["name"]]["virtualenvs"]
            and constraints.known(cache, plans[app["name"]].virtualenv_id) is None
        }
        if wanted:
            answer = self._call({"mode": "locks", "apps": [{"name": name, **place} for name, place in wanted.items()]}, task_vars)
            for name, text in answer["locks"].items():
                constraints.remember(cache, wanted[name]["virtualenv"], text)

    def _call(self, arguments: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        # These modes only read, so they run in check mode, too.
        answer = self._execute_module("flaskops.stack.flask_release", module_args=arguments, task_vars=task_vars)
        if answer.get("failed"):
            raise AnsibleActionFail(str(answer.get("msg") or answer.get("module_stderr") or "the module gave no message"))
        return answer


def _is_complete(plan: Plan, hosted: dict[str, t.Any]) -> bool:
    return plan.id in hosted["releases"] and plan.virtualenv_id in hosted["virtualenvs"] and hosted["next"] == plan.id
