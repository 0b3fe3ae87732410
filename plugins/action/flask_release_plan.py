# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read what the host has, compute the release id of every application, and find out which releases the host lacks."""

from __future__ import annotations

import dataclasses
import typing as t
from pathlib import Path

from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import present, with_failures
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.looking_action import LookingAction
from ansible_collections.flaskops.stack.plugins.plugin_utils.orders.settled import Seen, is_settled
from ansible_collections.flaskops.stack.plugins.plugin_utils.release import constraints
from ansible_collections.flaskops.stack.plugins.plugin_utils.release.noted_python import noted_python_warning
from ansible_collections.flaskops.stack.plugins.plugin_utils.release.plan import ReleasePlan, plan_release, prebuilt_release
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.apps import fetch_apps, for_each, with_source
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.cache_dir import cache_path
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import SourceError

App = dict[str, t.Any]


class ActionModule(LookingAction):
    """One round trip; one more where the host knows constraints that this controller does not."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        args = self.arguments(
            sites={"type": "dict", "default": {}},
            packages_installed={"type": "bool", "default": False},
            cache_dir={"type": "path", "default": "~/.cache/flaskops"},
        )
        wanted = present(self.resolve(args, task_vars))
        seen, failures = self.look(wanted, args["sites"], args, task_vars)
        hosted = seen.pop("hosted")
        result |= {"plans": {}, "releases": {}, "missing": [], "settled": False, **seen}
        if seen["packages"] and not args["packages_installed"]:
            # The interpreter of an application may be among them.
            return with_failures(result, args["left_out"], failures)
        apps = with_source([app for app in wanted if app["name"] not in failures])
        plans, unplanned = self._plan(apps, hosted, args["cache_dir"], task_vars)
        failures |= unplanned
        self._harvest([app for app in apps if app["name"] in plans], plans, hosted, cache_path(args["cache_dir"]), task_vars)
        result["releases"] = {
            app["name"]: (plans[app["name"]].release(app["root"]) if app["name"] in plans else prebuilt_release(app["source"]))._asdict()
            for app in wanted
            if app["name"] not in failures
        }
        result["missing"] = sorted(name for name, planned in plans.items() if not _is_complete(planned, hosted[name]))
        # Plans of releases that are there would be carried from task to task for nothing.
        result["plans"] = {name: {**dataclasses.asdict(plans[name]), "hosted": hosted[name]} for name in result["missing"]}
        if not (failures or args["left_out"] or seen["packages"] or seen["accounts"] or result["missing"]):
            result["settled"] = self._is_settled(args, result, task_vars)
        return with_failures(result, args["left_out"], failures)

    def _is_settled(self, args: dict[str, t.Any], result: dict[str, t.Any], task_vars: dict[str, t.Any]) -> bool:
        """Return whether the roles after this one would change nothing. Only the playbooks that run all of them ask about sites."""
        alike = task_vars.get(args["variable"]) == task_vars.get("uwsgi_service_apps") and args["apps"] == args["sites"].get("apps")
        if not alike or "tree" not in args["sites"]:
            return False
        seen = Seen(result["releases"], result["instances"], result["sites"], self.sealed)
        return is_settled(self, self.resolve(args, task_vars), seen, args["sites"]["tree"], task_vars)

    def _plan(
        self, apps: list[App], hosted: dict[str, t.Any], cache_dir: str, task_vars: App
    ) -> tuple[dict[str, ReleasePlan], dict[str, str]]:
        """Return the plans of applications, and messages of those that have none, both by name."""
        trees, failures = fetch_apps(apps, cache_dir, task_vars)

        def plan(app: App) -> ReleasePlan:
            python = hosted[app["name"]]["python"]
            if python is None:
                remedy = "name an interpreter that is, or have `packages` install it"
                raise SourceError("python", f"'{app['python']}' is not on the host", remedy)
            if "problem" in python:
                raise SourceError("python", python["problem"], python["remedy"])
            if warning := noted_python_warning(app, trees[app["name"]], python["tag"]):
                self._display.warning(warning)
            return plan_release(app, trees[app["name"]], python["tag"], python["markers"])

        plans, unplanned = for_each([app for app in apps if app["name"] in trees and app["name"] in hosted], plan)
        return plans, {**failures, **unplanned}

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
            # Looking changes nothing, so it is done in check mode too.
            asked = {"mode": "constraints", "apps": [{"name": name, **place} for name, place in wanted.items()]}
            found = self.call_kept("flask_release", asked, task_vars).get("constraints")
            virtualenvs = {name: place["virtualenv_id"] for name, place in wanted.items()}
            for problem in constraints.harvest(cache, virtualenvs, found, str(task_vars.get("inventory_hostname"))):
                self._display.warning(problem)


def _is_complete(plan: ReleasePlan, hosted: dict[str, t.Any]) -> bool:
    return plan.id in hosted["releases"] and plan.virtualenv_id in hosted["virtualenvs"] and hosted["next"] == plan.id
