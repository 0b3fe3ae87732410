# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Deployments and rollbacks of all applications of a host: every candidate goes through the gate, or nothing live changes."""

from __future__ import annotations

import os
import time
import typing as t

from ..app import history
from ..host import systemd
from ..host.as_user import CommandError, run_hooks
from ..host.files import read_link, read_text
from ..release.build import release_record
from . import removal, switch
from .gate import gate
from .instance import (
    FILES,
    Instance,
    MissingDirectoryError,
    drop_in_path,
    instance_record,
    known_ids,
    live_id,
    previous_id,
    stream_template_path,
    template_path,
    units_of,
)

App = t.Mapping[str, t.Any]


class DeployError(Exception):
    """A run that failed; the message has a line or more for each application, with what to do."""


class Outcome(t.NamedTuple):
    """What a run did."""

    changed: bool
    instances: dict[str, t.Any]
    diff: list[dict[str, str]]
    removed: list[str]
    notices: list[str]


def deploy(wanted: t.Sequence[Instance], absent: t.Sequence[App], who: str, allow_rejected: bool, check: bool) -> Outcome:
    """Bring every instance up and switch to it, and take away what is to be absent.

    :param who: whom the history names
    :param allow_rejected: whether releases and instances that were taken back are deployed again
    :param check: whether to tell only what would be done
    :raises DeployError: when a candidate fails; nothing live has changed then
    """
    states = systemd.show([unit for instance in wanted for unit in instance.units])
    notices: dict[str, str] = {} if allow_rejected else _rejected(wanted)
    strays = switch.strays(wanted)
    pending = [
        instance for instance in wanted if instance.name not in notices and (strays[instance.name] or not instance.is_settled(states))
    ]
    leaving = {app["name"]: removal.pending(app) for app in absent}
    gone = [path for paths in leaving.values() for path in paths]
    diff = [_diff(instance) for instance in pending] + [_removal_diff(name, paths) for name, paths in leaving.items() if paths]
    removed = list(gone)
    if not check:
        if pending:
            _bring_up(pending, who, "deploy")
            for instance in pending:
                history.forgive(instance.root, (instance.id, instance.release["id"]))
            removed += [path for instance in pending for path in switch.prune(instance)]
        for app in absent:
            removal.remove(app)
        try:
            _after_switch(pending)
        finally:
            _finish(pending)
    instances = {
        instance.name: {"id": instance.live_id if instance.name in notices else instance.id, "switched": instance in pending}
        for instance in wanted
    }
    return Outcome(bool(pending or gone), instances, diff, removed, sorted(notices.values()))


def migrate(wanted: t.Sequence[Instance], who: str) -> None:
    """Run the migrations of new releases.

    :raises DeployError: when one fails; its release is taken away, nothing live has changed
    """
    for instance in wanted:
        began = time.monotonic()
        try:
            run_hooks("migrate", instance.app, instance.release["path"], instance.release["virtualenv"])
        except CommandError as error:
            seconds = {"migrate": time.monotonic() - began}
            _record(instance, who, "deploy", "failed", str(error), {instance.name: instance.live_id}, seconds)
            switch.discard_release(instance)
            raise DeployError(f"{instance.name}: {error}\nNothing was switched.") from error


def rollback(live: t.Sequence[tuple[App, str]], who: str, check: bool) -> Outcome:
    """Go back from the live instance of applications to the previous one or to a named release.

    :param live: for each application its description and the release to go to, empty for the previous instance
    :raises DeployError: when there is nothing to go back to, or it fails; nothing live has changed then
    """
    problems: list[str] = []
    targets: list[Instance] = []
    for app, release in live:
        try:
            targets.append(_recorded(app, _target(app, release)))
        except DeployError as error:
            problems.append(str(error))
    if problems:
        raise DeployError("\n".join(problems))
    diff = [_diff(instance) for instance in targets]
    if not check:
        _bring_up(targets, who, "rollback")
        _finish(targets)
    return Outcome(
        bool(targets),
        {instance.name: {"id": instance.id, "release": instance.release["id"], "switched": True} for instance in targets},
        diff,
        [],
        [],
    )


