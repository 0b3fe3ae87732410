# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One attempt to make candidates live: start, gate, switch, and record how it went. A candidate that fails stops no other application."""

from __future__ import annotations

import enum
import time
import typing as t

from ..app import history
from ..app.layout import Layout
from ..host import systemd
from ..host.files import read_text
from . import switch
from .failures import Failures
from .gate import Problem, gate
from .instance import Instance, release_id_of
from .own_directory import make_room
from .settling import Settling
from .static_files import UnpublishableError
from .trial import FINAL, Trials


class Action(enum.Enum):
    """Why candidates are made live, in the words of the history."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    # Nobody has confirmed the switch in time, so the host undoes it.
    UNCONFIRMED = "unconfirmed"
    # Something else has failed, so a rollout takes back a release with which nobody has found fault.
    TAKEN_BACK = "taken back"


class RunResult(t.NamedTuple):
    """The result of a run: its instances, the difference, removed paths, notices, and why applications failed."""

    changed: bool
    instances: dict[str, t.Any]
    diff: list[dict[str, str]]
    removed: list[str]
    notices: list[str]
    failures: dict[str, str]
    # Applications whose live instance was put on trial by an earlier run, which ended before it was judged.
    taken_up: tuple[str, ...] = ()


def bring_up(pending: t.Sequence[Instance], who: str, action: Action, failures: Failures, trials: Trials = FINAL) -> list[Instance]:
    """Make candidates live, and return those that are now.

    On failure this deals with the marker ``unfinished`` itself; on success the caller removes it, after the hooks.

    :param who: the person that the history names
    :param failures: gets the messages of the others; what was live of them is live still
    """
    attempt = Attempt(pending, who, action, failures, trials)
    attempt.write_files()
    if attempt.left:
        attempt.start()
        attempt.judge()
    return [instance for instance in pending if instance.name not in failures]


class Attempt:
    """The steps of an attempt, in their order."""

    def __init__(self, pending: t.Sequence[Instance], who: str, action: Action, failures: Failures, trials: Trials) -> None:
        self.pending, self.who, self.action, self.failures, self.trials = pending, who, action, failures, trials
        self.began = time.monotonic()
        # By application: the instance that was live before, and the texts of the unit templates before.
        self.previous: dict[str, str] = {}
        self.unit_templates: dict[str, dict[str, str | None]] = {}
        # By application: when the candidate was through the gate.
        self.gated: dict[str, float] = {}
        self.settling = Settling(failures)
        self.refused: list[tuple[Instance, Problem]] = []
        for instance in pending:
            with failures.of(instance.name):
                self.previous[instance.name] = instance.live_id
                self.unit_templates[instance.name] = {path: read_text(path) for path in instance.unit_templates}

    @property
    def left(self) -> list[Instance]:
        """Return the candidates that have not failed."""
        return [instance for instance in self.pending if instance.name not in self.failures]

    def write_files(self) -> None:
        """Write the files of all candidates; where a file cannot be written, those of that candidate are removed."""
        for instance in self.left:
            try:
                instance.begin()
                make_room(instance.app)
                instance.publish(lenient=self.action is not Action.DEPLOY)
                instance.write()
            except OSError as error:
                self._record(instance, "failed", str(error), {})
                self.failures.add(instance.name, _write_error(instance, error))
                with self.failures.of(instance.name):
                    self._remove_candidate(instance)
                    instance.finish(failed=True)

    def start(self) -> None:
        """Start the candidates; where the live instance has to make room and does not, its candidate is discarded."""
        systemd.daemon_reload()
        starting = self.left
        self.failures.update(switch.start(starting))
        for instance in [instance for instance in starting if instance.name in self.failures]:
            self._give_up(instance)

    def judge(self) -> None:
        """Switch to every candidate that passes the gate and whose workers stay as soon as that is seen, and discard the others."""
        for instance, problem in gate(self.left, self._look_at_workers):
            self.gated[instance.name] = time.monotonic()
            waits = problem is None and self.settling.begin(instance)
            if not waits:
                self._decide(instance, problem)
        while self.settling:
            self.settling.wait()
            self._look_at_workers()
        for instance, problem in self.refused:
            self._refuse(instance, problem)

    def _look_at_workers(self) -> None:
        for instance, problem in self.settling.look():
            self._decide(instance, problem)

    def _decide(self, instance: Instance, problem: Problem | None) -> None:
        if instance.name in self.failures:
            self._give_up(instance)
        elif problem is None:
            with self.failures.of(instance.name):
                self._switch(instance)
        elif problem.keeps_live_down:
            # The live instance, or its scheduler, has made room: it does not wait until other candidates are judged.
            self._refuse(instance, problem)
        else:
            self.refused.append((instance, problem))

    def _switch(self, instance: Instance) -> None:
        """Make a candidate the live instance, and have the old one drain."""
        if self.action is Action.ROLLBACK:
            # Before the switch: if the run dies in between, the next one must not undo the rollback.
            _reject_live(instance, self.who)
        self.trials.begin(instance)
        switch.switch(instance)
        self.trials.switched(instance)
        switch.drain(instance)
        gated = self.gated[instance.name]
        self._record(instance, "live", "", {"gate": gated - self.began, "switch": time.monotonic() - gated})

    def _refuse(self, instance: Instance, problem: Problem) -> None:
        if problem.keeps_live_down:
            with self.failures.of(instance.name):
                switch.give_back(instance, self.unit_templates[instance.name])
        self.failures.add(instance.name, problem.text())
        self._record(instance, "failed", problem.says, {"gate": self.gated[instance.name] - self.began})
        self._discard(instance)

    def _give_up(self, instance: Instance) -> None:
        """Discard a candidate that an error has stopped; the failures have its message."""
        self._record(instance, "failed", self.failures[instance.name], {})
        self._discard(instance)

    def _discard(self, instance: Instance) -> None:
        """Stop a candidate and have the live instance go on."""
        with self.failures.of(instance.name):
            # Keep the files of a rollback target: it was healthy once, even if it fails the gate now.
            switch.discard([instance], self.unit_templates, remove=self.action is Action.DEPLOY)
            instance.finish(failed=True)

    def _remove_candidate(self, instance: Instance) -> None:
        """Remove the files of a candidate that was not started, and restore the unit templates.

        A rollback target keeps its own files, and the live instance keeps all.
        """
        if instance.live_id == instance.id:
            return
        # On a full disk, the removal makes room for the templates.
        if self.action is Action.DEPLOY:
            switch.remove_candidate(instance)
        switch.restore_templates(self.unit_templates[instance.name])

    def _record(self, instance: Instance, result: str, reason: str, seconds: t.Mapping[str, float]) -> None:
        record_attempt(instance, self.who, self.action, result, reason, self.previous[instance.name], seconds)


def rejected_notice(instance: Instance) -> str:
    """Return a notice if the wanted release or instance was rolled back, empty if it was not.

    :raises OSError: if nobody can say, since the record is damaged
    """
    entries = history.rejected(instance.root)
    name = next((name for name in (instance.id, instance.release.id) if name and name in entries), "")
    if not name or instance.live_id in ("", instance.id):
        return ""
    entry = entries[name]
    return (
        f"{instance.name}: {name} was rolled back by {entry['who']} at {entry['time']} and is not deployed again. Deploy another"
        " release, or set uwsgi_service_allow_rejected: true."
    )


def record_attempt(
    instance: Instance, who: str, action: Action, result: str, reason: str, previous: str, seconds: t.Mapping[str, float]
) -> None:
    """Append an attempt to the history.

    :param result: ``live`` or ``failed``
    :param previous: the id of the instance that was live before
    :param seconds: the duration of each step
    """
    entry = {
        "action": action.value,
        "instance": instance.id,
        "release": instance.release.id,
        "revision": instance.release.revision,
        "previous": previous,
        "who": who,
        "result": result,
        "reason": reason,
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
    }
    history.record(instance.root, entry)


def instance_diff(instance: Instance) -> dict[str, str]:
    """Return what ``--diff`` shows of a candidate: its settings, and the units of its workers and timers, beside those that are live.

    It shows the files that somebody has changed where the candidate is live itself.
    """
    live, layout = instance.live_id, instance.layout
    before = read_text(layout.file(live, "ini")) if live else ""
    header = layout.unit(live) if live else f"{instance.unit} (nothing live)"
    timers = layout.timer_units(live) if live else []
    units = [*layout.worker_units(live), *timers, *map(layout.job_of, timers)] if live else []
    old = {unit: read_text(layout.unit_file(unit)) or "" for unit in units}
    wanted = {**instance.workers, **instance.timers, **instance.jobs}
    # The settings of an instance that is live already are equal, unless somebody has changed its files.
    wrong = instance.differences() if live == instance.id else []
    return {
        "before_header": header,
        "after_header": instance.unit,
        "before": (before or "") + _beside(layout, old) + "".join(was for was, _is in wrong),
        "after": instance.app["files"]["ini"] + _beside(layout, wanted) + "".join(becomes for _was, becomes in wrong),
    }


def _beside(layout: Layout, units: t.Mapping[str, str]) -> str:
    """Return the texts of the units of workers and timers, each below a name that is the same in all instances."""
    named = {f"{layout.worker_of(unit)}.{unit.rpartition('.')[2]}": text for unit, text in units.items()}
    return "".join(f"\n# {name}\n{text}" for name, text in sorted(named.items()))


def _reject_live(target: Instance, who: str) -> None:
    """Reject what a rollback leaves: the live release, or only the live instance if ``target`` has the same release."""
    live = target.live_id
    release = release_id_of(target.app, live)
    history.forgive(target.root, (target.id, target.release.id))
    history.reject(target.root, release if release != target.release.id else live, who)


def _write_error(instance: Instance, error: OSError) -> str:
    if isinstance(error, UnpublishableError):
        return f"{instance.name}.nginx.routes: {error}; {error.remedy}."
    return f"{instance.name}: {error}\nNothing was switched."
