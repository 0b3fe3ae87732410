# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``uwsgi_instance``: render the files of every instance, and compute the instance id from them."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible import constants as C
from ansible_collections.flaskops.stack.plugins.module_utils.app.layout import Layout, Release
from ansible_collections.flaskops.stack.plugins.module_utils.app.orders import AbsentApp, InstanceOrder
from ansible_collections.flaskops.stack.plugins.module_utils.app.search_paths import search_paths
from ansible_collections.flaskops.stack.plugins.module_utils.host.environment_file import environment_file
from ansible_collections.flaskops.stack.plugins.module_utils.host.managed import HEADER
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import AppsAction, places, present
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.host import ask_host, host_app, stop_timeout, who, with_environment
from ansible_collections.flaskops.stack.plugins.plugin_utils.identity import content_id, secret_digest
from ansible_collections.flaskops.stack.plugins.plugin_utils.release.plan import prebuilt_release
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.cache import locked
from ansible_collections.flaskops.stack.plugins.plugin_utils.template.render import Job, render_all
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi import sandbox
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi.settings import instance_settings, stream_settings

App = dict[str, t.Any]

_UNIT_TEMPLATE = "flask-app@.service.j2"
_DROP_IN_TEMPLATE = "instance.conf.j2"
# The pool never uses an overlay, since an overlay may contain something that must run only once.
_STREAM_TEMPLATE = "uwsgi.ini.j2"
_LIMITS = ("memory_max", "tasks_max")


def _environment(app: App, release: dict[str, str]) -> dict[str, str]:
    """Return the environment of an instance without its secrets."""
    return {
        # For werkzeug's ProxyFix: however many proxies there are, the last one replaces what the others said.
        "FLASKOPS_PROXY_HOPS": "1",
        **app["env"],
        **search_paths(Release.from_dict(release), app["env"], "/usr/local/bin:/usr/bin:/bin"),
    }


def _templates(app: App, release: dict[str, str]) -> dict[str, Job]:
    """Return the render jobs of an instance by part; the parts of its stream pool begin with ``stream``."""
    name, uwsgi = app["name"], app["uwsgi"]
    common = {
        "uwsgi_service_app": app,
        "uwsgi_service_release": release,
        "uwsgi_service_stop_timeout": stop_timeout(app),
        "uwsgi_service_own_dir": Layout(app).own_dir,
        "uwsgi_service_sandbox": {"fixed": sandbox.fixed(app), "chosen": sandbox.chosen(app["sandbox"])},
    }
    own = {
        **common,
        "uwsgi_service_settings": instance_settings(app, release, stop_timeout(app)),
        "uwsgi_service_limits": {key: uwsgi.get(key) for key in _LIMITS},
        # The templates of the stream pool get True here.
        "uwsgi_service_pool": False,
    }
    jobs = {
        "ini": Job(uwsgi["template"], own, f"{name}.uwsgi.template"),
        "unit": Job(_UNIT_TEMPLATE, own, name),
        "drop_in": Job(_DROP_IN_TEMPLATE, own, name),
    }
    if uwsgi["stream"]["pool"] == "none":
        return jobs
    pool = {
        **common,
        "uwsgi_service_settings": stream_settings(app, release, stop_timeout(app)),
        "uwsgi_service_limits": {key: uwsgi["stream"].get(key) for key in _LIMITS},
        "uwsgi_service_pool": True,
    }
    templates = {"stream_ini": _STREAM_TEMPLATE, "stream_unit": _UNIT_TEMPLATE, "stream_drop_in": _DROP_IN_TEMPLATE}
    return {**jobs, **{part: Job(template, pool, f"{name}.uwsgi.stream") for part, template in templates.items()}}


def _instance(app: App, release: dict[str, str], secrets_key: str, rendered: dict[str, str]) -> InstanceOrder:
    """Return what the host needs of an instance, which is named by it."""
    name, on_host = app["name"], host_app(app)
    files = {
        "ini": rendered["ini"],
        "env": HEADER + environment_file(_environment(app, release)),
        "secrets": HEADER + environment_file(app["secrets"]),
    }
    identity = {
        "release": release["id"] or release["revision"],
        "ini": files["ini"],
        "env": files["env"],
        "secrets": secret_digest(app["secrets"], secrets_key or name),
        "unit": rendered["unit"],
        "drop_in": rendered["drop_in"],
        "static": on_host["static"],
    }
    pool = {part: rendered[f"stream_{part}"] for part in ("ini", "unit", "drop_in") if f"stream_{part}" in rendered}
    if pool:
        identity["stream"] = pool
        files["stream"] = pool["ini"]
    order: InstanceOrder = {
        **on_host,
        "id": content_id("instance", identity),
        "release": release,
        "files": files,
        "unit": rendered["unit"],
        "drop_in": rendered["drop_in"],
    }
    if pool:
        order["stream_unit"], order["stream_drop_in"] = pool["unit"], pool["drop_in"]
    return order


