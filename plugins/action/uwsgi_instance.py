# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``uwsgi_instance``: render the files of every instance and name it by them."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible import constants as C
from ansible.plugins.action import ActionBase
from ansible_collections.flaskops.stack.plugins.plugin_utils.environment import environment_file
from ansible_collections.flaskops.stack.plugins.plugin_utils.fetch import locked
from ansible_collections.flaskops.stack.plugins.plugin_utils.identity import content_id, secret_digest
from ansible_collections.flaskops.stack.plugins.plugin_utils.instances import ask_host, host_app, stop_timeout, who
from ansible_collections.flaskops.stack.plugins.plugin_utils.release_plan import prebuilt_release
from ansible_collections.flaskops.stack.plugins.plugin_utils.render import render
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi_settings import instance_settings, stream_settings

App = dict[str, t.Any]

_HEADER = "# Managed by flaskops.stack; a change by hand does not last.\n"
_UNIT_TEMPLATE = "flask-app@.service.j2"
_DROP_IN_TEMPLATE = "instance.conf.j2"
# An overlay may hold what must run once, so it is for the other uWSGI alone.
_STREAM_TEMPLATE = "uwsgi.ini.j2"
_LIMITS = ("memory_max", "tasks_max")


def _given(release: t.Mapping[str, str]) -> dict[str, str]:
    """Return the environment that every application has."""
    return {
        "PATH": f"{release['virtualenv']}/bin:/usr/local/bin:/usr/bin:/bin",
        # For werkzeug's ProxyFix: however many proxies there are, the last one replaces what the others said.
        "FLASKOPS_PROXY_HOPS": "1",
    }


class ActionModule(ActionBase):
    """One round trip; one more where releases have to be asked for, and two where there are migrations."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _result, args = self.validate_argument_spec(
            {
                "apps": {"type": "list", "elements": "dict", "required": True},
                "releases": {"type": "dict", "default": {}},
                "secrets_key": {"type": "str", "no_log": True, "default": ""},
                "allow_rejected": {"type": "bool", "default": False},
                "lock_timeout": {"type": "int", "default": 60},
            }
        )
        present = [app for app in args["apps"] if app["state"] == "present"]
        releases = {**self._hosted_releases(present, args["releases"], task_vars), **args["releases"]}
        order = {
            "apps": [self._instance(app, releases[app["name"]], args["secrets_key"], task_vars) for app in present],
            "absent": [{**app["account"], "purge": app["purge"]} for app in args["apps"] if app["state"] == "absent"],
            "who": who(),
            "allow_rejected": args["allow_rejected"],
            "lock_timeout": args["lock_timeout"],
        }
        if not self._task.check_mode:
            self._migrate(order, task_vars)
        answer = ask_host(self, "apply", order, task_vars)
        for notice in answer["notices"]:
            self._display.warning(f"{task_vars.get('inventory_hostname')}: {notice}")
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
            found.update(ask_host(self, "last_built", {"apps": asked}, task_vars)["releases"])
        return found

    def _instance(self, app: App, release: dict[str, str], secrets_key: str, task_vars: dict[str, t.Any]) -> App:
        name = app["name"]
        variables = {
            "uwsgi_service_app": app,
            "uwsgi_service_release": release,
            "uwsgi_service_settings": instance_settings(app, release, stop_timeout(app)),
            "uwsgi_service_stop_timeout": stop_timeout(app),
            "uwsgi_service_limits": {key: app["uwsgi"].get(key) for key in _LIMITS},
            # Whether it is the pool for streams that is rendered.
            "uwsgi_service_pool": False,
            # The text is part of the id, so it must not depend on a controller's configuration.
            "ansible_managed": "Ansible managed",
        }
        files = {
            "ini": render(self, app["uwsgi"]["template"], variables, task_vars, f"{name}.uwsgi.template"),
            "env": _HEADER + environment_file({**_given(release), **app["env"]}),
            "secrets": _HEADER + environment_file(app["secrets"]),
        }
        on_host = host_app(app)
        unit = render(self, _UNIT_TEMPLATE, variables, task_vars, name)
        drop_in = render(self, _DROP_IN_TEMPLATE, variables, task_vars, name)
        identity = {
            "release": release["id"] or release["revision"],
            "ini": files["ini"],
            "env": files["env"],
            "secrets": secret_digest(app["secrets"], secrets_key or name),
            "unit": unit,
            "drop_in": drop_in,
            "static": on_host["static"],
        }
        pool = self._pool(app, release, variables, task_vars)
        if pool:
            identity["stream"] = pool
            files["stream"] = pool["ini"]
        return {
            **on_host,
            "id": content_id("instance", identity),
            "release": release,
            "files": files,
            "unit": unit,
            "drop_in": drop_in,
            **({"stream_unit": pool["unit"], "stream_drop_in": pool["drop_in"]} if pool else {}),
        }

    def _pool(self, app: App, release: dict[str, str], variables: App, task_vars: dict[str, t.Any]) -> dict[str, str]:
        """Return ini, unit and drop-in of the pool for streams, nothing where the application has none."""
        if app["uwsgi"]["stream"]["pool"] == "none":
            return {}
        own = {
            **variables,
            "uwsgi_service_settings": stream_settings(app, release, stop_timeout(app)),
            "uwsgi_service_limits": {key: app["uwsgi"]["stream"].get(key) for key in _LIMITS},
            "uwsgi_service_pool": True,
        }
        templates = {"ini": _STREAM_TEMPLATE, "unit": _UNIT_TEMPLATE, "drop_in": _DROP_IN_TEMPLATE}
        return {part: render(self, template, own, task_vars, f"{app['name']}.uwsgi.stream") for part, template in templates.items()}

    def _migrate(self, order: dict[str, t.Any], task_vars: dict[str, t.Any]) -> None:
        """Run the migrations of new releases on the first host that comes here; the others wait for it.

        Hosts with different interpreters have different releases of one source, so the source counts; and the environment, so that
        two of them in one run each migrate their own database.
        """
        apps = [app for app in order["apps"] if app["hooks"]["migrate"]]
        if not apps:
            return
        new = ask_host(self, "new_releases", {**order, "apps": apps}, task_vars)["new"]
        for app in (app for app in apps if app["name"] in new):
            deployment = {"revision": app["release"]["revision"], "environment": app["environment"], "hooks": app["hooks"]}
            # Removed by Ansible when the run ends, shared by its workers.
            done = Path(C.DEFAULT_LOCAL_TMP, f"flaskops-migrated-{app['name']}-{content_id('deployment', deployment)}")
            with locked(done):
                if not done.exists():
                    ask_host(self, "migrate", {**order, "apps": [app]}, task_vars)
                    done.touch()
