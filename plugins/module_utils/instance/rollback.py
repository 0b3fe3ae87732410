# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Go back from the live instance to the previous one or to a named release."""

from __future__ import annotations

import os
import typing as t

from ..app import history
from ..app.layout import AppRoot, Layout
from ..app.orders import HostApp, InstanceOrder, PlacedApp, TimerTexts
from ..host.files import read_text
from .attempt import Action, RunResult, bring_up, instance_diff
from .failures import Failures
from .instance import DeployError, Instance, installed_units, instance_record, known_ids, live_id, previous_id, release_id_of
from .trial import former_id

# Where nobody says which instances are live.
_ANY: t.Mapping[str, str] = {}


def rollback(
    live: t.Sequence[tuple[HostApp, str]], who: str, check: bool, action: Action = Action.ROLLBACK, expected: t.Mapping[str, str] = _ANY
) -> RunResult:
    """Go back from the live instance of applications to the previous one or to a named release; one that cannot stops no other.

    :param live: each application with the release to go back to; an empty release means the previous instance
    :param action: why; only ``ROLLBACK`` rejects what is left
    :param expected: see :func:`require_live`
    """
    failures = Failures()
    diff: dict[Instance, dict[str, str]] = {}
    notices: dict[Instance, list[str]] = {}
    for app, release in live:
        with failures.of(app["name"]):
            require_live(app, expected)
            target = _recorded(app, _target(app, release))
            diff[target], notices[target] = instance_diff(target), _moved(target)
    back = list(diff) if check else bring_up(list(diff), who, action, failures)
    for instance in [] if check else back:
        with failures.of(instance.name):
            instance.finish()
    return RunResult(
        bool(back),
        {instance.name: {"id": instance.id, "release": instance.release.id, "switched": True} for instance in back},
        [diff[instance] for instance in back],
        [],
        [notice for instance in back for notice in notices[instance]],
        failures,
    )


def require_live(app: PlacedApp, expected: t.Mapping[str, str]) -> None:
    """Require that an application still has the live instance that the caller speaks of.

    :param expected: the ids of live instances by application; one that is not there may have any
    :raises DeployError: if another run has switched meanwhile
    """
    name = app["name"]
    wanted, found = expected.get(name, ""), live_id(app)
    if wanted and wanted != found:
        raise DeployError(
            f"{name}: this run has switched to the instance {wanted}, and now {found or 'none'} is live, since another run has switched or the"
            " host has gone back. The playbook status shows what is live."
        )


def _target(app: PlacedApp, release: str) -> str:
    """Return the instance to go back to."""
    name, live, ids = app["name"], live_id(app), known_ids(app)
    releases = {known: release_id_of(app, known) for known in ids}
    if not live:
        raise DeployError(f"{name}: no instance is live, so there is nothing to go back from; deploy it with site.yml.")
    if not release:
        return _earlier(app, live, releases)
    if releases[live] == release:
        raise DeployError(f"{name}: release {release} is live already.")
    found = [known for known in ids if known != live and releases[known] == release]
    if not found:
        others = sorted(set(releases.values()) - {"", releases[live]})
        raise DeployError(f"{name}: release {release} {_why_not(app, release)}; there are {', '.join(others) or 'no others'}.")
    return previous_id(app) if previous_id(app) in found else found[-1]


def _moved(target: Instance) -> list[str]:
    """Return notices of the workers and timers that only one of two instances has on this host: the live one, or the one to go back to.

    Each instance was deployed to the hosts that were in the inventory then, so what has ``hosts: one`` may be nowhere, or twice.
    """
    left, back = _names_beside(target.layout, target.live_id), _names_beside(target.layout, target.id)
    notices = []
    if lost := ", ".join(sorted(left - back)):
        notices.append(
            f"{target.name}: this host had {lost} in the instance that was left, and has not in {target.id}, which is live now. If that is due to"
            " hosts: one, see whether another host has it; site.yml with the description of this release puts it on the first host."
        )
    if gained := ", ".join(sorted(back - left)):
        notices.append(
            f"{target.name}: this host has {gained} in {target.id}, which is live now, and had not in the instance that was left. If that is due to"
            " hosts: one, see whether another host has it, too; site.yml with the description of this release leaves it on the first host alone."
        )
    return notices