def _absent(app: App) -> AbsentApp:
    return {**places(app), "purge": app["purge"]}


class ActionModule(AppsAction):
    """One round trip; one more where releases have to be asked for, and two where there are migrations."""

    require = ("wsgi",)
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        args = self.arguments(
            releases={"type": "dict", "default": {}},
            secrets_key={"type": "str", "no_log": True, "default": ""},
            allow_rejected={"type": "bool", "default": False},
            lock_timeout={"type": "int", "default": 60},
        )
        apps = self.resolve(args, task_vars)
        wanted = present(apps)
        releases = {**self._hosted_releases(wanted, args["releases"], task_vars), **args["releases"]}
        order = {
            "apps": self._instances(wanted, releases, args["secrets_key"], task_vars),
            "accounts": [places(app) for app in wanted],
            "absent": [_absent(app) for app in apps if app["state"] == "absent"],
            "who": who(),
            "allow_rejected": args["allow_rejected"],
            "lock_timeout": args["lock_timeout"],
        }
        if not self._task.check_mode:
            described = {app["name"]: app for app in wanted}
            self._migrate(order, described, task_vars)
            order["apps"] = with_environment(order["apps"], "after_switch", described)
        answer = ask_host(self, "apply", order, task_vars)
        for notice in answer["notices"]:
            self._display.warning(f"{task_vars.get('inventory_hostname')}: {notice}")
        return {**result, **answer}

    def _hosted_releases(self, apps: list[App], known: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the releases of applications that this run did not build: prebuilt ones, or the last ones on the host."""
        found: dict[str, t.Any] = {}
        asked: list[dict[str, str]] = []
        for app in apps:
            source = app.get("source", {})
            if app["name"] in known:
                continue
            if "prebuilt" in source:
                found[app["name"]] = prebuilt_release(source)._asdict()
            else:
                asked.append({"name": app["name"], "root": app["root"]})
        if asked:
            found.update(ask_host(self, "last_built", {"apps": asked}, task_vars)["releases"])
        return found

    def _instances(self, apps: list[App], releases: dict[str, t.Any], secrets_key: str, task_vars: dict[str, t.Any]) -> list[InstanceOrder]:
        """Render the files of all instances, each template once for all applications, and name the instances."""
        wanted = [_templates(app, releases[app["name"]]) for app in apps]
        texts = iter(render_all(self, [job for jobs in wanted for job in jobs.values()], task_vars))
        rendered = [{part: next(texts) for part in jobs} for jobs in wanted]
        return [_instance(app, releases[app["name"]], secrets_key, own) for app, own in zip(apps, rendered, strict=True)]

    def _migrate(self, order: dict[str, t.Any], described: dict[str, App], task_vars: dict[str, t.Any]) -> None:
        """Run the migrations of new releases on the first host that comes here; the others wait for it.

        A marker file stands for one migration. Its name contains the revision of the source and not the release id, since hosts with
        different interpreters have different releases of one source. It contains the environment, since each environment of a run
        may have its own database.
        """
        apps = [app for app in order["apps"] if app["hooks"]["migrate"]]
        if not apps:
            return
        new = ask_host(self, "new_releases", {**order, "apps": apps}, task_vars)["new"]
        for app in with_environment([app for app in apps if app["name"] in new], "migrate", described):
            deployment = {"revision": app["release"]["revision"], "environment": app["environment"], "hooks": app["hooks"]}
            # Ansible shares this directory among the workers of a run, and removes it when the run ends.
            done = Path(C.DEFAULT_LOCAL_TMP, f"flaskops-migrated-{app['name']}-{content_id('deployment', deployment)}")
            with locked(done):
                if not done.exists():
                    ask_host(self, "migrate", {**order, "apps": [app]}, task_vars)
                    done.touch()
