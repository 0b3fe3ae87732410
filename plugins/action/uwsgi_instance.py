# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller half of ``uwsgi_instance``: render the files of every instance, and compute the instance id from them."""

from __future__ import annotations

import base64
import typing as t
from pathlib import Path

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible_collections.flaskops.stack.plugins.module_utils.app.layout import Layout, Release
from ansible_collections.flaskops.stack.plugins.module_utils.app.orders import AbsentApp, InstanceOrder
from ansible_collections.flaskops.stack.plugins.module_utils.app.search_paths import search_paths
from ansible_collections.flaskops.stack.plugins.module_utils.host.environment_file import environment_file
from ansible_collections.flaskops.stack.plugins.module_utils.host.managed import HEADER
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.app_hosts import first_host, patterns_of
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.apps_action import AppsAction, places, present, with_failures
from ansible_collections.flaskops.stack.plugins.plugin_utils.action.host import ask_host, host_app, stop_timeout, who, with_environment
from ansible_collections.flaskops.stack.plugins.plugin_utils.host_program import TRIAL, host_program
from ansible_collections.flaskops.stack.plugins.plugin_utils.identity import content_id, order_digest, secret_digest
from ansible_collections.flaskops.stack.plugins.plugin_utils.release.plan import prebuilt_release
from ansible_collections.flaskops.stack.plugins.plugin_utils.source.cache import locked
from ansible_collections.flaskops.stack.plugins.plugin_utils.template.render import Job, render_by_application
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi import sandbox
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi.settings import instance_settings, stream_settings
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi.websocket import loaded, opens_websockets
from ansible_collections.flaskops.stack.plugins.plugin_utils.uwsgi.worker_units import LOCAL_SERVICES, numbered, timer_start, worker_start

App = dict[str, t.Any]

_UNIT_TEMPLATE = "flask-app@.service.j2"
_DROP_IN_TEMPLATE = "instance.conf.j2"
_WORKER_TEMPLATE = "worker.service.j2"
# Parts of an instance with these names, followed by the name of a worker, are the units of its workers.
_WORKER = "worker "
_TIMER_TEMPLATES = {"timer": "timer.timer.j2", "service": "timer.service.j2"}
# The pool never uses an overlay, since an overlay may contain something that must run only once.
_STREAM_TEMPLATE = "uwsgi.ini.j2"
_WEBSOCKET_TEMPLATE = "websocket.py.j2"
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
        "uwsgi_service_mount": Layout(app).mount_unit,
        "uwsgi_service_local_services": LOCAL_SERVICES,
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
        **_templates_beside(app, common),
    }
    if uwsgi["stream"]["pool"] == "none":
        return jobs
    pool = {
        **common,
        "uwsgi_service_settings": stream_settings(app, release, stop_timeout(app)),
        "uwsgi_service_limits": {key: uwsgi["stream"].get(key) for key in _LIMITS},
        "uwsgi_service_pool": True,
        "uwsgi_service_loaded": loaded(app["wsgi"], release.get("callable", "")),
    }
    templates = {"stream_ini": _STREAM_TEMPLATE, "stream_unit": _UNIT_TEMPLATE, "stream_drop_in": _DROP_IN_TEMPLATE}
    if opens_websockets(app):
        templates["stream_websocket"] = _WEBSOCKET_TEMPLATE
    return {**jobs, **{part: Job(template, pool, f"{name}.uwsgi.stream") for part, template in templates.items()}}


def _templates_beside(app: App, common: App) -> dict[str, Job]:
    """Return the render jobs of the workers and timers of an instance."""
    jobs: dict[str, Job] = {}
    for worker in app["workers"]:
        described = {**common, "uwsgi_service_worker": {**worker, "start": worker_start(app, worker)}}
        jobs[_WORKER + worker["name"]] = Job(_WORKER_TEMPLATE, described, f"{app['name']}.workers")
    for timer in app["timers"]:
        described = {**common, "uwsgi_service_timer": {**timer, "start": timer_start(app, timer)}}
        jobs |= {
            f"{kind} {timer['name']}": Job(template, described, f"{app['name']}.timers") for kind, template in _TIMER_TEMPLATES.items()
        }
    return jobs


