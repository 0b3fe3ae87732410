# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Deployments of all applications of a host: a candidate that passes the gate goes live, whatever becomes of other applications."""

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
from .attempt import Action, RunResult, bring_up, instance_diff, record_attempt, rejected_notice
from .failures import Failures
from .instance import DeployError, Instance, instance_record
from .trial import FINAL, Trials, trial_of


class _Done(t.NamedTuple):
    """The applications that have another live instance now, and the paths that are gone."""

    switched: list[str]
    removed: list[str]


def deploy(
    wanted: t.Sequence[Instance],
    absent: t.Sequence[AbsentApp],
    who: str,
    allow_rejected: bool,
    check: bool,
    failures: Failures,
    trials: Trials = FINAL,
) -> RunResult:
    """Bring every instance up and switch to it, and remove what is to be absent; one that fails stops no other.

    :param who: the person that the history names
    :param allow_rejected: whether releases and instances that were rolled back are deployed again
    :param check: whether only to report what would be done
    :param failures: messages of applications that failed before; those of others are added
    :param trials: how long the host waits for somebody who confirms the switches
    """
    notices: dict[str, str] = {}
    leaving = _leaving(absent, failures)
    wanted = _readable(wanted, failures)
    unsettled = _unsettled(wanted, allow_rejected, notices, failures)
    pending = list(unsettled)
    diff = {instance.name: shown for instance, shown in unsettled.items()}
    diff |= {name: _removal_diff(name, paths) for name, paths in leaving.items() if paths}
    if check:
        done = _Done([instance.name for instance in pending], [path for paths in leaving.values() for path in paths])
    else:
        done = _carry_out(pending, [app for app in absent if app["name"] in leaving], who, failures, trials)
    settled = [instance for instance in wanted if instance not in pending and instance.name not in {*notices, *failures}]
    taken_up = _taken_up(settled, trials, check, failures)
    instances: dict[str, dict[str, t.Any]] = {}
    for instance in wanted:
        with failures.of(instance.name):
            live = instance.live_id if instance.name in {*notices, *failures} else instance.id
            instances[instance.name] = {"id": live, "switched": instance.name in done.switched}
    made = [diff[name] for name in diff if name not in failures or name in done.switched]
    changed = bool(done.switched or done.removed or taken_up)
    return RunResult(changed, instances, made, done.removed, sorted(notices.values()), failures, taken_up)


def _taken_up(settled: t.Sequence[Instance], trials: Trials, check: bool, failures: Failures) -> tuple[str, ...]:
    """Return the applications whose live instance an earlier run has put on trial: the trial begins anew, or it ends in a run without any."""
    found: list[str] = []
    for instance in settled:
        with failures.of(instance.name):
            found += [instance.name] if (trial_of(instance.app) is not None if check else trials.take_up(instance)) else []
    return tuple(found)


def _leaving(absent: t.Sequence[AbsentApp], failures: Failures) -> dict[str, list[str]]:
    """Return by application the paths that have to be removed, without applications that cannot be."""
    found: dict[str, list[str]] = {}
    for app in absent:
        with failures.of(app["name"]):
            removal.check(app)
            found[app["name"]] = removal.pending(app)
    return found


def _readable(wanted: t.Sequence[Instance], failures: Failures) -> list[Instance]:
    """Return the instances of applications of which the host can tell what is live."""
    found: list[Instance] = []
    for instance in wanted:
        with failures.of(instance.name):
            _live = instance.live_id
            found.append(instance)
    return found


def _unsettled(
    wanted: t.Sequence[Instance], allow_rejected: bool, notices: dict[str, str], failures: Failures
) -> dict[Instance, dict[str, str]]:
    """Return the instances that are not live and healthy in every respect, or beside which an old instance is left over, with their diffs.

    :param notices: gets a line for each application that keeps its live release, since the wanted one was rolled back
    """
    states = systemd.show([unit for instance in wanted for unit in [*instance.wanted_units, *instance.workers, *instance.timers]])
    leftovers = switch.leftover_instances(wanted)
    pending: dict[Instance, dict[str, str]] = {}
    for instance in wanted:
        with failures.of(instance.name):
            notice = "" if allow_rejected else rejected_notice(instance)
            if notice:
                notices[instance.name] = notice
            elif leftovers[instance.name] or not instance.is_settled(states):
                pending[instance] = instance_diff(instance)
    return pending


def _carry_out(pending: t.Sequence[Instance], absent: t.Sequence[AbsentApp], who: str, failures: Failures, trials: Trials) -> _Done:
    """Switch, prune, remove what is to be absent, and run the last hooks."""
    switched = bring_up(pending, who, Action.DEPLOY, failures, trials)
    removed: list[str] = []
    for instance in switched:
        with failures.of(instance.name):
            history.forgive(instance.root, (instance.id, instance.release.id))
            removed += prune.prune(instance)
    for app in absent:
        with failures.of(app["name"]):
            removed += removal.remove(app)
    for instance in switched:
        with failures.of(instance.name):
            try:
                _after_switch(instance, failures)
            finally:
                instance.finish()
    return _Done([instance.name for instance in switched], removed)


def migrate(wanted: t.Sequence[Instance], who: str, failures: Failures) -> None:
    """Run the migrations of new releases.

    :param failures: gets messages of applications whose migration failed; their releases are removed, and what was live is live still
    """
    for instance in wanted:
        began = time.monotonic()
        try:
            _run_hooks("migrate", instance)
        except (CommandError, OSError) as error:
            seconds = {"migrate": time.monotonic() - began}
            failures.add(instance.name, f"{instance.name}: {error}\nNothing was switched.")
            with failures.of(instance.name):
                record_attempt(instance, who, Action.DEPLOY, "failed", str(error), instance.live_id, seconds)
                switch.discard_release(instance)


def _run_hooks(kind: str, instance: Instance) -> None:
    """Run hooks beside the live instance, in its sandbox and with its HOME.

    :raises CommandError: naming the hook, with its output
    """
    run_hooks(kind, instance.app, cage(instance.app, kind), instance.release, instance.layout.shared)


def _after_switch(instance: Instance, failures: Failures) -> None:
    try:
        _run_hooks("after_switch", instance)
    except (CommandError, OSError) as error:
        failures.add(instance.name, f"{instance.name}: the switch to {instance.id} was made, but {error}")


def _removal_diff(name: str, paths: t.Sequence[str]) -> dict[str, str]:
    return {"before_header": name, "after_header": f"{name} (absent)", "before": "".join(f"{path}\n" for path in paths), "after": ""}


def new_releases(wanted: t.Sequence[Instance], allow_rejected: bool) -> tuple[list[str], Failures]:
    """Return the applications whose release would change, as their migrations have to run, and messages of those of which nobody can say."""
    new: list[str] = []
    failures = Failures()
    for instance in wanted:
        with failures.of(instance.name):
            if (allow_rejected or not rejected_notice(instance)) and _is_new_release(instance):
                new.append(instance.name)
    return new, failures


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
