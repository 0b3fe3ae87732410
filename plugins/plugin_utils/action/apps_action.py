# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The base of every action plugin that is given applications: it takes the list as the user wrote it and resolves it once."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible.errors import AnsibleActionFail

from ...module_utils.host.shown import learn
from ..description.access import private_values_of_access
from ..description.resolve import resolve_apps
from ..description.role_variables import VARIABLES
from ..description.task_options import check_options
from ..description.tls import private_values
from ..description.undefined import problems_of
from ..description.url_secrets import url_secrets
from ..description.validate import AppError
from .host_action import HostAction

App = dict[str, t.Any]

# A module on a host finds an application by these keys.
_PLACES = ("name", "user", "root", "config_dir", "run_dir", "web_group", "own_dirs")
ALL = "all"


class AppsAction(HostAction):
    """Takes ``apps`` as written, ``variable`` for messages, and in playbooks ``only``, the name of an application or ``all``.

    ``left_out`` has the messages of applications that failed earlier in the run: nothing is done about them.
    """

    # Keys that this action needs, of those that a whole deployment requires.
    require: Sequence[str] = ("source", "wsgi")
    # The descriptions that were resolved last: as they were written, the keys that they needed, and complete. Roles often ask for the same ones.
    _resolved: tuple[t.Any, tuple[str, ...], list[App]] | None = None

    def arguments(self, **more: Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Return the task's arguments, checked.

        :param more: the specification of what the action takes beside the applications
        :raises AnsibleActionFail: with a line for each problem
        """
        spec = {
            "apps": {"type": "raw"},
            "variable": {"type": "str", "default": "flask_apps"},
            "left_out": {"type": "dict", "default": {}},
            **more,
        }
        # Null is the default, as of a variable that is there and empty.
        self._task.args = {name: value for name, value in self._task.args.items() if value is not None}
        try:
            check_options(self._task.args, spec)
        except AppError as error:
            raise AnsibleActionFail(str(error)) from None
        _result, args = self.validate_argument_spec(spec)
        return args

    def resolve(self, args: Mapping[str, t.Any], task_vars: Mapping[str, t.Any] | None) -> list[App]:
        """Return the complete descriptions; without the argument ``apps``, those of the variable. Applications of ``left_out`` are left out.

        :raises AnsibleActionFail: with a line for each problem
        """
        apps = args["apps"] if args["apps"] is not None else self.read(args["variable"], task_vars or {})
        if self._resolved is None or self._resolved[0] != apps or not set(self.require) <= set(self._resolved[1]):
            self._resolved = (apps, tuple(self.require), self._complete(apps, args["variable"]))
        return [app for app in self._resolved[2] if app["name"] not in args.get("left_out", {})]

    def _complete(self, apps: t.Any, variable: str) -> list[App]:
        """Return complete descriptions, and have their private values shown nowhere.

        :raises AnsibleActionFail: with a line for each problem
        """
        try:
            resolved = resolve_apps(apps, self.require, variable)
        except AppError as error:
            raise AnsibleActionFail(str(error)) from None
        for app in resolved:
            private = [*private_values(app), *url_secrets(app), *private_values_of_access(app["nginx"])]
            learn([*app["secrets"].values(), *app["build_env"].values(), *private])
        return resolved

    def read(self, variable: str, task_vars: Mapping[str, t.Any]) -> t.Any:
        """Return the value of a variable with descriptions.

        :raises AnsibleActionFail: if there is none; with a line for each place that cannot be evaluated
        """
        if variable not in task_vars:
            raise AnsibleActionFail(
                f"{variable} is not defined; write the list of applications into the inventory, see docs/applications.md."
            )
        problems = problems_of(variable, task_vars[variable], self._templar.template)
        if problems:
            raise AnsibleActionFail(problems)
        return self._templar.template(task_vars[variable])

    def variables_of(self, role: str, task_vars: Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Return the variables of a role as they were written, by name. An undefined variable is null, which means its default.

        :raises AnsibleActionFail: as :meth:`read` does
        """
        names = [name for name in VARIABLES if name.startswith(f"{role}_")]
        return {name: self.read(name, task_vars) if name in task_vars else None for name in names}


def with_failures(result: App, left_out: Mapping[str, str], failures: Mapping[str, str]) -> App:
    """Return a result that has ``failures``, and that has failed if there are new ones: a message for each application, and nothing twice.

    :param left_out: messages of applications that failed earlier in the run
    """
    failed = {"failed": True, "msg": "\n".join(failures.values())} if failures else {}
    return {**result, "failures": {**left_out, **failures}, **failed}


def present(apps: Sequence[App]) -> list[App]:
    """Return the applications that are to be there."""
    return [app for app in apps if app["state"] == "present"]


def chosen(apps: Sequence[App], only: str) -> list[App]:
    """Return the applications that an operator means.

    :param only: a name, or ``all``
    :raises AnsibleActionFail: where nothing has that name
    """
    found = [app for app in apps if only in (ALL, app["name"])]
    if not found:
        names = ", ".join(app["name"] for app in apps) or "none: the list is empty"
        raise AnsibleActionFail(f"app is '{only}', but must name an application; write -e app=NAME with one of {names}, or -e app={ALL}.")
    return found


def places(app: Mapping[str, t.Any]) -> App:
    """Return where an application lies on a host, and as whom it runs."""
    source = app.get("source", {})
    return {**{key: app[key] for key in _PLACES}, "prebuilt": [source[key] for key in ("prebuilt", "virtualenv") if key in source]}