def _instance(app: App, release: dict[str, str], secrets_key: str, rendered: dict[str, str], first: bool) -> InstanceOrder:
    """Return what the host needs of an instance, which is named by it.

    :param first: whether the host is the first one of the application, which has the workers with ``hosts: one``
    """
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
    pool = {part: rendered[f"stream_{part}"] for part in ("ini", "unit", "drop_in", "websocket") if f"stream_{part}" in rendered}
    if pool:
        identity["stream"] = pool
        files |= {kind: pool[part] for kind, part in (("stream", "ini"), ("websocket", "websocket")) if part in pool}
    if on_host["error_pages"]:
        identity["error_pages"] = on_host["error_pages"]
    in_id, beside = _beside(app, rendered, first)
    order: InstanceOrder = {
        **on_host,
        "id": content_id("instance", {**identity, **in_id}),
        "release": release,
        "files": files,
        "unit": rendered["unit"],
        "drop_in": rendered["drop_in"],
    }
    if pool:
        order["stream_unit"], order["stream_drop_in"] = pool["unit"], pool["drop_in"]
    return t.cast("InstanceOrder", {**order, **beside})


def _beside(app: App, rendered: dict[str, str], first: bool) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """Return the workers and timers of an instance, as far as there are any: as parts of its id, and as the host is to have them.

    An id has those of all hosts, so that an instance has the same one everywhere.
    """
    workers = {worker["name"]: rendered[_WORKER + worker["name"]] for worker in app["workers"]}
    timers = {timer["name"]: {kind: rendered[f"{kind} {timer['name']}"] for kind in _TIMER_TEMPLATES} for timer in app["timers"]}
    identity = {
        "workers": [[workers[worker["name"]], worker["count"], worker["hosts"]] for worker in app["workers"]],
        "timers": [[timers[timer["name"]], timer["name"], timer["hosts"]] for timer in app["timers"]],
    }
    here = {
        "workers": {worker: workers[worker.partition(".")[0]] for worker in numbered(app, {"all": True, "one": first})},
        "timers": {timer["name"]: timers[timer["name"]] for timer in app["timers"] if timer["hosts"] == "all" or first},
    }
    return {kind: found for kind, found in identity.items() if found}, {kind: found for kind, found in here.items() if found}


def _digest(instances: list[InstanceOrder], accounts: list[App], absent: list[AbsentApp], allow_rejected: bool) -> str:
    """Return the name of an order by what decides its result. The ids of the instances stand for the secrets."""
    apps = [{**app, "files": {kind: text for kind, text in app["files"].items() if kind != "secrets"}} for app in instances]
    return order_digest({"apps": apps, "accounts": accounts, "absent": absent, "allow_rejected": allow_rejected})


def _single(app: App) -> list[str]:
    """Return the workers and timers of an application that one host alone has."""
    return [each["name"] for each in [*app["workers"], *app["timers"]] if each["hosts"] == "one"]


def _absent(app: App) -> AbsentApp:
    return {**places(app), "purge": app["purge"]}


