# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One attempt to make candidates live: start, gate, switch, and record how it went."""

from __future__ import annotations

import enum
import time
import typing as t

from ..app import history
from ..host import systemd
from ..host.files import read_text
from . import switch
from .gate import gate
from .instance import DeployError, Instance, release_id_of
from .static_files import UnpublishableError


class Action(enum.Enum):
    """Why candidates are made live, in the words of the history."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"


class RunResult(t.NamedTuple):
    """The result of a run: its instances, the difference, removed files and notices."""

    changed: bool
    instances: dict[str, t.Any]
    diff: list[dict[str, str]]
    removed: list[str]
    notices: list[str]


def bring_up(pending: t.Sequence[Instance], who: str, action: Action) -> None:
    """Make candidates live: all of them, or none.

    On failure this removes the marker ``unfinished`` itself; on success the caller does, after the hooks.

    :param who: the person that the history names
    :raises DeployError: when a candidate fails; nothing live has changed then
    """
    attempt = Attempt(pending, who, action)
    try:
        attempt.write_files()
        attempt.start()
        attempt.pass_gate()
    except DeployError:
        finish(pending)
        raise
    attempt.switch()


class Attempt:
    """The steps of an attempt, in their order."""

    def __init__(self, pending: t.Sequence[Instance], who: str, action: Action) -> None:
        self.pending, self.who, self.action = pending, who, action
        self.began = time.monotonic()
        self.gated = self.began
        # By application: the instance that was live before, and the texts of the unit templates before.
        self.previous = {instance.name: instance.live_id for instance in pending}
        self.unit_templates = {instance.name: {path: read_text(path) for path in instance.unit_templates} for instance in pending}

    def write_files(self) -> None:
        """Write the files of all candidates.

        :raises DeployError: if a file cannot be written; the files of new candidates are removed then
        """
        for instance in self.pending:
            try:
                instance.begin()
                instance.publish(lenient=self.action is Action.ROLLBACK)
                instance.write()
            except OSError as error:
                self._record(instance, "failed", str(error), {})
                self._remove_candidates()
                raise _write_error(instance, error) from error

    def start(self) -> None:
        systemd.daemon_reload()
        switch.start(self.pending)

    def pass_gate(self) -> None:
        """Wait until all candidates are healthy.

        :raises DeployError: if a candidate is not; all candidates are stopped then
        """
        problems = gate(self.pending)
        self.gated = time.monotonic()
        if not problems:
            return
        # Keep the files of a rollback target: it was healthy once, even if it fails the gate now.
        switch.discard(self.pending, self.unit_templates, remove=self.action is Action.DEPLOY)
        reasons = {problem.name: problem.says for problem in problems}
        for instance in self.pending:
            reason = reasons.get(instance.name, "another application of the run failed")
            self._record(instance, "failed", reason, {"gate": self.gated - self.began})
        raise DeployError("\n".join(problem.text() for problem in problems))

    def switch(self) -> None:
        """Make every candidate the live instance, and have the old ones drain."""
        for instance in self.pending:
            if self.action is Action.ROLLBACK:
                # Before the switch: if the run dies in between, the next one must not undo the rollback.
                _reject_live(instance, self.who)
            switch.switch(instance)
            switch.drain(instance)
            self._record(instance, "live", "", {"gate": self.gated - self.began, "switch": time.monotonic() - self.gated})

    def _remove_candidates(self) -> None:
        """Remove the files of candidates that have not been started. A rollback target keeps its files, and so does the live instance."""
        if self.action is Action.DEPLOY:
            for candidate in (instance for instance in self.pending if instance.live_id != instance.id):
                switch.remove_candidate(candidate, self.unit_templates[candidate.name])

    def _record(self, instance: Instance, result: str, reason: str, seconds: t.Mapping[str, float]) -> None:
        record_attempt(instance, self.who, self.action, result, reason, self.previous[instance.name], seconds)


def finish(pending: t.Sequence[Instance]) -> None:
    for instance in pending:
        instance.finish()


def rejected_notices(wanted: t.Sequence[Instance]) -> dict[str, str]:
    """Return a notice for each application whose wanted release or instance was rolled back, by application."""
    notices: dict[str, str] = {}
    for instance in wanted:
        entries = history.rejected(instance.root)
        name = next((name for name in (instance.id, instance.release.id) if name and name in entries), "")
        if name and instance.live_id not in ("", instance.id):
            entry = entries[name]
            notices[instance.name] = (
                f"{instance.name}: {name} was rolled back by {entry['who']} at {entry['time']} and is not deployed again. Deploy another"
                " release, or set uwsgi_service_allow_rejected: true."
            )
    return notices


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
    live = instance.live_id
    before = read_text(instance.layout.file(live, "ini")) if live else ""
    header = instance.layout.unit(live) if live else f"{instance.unit} (nothing live)"
    return {"before_header": header, "after_header": instance.unit, "before": before or "", "after": instance.app["files"]["ini"]}


def _reject_live(target: Instance, who: str) -> None:
    """Reject what a rollback leaves: the live release, or only the live instance if ``target`` has the same release."""
    live = target.live_id
    release = release_id_of(target.app, live)
    history.forgive(target.root, (target.id, target.release.id))
    history.reject(target.root, release if release != target.release.id else live, who)


def _write_error(instance: Instance, error: OSError) -> DeployError:
    if isinstance(error, UnpublishableError):
        return DeployError(f"{instance.name}.nginx.routes: {error}; {error.remedy}.")
    return DeployError(f"{instance.name}: {error}\nNothing was switched.")