def _rejected(wanted: t.Sequence[Instance]) -> dict[str, str]:
    """Return what to say of instances that were taken back and are not live."""
    notices: dict[str, str] = {}
    for instance in wanted:
        entries = history.rejected(instance.root)
        name = next((name for name in (instance.id, instance.release["id"]) if name and name in entries), "")
        if name and instance.live_id not in ("", instance.id):
            entry = entries[name]
            notices[instance.name] = (
                f"{instance.name}: {name} was taken back by {entry['who']} at {entry['time']} and is not deployed again. Deploy another"
                " release, or set uwsgi_service_allow_rejected: true."
            )
    return notices


def _bring_up(pending: t.Sequence[Instance], who: str, action: str) -> None:
    """Start, gate and switch, and write down how it went.

    Where it fails there is nothing left to finish; where it does not, that is the caller's to say.
    """
    began = time.monotonic()
    templates = {instance.name: {path: read_text(path) for path in instance.templates} for instance in pending}
    before = {instance.name: instance.live_id for instance in pending}
    for instance in pending:
        try:
            instance.begin()
            instance.publish(lenient=action == "rollback")
            instance.write()
        except OSError as error:
            _record(instance, who, action, "failed", str(error), before, {})
            for candidate in (other for other in pending if action == "deploy" and other.live_id != other.id):
                switch.discard_candidate(candidate, templates[candidate.name])
            _finish(pending)
            if isinstance(error, MissingDirectoryError):
                raise DeployError(f"{instance.name}.nginx.routes: {error}; correct the route, or add the files to the source.") from error
            raise DeployError(f"{instance.name}: {error}\nNothing was switched.") from error
    systemd.daemon_reload()
    switch.start(pending)
    problems = gate(pending)
    gated = time.monotonic()
    if problems:
        # What one goes back to was healthy once; that it is not now is no reason to lose it.
        switch.take_back(pending, templates, discard=action == "deploy")
        reasons = {problem.name: problem.says for problem in problems}
        for instance in pending:
            reason = reasons.get(instance.name, "another application of the run failed")
            _record(instance, who, action, "failed", reason, before, {"gate": gated - began})
        _finish(pending)
        raise DeployError("\n".join(problem.text() for problem in problems))
    for instance in pending:
        if action == "rollback":
            # Before the switch: killed in between, the next run must not undo it.
            _reject_live(instance, who)
        switch.switch(instance)
        switch.drain(instance)
        _record(instance, who, action, "live", "", before, {"gate": gated - began, "switch": time.monotonic() - gated})


def _finish(pending: t.Sequence[Instance]) -> None:
    for instance in pending:
        instance.finish()


def _reject_live(target: Instance, who: str) -> None:
    """Remember that what is live was left for ``target``: its release, or only its settings where the release is the same."""
    live = target.live_id
    release = instance_record(target.app, live)["release"]["id"]
    history.forgive(target.root, (target.id, target.release["id"]))
    history.reject(target.root, release if release != target.release["id"] else live, who)


def _record(
    instance: Instance, who: str, action: str, result: str, reason: str, before: t.Mapping[str, str], seconds: t.Mapping[str, float]
) -> None:
    entry = {
        "action": action,
        "instance": instance.id,
        "release": instance.release["id"],
        "revision": instance.release["revision"],
        "previous": before[instance.name],
        "who": who,
        "result": result,
        "reason": reason,
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
    }
    history.record(instance.root, entry)


def _after_switch(switched: t.Sequence[Instance]) -> None:
    problems: list[str] = []
    for instance in switched:
        try:
            run_hooks("after_switch", instance.app, instance.release["path"], instance.release["virtualenv"])
        except CommandError as error:
            problems.append(f"{instance.name}: the switch to {instance.id} was made, but {error}")
    if problems:
        raise DeployError("\n".join(problems))