class ActionModule(AppsAction):
    """One round trip, and none where an earlier look has told that nothing would change.

    There is one more where releases have to be asked for, and there are two more where there are migrations.
    """

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
            trial={"type": "int", "default": 0},
            settled={"type": "dict", "default": {}},
        )
        apps = self.resolve(args, task_vars)
        wanted = present(apps)
        hosted, failures = self._hosted_releases(wanted, args["releases"], task_vars)
        releases = {**hosted, **args["releases"]}
        wanted = [app for app in wanted if app["name"] not in failures]
        instances, unrendered = self._instances(wanted, releases, args["secrets_key"], task_vars)
        failures |= unrendered
        accounts = [places(app) for app in wanted if app["name"] not in failures]
        absent = [_absent(app) for app in apps if app["state"] == "absent"]
        order = {
            "apps": instances,
            "accounts": accounts,
            "absent": absent,
            "who": who(),
            "allow_rejected": args["allow_rejected"],
            "digest": "" if failures else _digest(instances, accounts, absent, args["allow_rejected"]),
            "lock_timeout": args["lock_timeout"],
            "trial": {"seconds": args["trial"], "program": base64.b64encode(host_program(TRIAL) if args["trial"] else b"").decode()},
        }
        if order["digest"] and args["settled"].get("digest") == order["digest"]:
            return with_failures({**result, **args["settled"]["result"]}, args["left_out"], {})
        answer = self._carry_out(order, {app["name"]: app for app in wanted}, failures, task_vars)
        for notice in answer["notices"]:
            self._display.warning(f"{task_vars.get('inventory_hostname')}: {notice}")
        return with_failures({**result, **answer}, args["left_out"], {**failures, **answer["failures"]})

    def _carry_out(
        self, order: dict[str, t.Any], described: dict[str, App], failures: dict[str, str], task_vars: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        """Run migrations and have the host switch; return its answer.

        :param failures: messages of applications that have failed so far; those of migrations are added
        :raises AnsibleActionFail: if the host cannot do anything, with these messages before its own
        """
        try:
            if not self._task.check_mode:
                failures |= self._migrate(order, described, task_vars)
                left = [app for app in order["apps"] if app["name"] not in failures]
                if failures:
                    # The host does not get all of what the digest stands for.
                    order["digest"] = ""
                order["apps"] = with_environment(left, "after_switch", described)
                order["accounts"] = [app for app in order["accounts"] if app["name"] not in failures]
            return ask_host(self, "apply", order, task_vars)
        except AnsibleActionFail as error:
            raise AnsibleActionFail("\n".join([*failures.values(), str(error)])) from None

    def _hosted_releases(
        self, apps: list[App], known: dict[str, t.Any], task_vars: dict[str, t.Any]
    ) -> tuple[dict[str, t.Any], dict[str, str]]:
        """Return the releases of applications that this run did not build: prebuilt ones, or the last ones on the host.

        Messages of applications without a release come second.
        """
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
        if not asked:
            return found, {}
        answer = ask_host(self, "last_built", {"apps": asked}, task_vars)
        return {**found, **answer["releases"]}, answer["failures"]

    def _instances(
        self, apps: list[App], releases: dict[str, t.Any], secrets_key: str, task_vars: dict[str, t.Any]
    ) -> tuple[list[InstanceOrder], dict[str, str]]:
        """Render the files of all instances, and name the instances; messages of applications with a template that fails come second."""
        jobs = {app["name"]: _templates(app, releases[app["name"]]) for app in apps}
        texts, failures = render_by_application(self, {name: list(parts.values()) for name, parts in jobs.items()}, task_vars)
        rendered = {name: dict(zip(jobs[name], own, strict=True)) for name, own in texts.items()}
        return [
            _instance(app, releases[app["name"]], secrets_key, rendered[app["name"]], self._has_single_workers(app, task_vars))
            for app in apps
            if app["name"] in rendered
        ], failures

    def _has_single_workers(self, app: App, task_vars: App) -> bool:
        """Return whether this host has the workers and timers with ``hosts: one``, and tell if a host has them that ``--limit`` leaves out."""
        single = _single(app)
        if not single:
            return False
        first = first_host(app["name"], task_vars, patterns_of(self._task))
        if first not in task_vars.get("ansible_play_hosts_all", [first]):
            self._display.warning(
                f"{app['name']}: {', '.join(single)} with hosts: one stay on {first}, which --limit leaves out, in the release that is live there;"
                " a run without --limit brings them up to date."
            )
        return bool(first == task_vars.get("inventory_hostname"))

    def _migrate(self, order: dict[str, t.Any], described: dict[str, App], task_vars: dict[str, t.Any]) -> dict[str, str]:
        """Run the migrations of new releases on the first host that comes here; the others wait for it. Return messages of those that failed.

        A marker file stands for one migration. Its name contains the revision of the source and not the release id, since hosts with
        different interpreters have different releases of one source. It contains the environment, since each environment of a run
        may have its own database.
        """
        apps = [app for app in order["apps"] if app["hooks"]["migrate"]]
        if not apps:
            return {}
        answer = ask_host(self, "new_releases", {**order, "apps": apps}, task_vars)
        failures: dict[str, str] = answer["failures"]
        for app in with_environment([app for app in apps if app["name"] in answer["new"]], "migrate", described):
            deployment = {"revision": app["release"]["revision"], "environment": app["environment"], "hooks": app["hooks"]}
            # Ansible shares this directory among the workers of a run, and removes it when the run ends.
            done = Path(C.DEFAULT_LOCAL_TMP, f"flaskops-migrated-{app['name']}-{content_id('deployment', deployment)}")
            with locked(done):
                if not done.exists():
                    accounts = [account for account in order["accounts"] if account["name"] == app["name"]]
                    failed = ask_host(self, "migrate", {**order, "apps": [app], "accounts": accounts}, task_vars)["failures"]
                    failures |= failed
                    if not failed:
                        done.touch()
        return failures
