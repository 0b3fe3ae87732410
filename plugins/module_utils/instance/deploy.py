# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Deployments of all applications of a host: every candidate goes through the gate, or nothing live changes."""

from __future__ import annotations

import time
import typing as t

from ..app import history
from ..app.commands import cage, run_hooks
from ..app.layout import AppRoot, Release
from ..app.links import name_behind, points_to
from ..app.orders import AbsentApp
from ..host import systemd
from ..host.command import CommandError
from ..release.store import release_record
from . import prune, removal, switch
from .attempt import Action, RunResult, bring_up, finish, instance_diff, record_attempt, rejected_notices
from .instance import DeployError, Instance, instance_record


def deploy(wanted: t.Sequence[Instance], absent: t.Sequence[AbsentApp], who: str, allow_rejected: bool, check: bool) -> RunResult:
    """Bring every instance up and switch to it, and remove what is to be absent.

    :param who: the person that the history names
    :param allow_rejected: whether releases and instances that were rolled back are deployed again
    :param check: whether only to report what would be done
    :raises DeployError: when a candidate fails; nothing live has changed then
    """
    for app in absent:
        removal.check(app)
    notices: dict[str, str] = {} if allow_rejected else rejected_notices(wanted)
    pending = [instance for instance in _unsettled(wanted) if instance.name not in notices]
    leaving = {app["name"]: removal.pending(app) for app in absent}
    gone = [path for paths in leaving.values() for path in paths]
    diff = [instance_diff(instance) for instance in pending] + [_removal_diff(name, paths) for name, paths in leaving.items() if paths]
    removed = gone if check else gone + _carry_out(pending, absent, who)
    instances = {
        instance.name: {"id": instance.live_id if instance.name in notices else instance.id, "switched": instance in pending}
        for instance in wanted
    }
    return RunResult(bool(pending or gone), instances, diff, removed, sorted(notices.values()))


def _unsettled(wanted: t.Sequence[Instance]) -> list[Instance]:
    """Return the instances that are not live and healthy in every respect, or beside which an old instance is left over."""
    states = systemd.show([unit for instance in wanted for unit in instance.wanted_units])
    leftovers = switch.leftover_instances(wanted)
    return [instance for instance in wanted if leftovers[instance.name] or not instance.is_settled(states)]


def _carry_out(pending: t.Sequence[Instance], absent: t.Sequence[AbsentApp], who: str) -> list[str]:
    """Switch, prune, remove what is to be absent, and run the last hooks; return what was pruned."""
    removed: list[str] = []
    if pending:
        bring_up(pending, who, Action.DEPLOY)
        for instance in pending:
            history.forgive(instance.root, (instance.id, instance.release.id))
        removed = [path for instance in pending for path in prune.prune(instance)]
    for app in absent:
        removal.remove(app)
    try:
        _after_switch(pending)
    finally:
        finish(pending)
    return removed


def migrate(wanted: t.Sequence[Instance], who: str) -> None:
    """Run the migrations of new releases.

    :raises DeployError: when a migration fails; its release is removed, and nothing live has changed
    """
    for instance in wanted:
        began = time.monotonic()
        try:
            _run_hooks("migrate", instance)
        except CommandError as error:
            seconds = {"migrate": time.monotonic() - began}
            record_attempt(instance, who, Action.DEPLOY, "failed", str(error), instance.live_id, seconds)
            switch.discard_release(instance)
            raise DeployError(f"{instance.name}: {error}\nNothing was switched.") from error


def _run_hooks(kind: str, instance: Instance) -> None:
    """Run hooks beside the live instance, in its sandbox and with its HOME.

    :raises CommandError: naming the hook, with its output
    """
    run_hooks(kind, instance.app, cage(instance.app, kind), instance.release, instance.layout.shared)


def _after_switch(switched: t.Sequence[Instance]) -> None:
    problems: list[str] = []
    for instance in switched:
        try:
            _run_hooks("after_switch", instance)
        except CommandError as error:
            problems.append(f"{instance.name}: the switch to {instance.id} was made, but {error}")
    if problems:
        raise DeployError("\n".join(problems))


def _removal_diff(name: str, paths: t.Sequence[str]) -> dict[str, str]:
    return {"before_header": name, "after_header": f"{name} (absent)", "before": "".join(f"{path}\n" for path in paths), "after": ""}


def new_releases(wanted: t.Sequence[Instance], allow_rejected: bool) -> list[str]:
    """Return the applications whose release would change; their migrations have to run."""
    notices = {} if allow_rejected else rejected_notices(wanted)
    return [instance.name for instance in wanted if instance.name not in notices and _is_new_release(instance)]


def _is_new_release(instance: Instance) -> bool:
    if instance.release.id:
        return not points_to(instance.layout.current, instance.layout.release(instance.release.id))
    # Prebuilt code has no release id; compare `source.version`.
    live = instance_record(instance.app, instance.live_id)
    return live is None or live.release.revision != instance.release.revision


def last_built(name: str, root: str) -> Release:
    """Return the release that was built last, by the link ``next``.

    :raises DeployError: if there is none
    """
    record = release_record(root, name_behind(AppRoot(root).next))
    if not record:
        raise DeployError(f"{name}: no release stands in {root}; run the role flask_app before, or point `source.prebuilt` to the code.")
    return record.release(root)