def _names_beside(layout: Layout, instance_id: str) -> set[str]:
    workers, timers = layout.worker_units(instance_id), layout.timer_units(instance_id)
    return {f"the worker {layout.worker_of(unit)}" for unit in workers} | {f"the timer {layout.worker_of(unit)}" for unit in timers}


def _why_not(app: PlacedApp, release: str) -> str:
    """Return why nobody can go back to a release that has no instance, by the history and the directory of releases."""
    results = {entry.get("result") for entry in history.read(app["root"], history.KEPT_LINES) if entry.get("release") == release}
    if "live" in results:
        return "is not on this host any more: it was pruned"
    if results or os.path.isdir(AppRoot(app["root"]).release(release)):
        return "was never healthy on this host"
    return "is not on this host: it was pruned or never deployed"


def _earlier(app: PlacedApp, live: str, releases: t.Mapping[str, str]) -> str:
    """Return the instance that was live most recently, without those that were left for an earlier one: so two rollbacks go back two instances.

    While a switch is on trial it is the one before the trial, which somebody has confirmed.
    """
    if former := former_id(app):
        return former
    rejected = history.rejected(app["root"])
    switches = [entry for entry in history.read(app["root"], history.KEPT_LINES) if entry["result"] == "live"]
    passed = _undone(switches)
    for known in [previous_id(app), *(entry["instance"] for entry in switches)]:
        if known in releases and known not in (live, *passed, *rejected) and releases[known] not in rejected:
            return known
    raise DeployError(f"{app['name']}: there is no earlier instance on this host to go back to.")


def _undone(switches: t.Sequence[t.Mapping[str, t.Any]]) -> set[str]:
    """Return the instances whose last switch was undone without a fault of theirs, so that nothing has rejected them.

    :param switches: the switches of the history, the newest first
    """
    undone: set[str] = set()
    again: set[str] = set()
    for entry in switches:
        if entry["action"] in (Action.TAKEN_BACK.value, Action.UNCONFIRMED.value):
            undone |= {str(entry.get("previous", ""))} - again
        again.add(entry["instance"])
    return undone


def _recorded(app: HostApp, instance_id: str) -> Instance:
    """Return an instance that is on the host, read from its files.

    The unit templates on the host are those of the instance that is left, so the texts of its own are in its record.
    """
    layout, record = Layout(app), instance_record(app, instance_id)
    templates = record.unit_templates if record else {}
    own, *pool = installed_units(app, instance_id)
    kinds = ("ini", "env", "secrets", *(["stream"] if pool else []))
    kinds += ("websocket",) if os.path.exists(layout.file(instance_id, "websocket")) else ()
    order: InstanceOrder = {
        **app,
        "id": instance_id,
        "release": record.release._asdict() if record else {},
        "files": {kind: read_text(layout.file(instance_id, kind)) or "" for kind in kinds},
        "unit": _template(layout.unit_template, templates),
        "drop_in": read_text(layout.drop_in(own)) or "",
    }
    if worker_units := layout.worker_units(instance_id):
        order["workers"] = {layout.worker_of(unit): read_text(layout.unit_file(unit)) or "" for unit in worker_units}
    if timers := layout.timer_units(instance_id):
        order["timers"] = {layout.worker_of(timer): _timer_texts(layout, timer) for timer in timers}
    if pool:
        order["stream_unit"] = _template(layout.stream_unit_template, templates)
        order["stream_drop_in"] = read_text(layout.drop_in(pool[0])) or ""
    return Instance(order)


def _template(path: str, recorded: t.Mapping[str, str]) -> str:
    """Return the text of a unit template; a record of an earlier version has none."""
    return recorded[path] if path in recorded else read_text(path) or ""


def _timer_texts(layout: Layout, timer: str) -> TimerTexts:
    own, job = (read_text(layout.unit_file(unit)) or "" for unit in (timer, layout.job_of(timer)))
    return {"timer": own, "service": job}
