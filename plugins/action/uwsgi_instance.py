# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``uwsgi_instance``: render the files of every instance and name it by them."""

from __future__ import annotations

import base64
import json
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.flaskops.stack.plugins.plugin_utils.environment import environment_file
from ansible_collections.flaskops.stack.plugins.plugin_utils.identity import content_id, secret_digest
from ansible_collections.flaskops.stack.plugins.plugin_utils.release_plan import prebuilt_release
from ansible_collections.flaskops.stack.plugins.plugin_utils.render import render
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi_settings import instance_settings

App = dict[str, t.Any]

_HEADER = "# Managed by flaskops.stack; a change by hand does not last.\n"
_UNIT_TEMPLATE = "flask-app@.service.j2"
_DROP_IN_TEMPLATE = "instance.conf.j2"


class ActionModule(ActionBase):
    """One round trip, and one more where the release has to be asked for."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _result, args = self.validate_argument_spec(
            {
                "apps": {"type": "list", "elements": "dict", "required": True},
                "releases": {"type": "dict", "default": {}},
                "secrets_key": {"type": "str", "no_log": True, "default": ""},
            }
        )
        releases = {**self._hosted_releases(args["apps"], args["releases"], task_vars), **args["releases"]}
        instances = [self._instance(app, releases[app["name"]], args["secrets_key"], task_vars) for app in args["apps"]]
        payload = base64.b64encode(json.dumps(instances).encode()).decode()
        answer = self._execute_module("flaskops.stack.uwsgi_instance", module_args={"payload": payload}, task_vars=task_vars)
        answer.pop("invocation", None)
        return {**result, **answer}

    def _hosted_releases(self, apps: list[App], known: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the releases of applications that this run did not build: what stands on the host, or what the user points to."""
        found: dict[str, t.Any] = {}
        asked: list[dict[str, str]] = []
        for app in apps:
            source = app.get("source", {})
            if app["name"] in known:
                continue
            if "prebuilt" in source:
                found[app["name"]] = prebuilt_release(source)
            else:
                asked.append({"name": app["name"], "root": app["root"]})
        if asked:
            answer = self._execute_module(
                "flaskops.stack.uwsgi_instance", module_args={"mode": "releases", "apps": asked}, task_vars=task_vars
            )
            if answer.get("failed"):
                raise AnsibleActionFail(answer.get("msg", "the host did not tell its releases"))
            found.update(answer["releases"])
        return found

    def _instance(self, app: App, release: dict[str, str], secrets_key: str, task_vars: dict[str, t.Any]) -> App:
        name = app["name"]
        variables = {"uwsgi_service_app": app, "uwsgi_service_release": release, "uwsgi_service_settings": instance_settings(app, release)}
        files = {
            "ini": render(self, app["uwsgi"]["template"], variables, task_vars, f"{name}.uwsgi.template"),
            "env": _HEADER + environment_file({"PATH": f"{release['virtualenv']}/bin:/usr/local/bin:/usr/bin:/bin", **app["env"]}),
            "secrets": _HEADER + environment_file(app["secrets"]),
        }
        unit = render(self, _UNIT_TEMPLATE, variables, task_vars, name)
        drop_in = render(self, _DROP_IN_TEMPLATE, variables, task_vars, name)
        identity = {
            "release": release["id"] or release["revision"],
            "ini": files["ini"],
            "env": files["env"],
            "secrets": secret_digest(app["secrets"], secrets_key or name),
            "unit": unit,
            "drop_in": drop_in,
        }
        return {
            **{key: app[key] for key in ("name", "user", "root", "config_dir", "run_dir", "health", "drain_timeout", "keep_releases")},
            "id": content_id("instance", identity),
            "release": release,
            "files": files,
            "unit": unit,
            "drop_in": drop_in,
        }
