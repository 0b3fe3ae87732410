# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check descriptions and sources on the controller, before anything on a host changes."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import AppsAction, present, with_failures
from ansible_collections.flaskops.stack.plugins.plugin_utils.code import process_memory
from ansible_collections.flaskops.stack.plugins.plugin_utils.code.entry_point import entry_point_problems
from ansible_collections.flaskops.stack.plugins.plugin_utils.code.flask_elsewhere import flask_elsewhere
from ansible_collections.flaskops.stack.plugins.plugin_utils.code.misplaced import misplaced_module
from ansible_collections.flaskops.stack.plugins.plugin_utils.code.undeclared_import import undeclared_import
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.checks import warnings
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.linked_files import warnings_of_links
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.overtaken import warnings_of_overtaken
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import require_mappings
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.role_variables import resolve_variables
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.tls import unusable, warnings_of_tls
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from ansible_collections.flaskops.stack.plugins.plugin_utils.release.source_checks import check_source
from ansible_collections.flaskops.stack.plugins.plugin_utils.requirements.declared import declaring_file
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.apps import fetch_apps, with_source
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.tree import SourceError, Tree

# Paths that a line about a source shows.
_MOST_SHOWN = 20


def _check(app: t.Mapping[str, t.Any], tree: Tree) -> None:
    """Look at a source before any host is asked.

    :raises SourceError: for the first problem, with the others in it
    """
    checks = (entry_point_problems, undeclared_import, flask_elsewhere)
    problems = [problem for check in checks for problem in check(app, tree)]
    try:
        check_source(app, tree)
    except SourceError as error:
        problems = [error, *error.others, *problems]
    # The requirements of a module in another directory are there too.
    if misplaced := next(misplaced_module(app, tree), None):
        problems = [misplaced, *(problem for problem in problems if problem.key not in ("wsgi", "requirements"))]
    if problems:
        problems[0].others = problems[1:]
        raise problems[0]


class ActionModule(AppsAction):
    """Makes no connection."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        args = self.arguments(
            require={"type": "list", "elements": "str", "default": ["source", "wsgi"]},
            cache_dir={"type": "path"},
            roles={"type": "list", "elements": "str", "default": []},
        )
        self.require = args["require"]
        problems: list[str] = []
        apps: list[dict[str, t.Any]] = []
        try:
            if args["apps"] is None and args["cache_dir"] is None:
                # A playbook that deploys nothing does no more at first: what it calls then checks what it needs of a description.
                require_mappings(self.read(args["variable"], task_vars or {}), args["variable"])
            else:
                apps = self.resolve(args, task_vars)
                problems += unusable(apps)
        except (AnsibleActionFail, AppError) as error:
            problems.append(str(error))
        problems = [*self._problems_of_variables(args["roles"], apps, task_vars or {}), *problems]
        if problems:
            raise AnsibleActionFail("\n".join(problems))
        for warning in [*warnings(apps), *warnings_of_overtaken(apps), *warnings_of_links(apps), *warnings_of_tls(apps)]:
            self._display.warning(warning)
        failures: dict[str, str] = {}
        if args["cache_dir"] is not None and with_source(apps):
            trees, failures = fetch_apps(with_source(apps), args["cache_dir"], task_vars or {}, _check)
            self._warn_of_memory(apps, trees)
            if self._task.check_mode or self._task.diff:
                for app in with_source(apps):
                    self._tell_left_out(app["name"], trees.get(app["name"]))
            result["requirements"] = {
                app["name"]: self._requirements(app, trees[app["name"]]) for app in with_source(apps) if app["name"] in trees
            }
        return with_failures({**result, "changed": False}, args["left_out"], failures)

    def _problems_of_variables(self, roles: t.Sequence[str], apps: list[dict[str, t.Any]], task_vars: dict[str, t.Any]) -> list[str]:
        """Return a line for each variable of these roles that cannot be used."""
        try:
            given = {name: value for role in roles for name, value in self.variables_of(role, task_vars).items()}
            resolve_variables(given, any(app["nginx"]["tls"]["kind"] for app in present(apps)))
        except AppError as error:
            return error.problems
        except AnsibleActionFail as error:
            return [str(error)]
        return []

    def _warn_of_memory(self, apps: list[dict[str, t.Any]], trees: dict[str, Tree]) -> None:
        """Warn in one line for each application of what its code keeps in the memory of one process."""
        for app in apps:
            line = process_memory.warning(app, trees[app["name"]]) if app["name"] in trees else ""
            if line:
                self._display.warning(line)

    def _tell_left_out(self, name: str, tree: Tree | None) -> None:
        """Say which files the repository of a source leaves out."""
        paths = tree.left_out() if tree else []
        if paths:
            listed = ", ".join(paths[:_MOST_SHOWN]) + (f" and {len(paths) - _MOST_SHOWN} more" if len(paths) > _MOST_SHOWN else "")
            self._display.display(f"{name}: git leaves these out of the source: {listed}")

    def _requirements(self, app: dict[str, t.Any], tree: Tree) -> str:
        """Return the file that declares what is installed, empty for a package; say it in check mode, and if there is none."""
        if "package" in app["source"]:
            return ""
        file = declaring_file(app, tree)
        if not file and not app["extra_requirements"]:
            self._display.warning(
                f"{app['name']}: the source declares no requirements, so nothing but uWSGI is installed. Add a requirements.txt, an empty one if"
                " nothing is needed."
            )
        elif self._task.check_mode:
            self._display.display(f"{app['name']}: the requirements are those of {file or 'extra_requirements'}")
        return file
