# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Instances of applications: candidates are started and gated, then switched to, then the old ones drain.

An instance is named by its content and never edited. Two symlinks tell which one is live: ``<config_dir>/live`` survives a boot,
``<socket>`` is what nginx follows at each connect; renaming the latter is the switch. Everything before it leaves the live
instance untouched, everything after it is made up for by the next run.
"""

from __future__ import annotations

import os
import pwd
import shutil
import time
import typing as t

from . import systemd
from .atomic import link_atomically, read_link, read_text, write_atomically
from .release_build import release_record
from .uwsgi_client import request

App = t.Mapping[str, t.Any]

UNIT_DIR = "/etc/systemd/system"
_POLL_SECONDS = 0.1
_BODY_SHOWN = 300


class InstanceFile(t.NamedTuple):
    """A file of an instance: its suffix in the configuration directory, and who may read it."""

    suffix: str
    mode: int
    by_group: bool


# Secrets are for systemd alone, which hands them to the process.
FILES = {
    "ini": InstanceFile(".ini", 0o640, True),
    "env": InstanceFile(".env", 0o640, True),
    "secrets": InstanceFile(".secrets", 0o600, False),
}


class Instance:
    """The instance an application should have, and what the host has."""

    def __init__(self, app: App) -> None:
        self.app, self.name, self.id = app, app["name"], app["id"]
        self.config_dir, self.run_dir, self.root = app["config_dir"], app["run_dir"], app["root"]
        self.unit = unit_name(self.name, self.id)
        self.template_path = f"{UNIT_DIR}/flask-{self.name}@.service"
        self.socket = f"{self.run_dir}/{self.id}.sock"

    @property
    def live_id(self) -> str:
        return live_id(self.app)

    def unit_of(self, other: str) -> str:
        return unit_name(self.name, other)

    def files(self) -> dict[str, tuple[str, int, bool]]:
        """Return content, mode and whether the group reads it, by path."""
        return {
            f"{self.config_dir}/{self.id}{file.suffix}": (self.app["files"][kind], file.mode, file.by_group) for kind, file in FILES.items()
        }

    def drop_in(self) -> str:
        return f"{UNIT_DIR}/{self.unit}.d/instance.conf"

    def unit_files(self) -> dict[str, str]:
        return {self.template_path: self.app["unit"], self.drop_in(): self.app["drop_in"]}

    def stale_files(self) -> list[str]:
        """Return the paths of files that are missing or were changed by hand."""
        texts = {path: text for path, (text, _mode, _group) in self.files().items()}
        return [path for path, text in {**texts, **self.unit_files()}.items() if read_text(path) != text]

    def write(self) -> None:
        group = pwd.getpwnam(self.app["user"]).pw_gid
        for path, (text, mode, by_group) in self.files().items():
            write_atomically(path, text, mode, group if by_group else 0)
        for path, text in self.unit_files().items():
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            write_atomically(path, text, 0o644)


def unit_name(name: str, instance: str) -> str:
    return f"flask-{name}@{instance}.service"


def live_id(app: App) -> str:
    """Return the id of the instance that requests go to, empty if there is none."""
    link = read_link(f"{app['run_dir']}/uwsgi.sock") or ""
    return os.path.basename(link)[: -len(".sock")] if link.endswith(".sock") else ""


def is_settled(instance: Instance, properties: t.Mapping[str, str]) -> bool:
    """Return whether nothing has to be done for an instance."""
    release = instance.app["release"]
    return (
        properties["ActiveState"] == "active"
        and properties["UnitFileState"] == "enabled"
        and instance.live_id == instance.id
        and read_link(f"{instance.config_dir}/live") == f"{instance.id}.ini"
        and (not release["id"] or read_link(f"{instance.root}/current") == f"releases/{release['id']}")
        and not instance.stale_files()
    )


class Problem(t.NamedTuple):
    """Why a candidate was refused."""

    name: str
    says: str
    log: list[str]

    def text(self) -> str:
        log = "".join(f"\n    {line}" for line in self.log) or "\n    (nothing)"
        return f"{self.name}: {self.says}. The live instance was not touched. The candidate's last log lines:{log}"


def gate(instances: t.Sequence[Instance]) -> list[Problem]:
    """Wait until every candidate is ready and healthy on its private socket; return what is wrong with those that are not."""
    began = time.monotonic()
    waiting = {instance.unit: instance for instance in instances}
    says: dict[str, str] = {}
    problems: list[Problem] = []
    while waiting:
        states = systemd.show(list(waiting))
        for unit, instance in list(waiting.items()):
            verdict, says[unit] = _examine(instance, states[unit])
            late = time.monotonic() - began > instance.app["health"]["timeout"]
            if verdict == "wait" and not late:
                continue
            del waiting[unit]
            if verdict != "good":
                limit = f" within {instance.app['health']['timeout']} s" if verdict == "wait" else ""
                problems.append(
                    Problem(instance.name, says[unit] + limit, systemd.journal(unit, invocation=states[unit].get("InvocationID", "")))
                )
        if waiting:
            time.sleep(_POLL_SECONDS)
    return problems


def _examine(instance: Instance, properties: t.Mapping[str, str]) -> tuple[str, str]:
    """Return ``good``, ``bad`` or ``wait``, and what there is to say."""
    state = properties["ActiveState"]
    if state == "failed" or properties["SubState"] == "auto-restart" or properties.get("NRestarts", "0") != "0":
        return "bad", f"the candidate {instance.id} exited with {properties['ExecMainStatus']} before it was ready"
    if state != "active":
        return "wait", f"the candidate {instance.id} was not ready (it is {state})"
    health = instance.app["health"]
    asked = f"the candidate {instance.id} was asked for {health['path']} (Host: {health['host']})"
    try:
        answer = request(instance.socket, health["path"], health["host"], timeout=max(1.0, health["timeout"] / 2))
    except (OSError, ValueError) as error:
        return "wait", f"{asked} and gave no answer ({error})"
    if answer.status in health["status"]:
        return "good", ""
    body = " ".join(answer.body.split())[:_BODY_SHOWN]
    return "wait", f"{asked} and answered {answer.status}, not one of {', '.join(map(str, health['status']))}, with the body '{body}'"


def switch(instance: Instance) -> None:
    """Make a gated candidate the live instance and let the old one drain."""
    old = instance.live_id
    systemd.enable(instance.unit)
    link_atomically(f"{instance.id}.ini", f"{instance.config_dir}/live")
    link_atomically(f"{instance.id}.sock", f"{instance.run_dir}/uwsgi.sock")
    if instance.app["release"]["id"]:
        link_atomically(f"releases/{instance.app['release']['id']}", f"{instance.root}/current")
    if old and old != instance.id:
        link_atomically(f"{old}.ini", f"{instance.config_dir}/previous")
        systemd.disable(unit_name(instance.name, old))


def drain(instance: Instance) -> None:
    """Have every other running instance of the application stopped after its drain time, without waiting for it."""
    others = [name for name in known_ids(instance.app) if name != instance.id]
    states = systemd.show([unit_name(instance.name, other) for other in others])
    for other, state in zip(others, states.values(), strict=True):
        timer = f"flask-{instance.name}-drain-{other}"
        if (
            state["ActiveState"] in ("active", "activating")
            and systemd.show([f"{timer}.timer"])[f"{timer}.timer"]["ActiveState"] != "active"
        ):
            systemd.stop_later(unit_name(instance.name, other), instance.app["drain_timeout"], timer)


def known_ids(app: App) -> list[str]:
    """Return the ids of all instances of an application that have a configuration."""
    try:
        return sorted(name[: -len(".ini")] for name in os.listdir(app["config_dir"]) if name.endswith(".ini") and not name.startswith("."))
    except FileNotFoundError:
        return []


def discard(instance: Instance, template_before: str | None) -> None:
    """Take a refused candidate away with its release; what it would have replaced stays as it was."""
    systemd.stop([instance.unit])
    systemd.reset_failed([instance.unit])
    remove_instance(instance.app, instance.id)
    if template_before is None:
        _unlink(instance.template_path)
    elif read_text(instance.template_path) != template_before:
        write_atomically(instance.template_path, template_before, 0o644)
    release, root = instance.app["release"]["id"], instance.root
    if release and not _is_configured(instance.app, f"{root}/releases/{release}"):
        current = read_link(f"{root}/current")
        if current:
            link_atomically(current, f"{root}/next")
        else:
            _unlink(f"{root}/next")
        _remove_release(root, release)
        _prune_virtualenvs(root)


def remove_instance(app: App, name: str) -> None:
    """Remove the files of an instance that does not run."""
    for file in FILES.values():
        _unlink(f"{app['config_dir']}/{name}{file.suffix}")
    shutil.rmtree(f"{UNIT_DIR}/{unit_name(app['name'], name)}.d", ignore_errors=True)
    _unlink(f"{UNIT_DIR}/multi-user.target.wants/{unit_name(app['name'], name)}")


def prune(instance: Instance) -> list[str]:
    """Remove instances, releases and virtualenvs that nothing refers to any more; return what went.

    The live and the previous instance, running ones, their releases, and the newest ``keep_releases`` stay.
    """
    app, removed = instance.app, []  # type: App, list[str]
    previous = (read_link(f"{instance.config_dir}/previous") or "")[: -len(".ini")]
    others = [name for name in known_ids(app) if name not in (instance.id, previous)]
    states = systemd.show([unit_name(instance.name, other) for other in others])
    for other, state in zip(others, states.values(), strict=True):
        if state["ActiveState"] in ("inactive", "failed"):
            remove_instance(app, other)
            removed.append(f"{instance.config_dir}/{other}.ini")
    return removed + (_prune_releases(app) if app["release"]["id"] else [])


def _prune_releases(app: App) -> list[str]:
    root, removed = app["root"], []
    releases = _by_age(f"{root}/releases")
    linked = {os.path.basename(read_link(f"{root}/{link}") or "") for link in ("current", "next")}
    used = linked | {release for release in releases if _is_configured(app, f"{root}/releases/{release}")}
    keep = used | set([release for release in releases if release not in used][: max(0, app["keep_releases"] - len(used))])
    for release in releases:
        if release not in keep:
            _remove_release(root, release)
            removed.append(f"{root}/releases/{release}")
    return removed + _prune_virtualenvs(root)


def _remove_release(root: str, release: str) -> None:
    shutil.rmtree(f"{root}/releases/{release}", ignore_errors=True)
    _unlink(f"{root}/releases/{release}.json")


def _prune_virtualenvs(root: str) -> list[str]:
    """Remove the virtualenvs that no release refers to."""
    needed = {release_record(root, release).get("virtualenv") for release in _by_age(f"{root}/releases")}
    unneeded = [f"{root}/venvs/{name}" for name in _by_age(f"{root}/venvs") if name not in needed]
    for virtualenv in unneeded:
        shutil.rmtree(virtualenv)
    return unneeded


def _is_configured(app: App, release_path: str) -> bool:
    """Return whether an instance on the host runs from a release."""
    return any(release_path in (read_text(f"{app['config_dir']}/{name}.ini") or "") for name in known_ids(app))


def _by_age(directory: str) -> list[str]:
    """Return the entries of a directory of releases or virtualenvs, the newest first."""
    try:
        entries = [entry for entry in os.scandir(directory) if entry.is_dir() and not entry.name.startswith(".")]
    except FileNotFoundError:
        return []
    return [entry.name for entry in sorted(entries, key=lambda entry: (-entry.stat().st_mtime_ns, entry.name))]


def _unlink(path: str) -> None:
    if os.path.lexists(path):
        os.unlink(path)