def _target(app: App, release: str) -> str:
    """Return the instance to go back to."""
    name, live, ids = app["name"], live_id(app), known_ids(app)
    records = {known: instance_record(app, known) for known in ids}
    if not live:
        raise DeployError(f"{name}: no instance is live, so there is nothing to go back from; deploy it with site.yml.")
    if not release:
        return _earlier(app, live, records)
    if records[live]["release"]["id"] == release:
        raise DeployError(f"{name}: release {release} is live already.")
    found = [known for known in ids if known != live and records[known]["release"]["id"] == release]
    if not found:
        others = sorted(
            {record["release"]["id"] for known, record in records.items() if known != live} - {"", records[live]["release"]["id"]}
        )
        raise DeployError(f"{name}: release {release} {_why_not(app, release)}; there are {', '.join(others) or 'no others'}.")
    return previous_id(app) if previous_id(app) in found else found[-1]


def _why_not(app: App, release: str) -> str:
    """Return what is known of a release that has no instance."""
    results = {entry.get("result") for entry in history.read(app["root"], history.KEPT_LINES) if entry.get("release") == release}
    if "live" in results:
        return "is not on this host any more: it was pruned"
    if results or os.path.isdir(f"{app['root']}/releases/{release}"):
        return "was never healthy on this host"
    return "is not on this host: it was pruned or never deployed"


def _earlier(app: App, live: str, records: t.Mapping[str, t.Any]) -> str:
    """Return the instance that was live last, other than this one and what was taken back: going back twice goes back twice."""
    rejected = history.rejected(app["root"])
    was_live = [entry["instance"] for entry in history.read(app["root"], history.KEPT_LINES) if entry.get("result") == "live"]
    for known in [previous_id(app), *was_live]:
        if known in records and known != live and known not in rejected and records[known]["release"]["id"] not in rejected:
            return known
    raise DeployError(f"{app['name']}: there is no earlier instance on this host to go back to.")


def _recorded(app: App, name: str) -> Instance:
    """Return an instance as its files on the host have it."""
    units = units_of(app, name)
    kinds = ("ini", "env", "secrets", *(["stream"] if len(units) > 1 else []))
    texts = {kind: read_text(f"{app['config_dir']}/{name}{FILES[kind].suffix}") or "" for kind in kinds}
    places = {"unit": template_path(app["name"]), "drop_in": drop_in_path(units[0])}
    if len(units) > 1:
        places |= {"stream_unit": stream_template_path(app["name"]), "stream_drop_in": drop_in_path(units[1])}
    unit = {key: read_text(path) or "" for key, path in places.items()}
    return Instance({**app, "id": name, "release": instance_record(app, name)["release"], "files": texts, **unit})


def _diff(instance: Instance) -> dict[str, str]:
    live = instance.live_id
    before = read_text(f"{instance.config_dir}/{live}.ini") if live else ""
    header = instance.unit_of(live) if live else f"{instance.unit} (nothing live)"
    return {"before_header": header, "after_header": instance.unit, "before": before or "", "after": instance.app["files"]["ini"]}


def _removal_diff(name: str, paths: t.Sequence[str]) -> dict[str, str]:
    return {"before_header": name, "after_header": f"{name} (absent)", "before": "".join(f"{path}\n" for path in paths), "after": ""}


def new_releases(wanted: t.Sequence[Instance], allow_rejected: bool) -> list[str]:
    """Return the applications whose release would change, for which migrations are due."""
    notices = {} if allow_rejected else _rejected(wanted)
    return [instance.name for instance in wanted if instance.name not in notices and _is_new_release(instance)]


def _is_new_release(instance: Instance) -> bool:
    if instance.release["id"]:
        return read_link(f"{instance.root}/current") != f"releases/{instance.release['id']}"
    # Code that something else put there is told apart by the version that is written beside it.
    return instance_record(instance.app, instance.live_id)["release"].get("revision") != instance.release["revision"]


def last_built(app: App) -> dict[str, str]:
    """Return the release that was built last, by the link ``next``.

    :raises DeployError: if there is none
    """
    root = app["root"]
    record = release_record(root, os.path.basename(read_link(f"{root}/next") or ""))
    if not record:
        raise DeployError(
            f"{app['name']}: no release stands in {root}; run the role flask_app before, or point `source.prebuilt` to the code."
        )
    return {
        "id": record["id"],
        "path": f"{root}/releases/{record['id']}",
        "virtualenv": f"{root}/venvs/{record['virtualenv']}",
        "callable": record["callable"],
        "revision": record["revision"],
    }
