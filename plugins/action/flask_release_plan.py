# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compute the release id of every application, and find out which releases the host lacks."""

from __future__ import annotations

import dataclasses
import typing as t
from pathlib import Path

from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import AppsAction, present, with_failures
from ansible_collections.flaskops.stack.plugins.plugin_utils.release import constraints
from ansible_collections.flaskops.stack.plugins.plugin_utils.release.plan import ReleasePlan, plan_release, prebuilt_release
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.apps import fetch_apps, for_each, with_source
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.cache_dir import cache_path
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import SourceError

App = dict[str, t.Any]


class ActionModule(AppsAction):
    """One round trip if nobody has looked before; one more where the host knows constraints that this controller does not."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        args = self.arguments(hosted={"type": "dict"}, cache_dir={"type": "path", "default": "~/.cache/flaskops"})
        wanted = present(self.resolve(args, task_vars))
        apps = with_source(wanted)
        trees, failures = fetch_apps(apps, args["cache_dir"], task_vars)
        hosted, unread = (args["hosted"], {}) if args["hosted"] else self._look(apps, task_vars)

        def plan(app: App) -> ReleasePlan:
            python = hosted[app["name"]]["python"]
            if python is None:
                remedy = "name an interpreter that is, or have `packages` install it"
                raise SourceError("python", f"'{app['python']}' is not on the host", remedy)
            if "problem" in python:
                raise SourceError("python", python["problem"], python["remedy"])
            return plan_release(app, trees[app["name"]], python["tag"], python["markers"])

        plans, unplanned = for_each([app for app in apps if app["name"] in trees and app["name"] in hosted], plan)
        failures = {**unread, **failures, **unplanned}
        self._harvest([app for app in apps if app["name"] in plans], plans, hosted, cache_path(args["cache_dir"]), task_vars)
        result["plans"] = {name: {**dataclasses.asdict(planned), "hosted": hosted[name]} for name, planned in plans.items()}
        result["releases"] = {
            app["name"]: (plans[app["name"]].release(app["root"]) if app["name"] in plans else prebuilt_release(app["source"]))._asdict()
            for app in wanted
            if app["name"] not in failures
        }
        result["missing"] = sorted(name for name, planned in plans.items() if not _is_complete(planned, hosted[name]))
        return with_failures(result, args["left_out"], failures)

    def _look(self, apps: list[App], task_vars: dict[str, t.Any]) -> tuple[dict[str, t.Any], dict[str, str]]:
        """Return what the host has of applications, and messages of those that it cannot tell of, both by name."""
        if not apps:
            return {}, {}
        asked = [{key: app[key] for key in ("name", "root", "python")} for app in apps]
        answer = self._call({"mode": "inspect", "apps": asked}, task_vars)
        return answer["hosted"], answer["failures"]

    def _harvest(
        self, apps: list[App], plans: dict[str, ReleasePlan], hosted: dict[str, t.Any], cache: Path, task_vars: dict[str, t.Any]
    ) -> None:
        """Learn the constraints of virtualenvs that the host has, before another host resolves them anew."""
        wanted = {
            app["name"]: {"root": app["root"], "virtualenv_id": plans[app["name"]].virtualenv_id}
            for app in apps
            if plans[app["name"]].virtualenv_id in hosted[app["name"]]["virtualenvs"]
            and constraints.known(cache, constraints.key(app["name"], plans[app["name"]].virtualenv_id)) is None
        }
        if wanted:
            answer = self._call({"mode": "constraints", "apps": [{"name": name, **place} for name, place in wanted.items()]}, task_vars)
            asked = {name: place["virtualenv_id"] for name, place in wanted.items()}
            for problem in constraints.harvest(cache, asked, answer.get("constraints"), str(task_vars.get("inventory_hostname"))):
                self._display.warning(problem)

    def _call(self, arguments: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        # Looking changes nothing, so it is done in check mode too.
        return self.call_module("flask_release", arguments, task_vars)


def _is_complete(plan: ReleasePlan, hosted: dict[str, t.Any]) -> bool:
    return plan.id in hosted["releases"] and plan.virtualenv_id in hosted["virtualenvs"] and hosted["next"] == plan.id
