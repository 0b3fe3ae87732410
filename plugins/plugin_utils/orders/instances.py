# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Orders of instances for a host: the rendered files of each, and the names that come from them."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping, Sequence

from ...module_utils.app.layout import Layout, Release
from ...module_utils.app.orders import AbsentApp, InstanceOrder, SealedSecrets
from ...module_utils.app.search_paths import search_paths
from ...module_utils.host.environment_file import environment_file
from ...module_utils.host.managed import HEADER
from ..action.app_hosts import SERVERS, first_host, patterns_of
from ..action.apps_action import AppsAction, places
from ..action.host import host_app, stop_timeout
from ..identity import content_id, order_digest
from ..template.render import Job, render_by_application
from ..uwsgi import sandbox
from ..uwsgi.settings import instance_settings, stream_settings
from ..uwsgi.websocket import loaded, opens_websockets
from ..uwsgi.worker_units import LOCAL_SERVICES, numbered, timer_start, worker_start

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


def _instance(app: App, release: dict[str, str], sealed: SealedSecrets | None, rendered: dict[str, str], first: bool) -> InstanceOrder:
    """Return what the host needs of an instance, which is named by it.

    :param sealed: the digest of its secrets, ``None`` if it has none
    :param first: whether the host is the first one of the application, which has the workers with ``hosts: one``
    """
    on_host = host_app(app)
    files = {
        "ini": rendered["ini"],
        "env": HEADER + environment_file(_environment(app, release)),
        "secrets": HEADER + environment_file(app["secrets"]),
    }
    identity = {
        "release": release["id"] or release["revision"],
        "ini": files["ini"],
        "env": files["env"],
        "secrets": sealed["digest"] if sealed else "",
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
    return t.cast("InstanceOrder", {**order, **beside, **({"sealed": sealed} if sealed else {})})


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


def _absent(app: App) -> AbsentApp:
    return {**places(app), "purge": app["purge"]}


class HostOrder(t.NamedTuple):
    """The instances that a host is to run, the accounts that they need, and the applications that are to be gone.

    ``failures`` has messages of applications that cannot be ordered. ``digest`` names the order by what decides its result; it is empty with failures.
    """

    apps: list[InstanceOrder]
    accounts: list[App]
    absent: list[AbsentApp]
    failures: dict[str, str]
    digest: str


def host_order(
    action: AppsAction,
    apps: Sequence[App],
    releases: Mapping[str, dict[str, str]],
    seal: Callable[[App], SealedSecrets | None],
    allow_rejected: bool,
    task_vars: dict[str, t.Any],
) -> HostOrder:
    """Return what a host is asked to run.

    :param apps: complete descriptions, also of applications that are absent; those that are present and have no release are left out
    :param seal: returns the digest of an application's secrets, ``None`` if it has none
    """
    wanted = [app for app in apps if app["state"] == "present" and app["name"] in releases]
    jobs = {app["name"]: _templates(app, releases[app["name"]]) for app in wanted}
    texts, failures = render_by_application(action, {name: list(parts.values()) for name, parts in jobs.items()}, task_vars)
    rendered = {name: dict(zip(jobs[name], own, strict=True)) for name, own in texts.items()}
    instances = [
        _instance(app, releases[app["name"]], seal(app), rendered[app["name"]], has_single_workers(action, app, task_vars))
        for app in wanted
        if app["name"] in rendered
    ]
    accounts = [places(app) for app in wanted if app["name"] in rendered]
    absent = [_absent(app) for app in apps if app["state"] == "absent"]
    digest = "" if failures else _digest(instances, accounts, absent, allow_rejected)
    return HostOrder(instances, accounts, absent, failures, digest)


def _digest(instances: list[InstanceOrder], accounts: list[App], absent: list[AbsentApp], allow_rejected: bool) -> str:
    """Return the name of an order by what decides its result. The ids of the instances stand for the secrets."""
    apps = [{**app, "files": {kind: text for kind, text in app["files"].items() if kind != "secrets"}} for app in instances]
    return order_digest({"apps": apps, "accounts": accounts, "absent": absent, "allow_rejected": allow_rejected})


def has_single_workers(action: AppsAction, app: App, task_vars: App) -> bool:
    """Return whether this host has the workers and timers with ``hosts: one``, and tell if another host has them that is not in the run."""
    single = [each["name"] for each in [*app["workers"], *app["timers"]] if each["hosts"] == "one"]
    if not single:
        return False
    servers = action._templar.template(task_vars[SERVERS]) if SERVERS in task_vars else []
    first = first_host(app["name"], task_vars, patterns_of(action._task), servers)
    if first not in task_vars.get("ansible_play_hosts", [first]):
        action._display.warning(
            f"{app['name']}: {', '.join(single)} with hosts: one stay on {first}, which this run leaves out or has lost, in the release that is"
            " live there; a run with that host brings them up to date. If it is gone for good, take it out of the inventory."
        )
    return bool(first == task_vars.get("inventory_hostname"))
