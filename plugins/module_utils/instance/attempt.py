# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One attempt to make candidates live: start, gate, switch, and write down how it went."""

from __future__ import annotations

import time
import typing as t

from ..app import history
from ..host import systemd
from ..host.files import read_text
from . import switch
from .gate import gate
from .instance import DeployError, Instance, MissingDirectoryError, instance_record


class Outcome(t.NamedTuple):
    """What a run did."""

    changed: bool
    instances: dict[str, t.Any]
    diff: list[dict[str, str]]
    removed: list[str]
    notices: list[str]


def rejected_notices(wanted: t.Sequence[Instance]) -> dict[str, str]:
    """Return what to say of instances that were taken back and are not live."""
    notices: dict[str, str] = {}
    for instance in wanted:
        entries = history.rejected(instance.root)
        name = next((name for name in (instance.id, instance.release["id"]) if name and name in entries), "")
        if name and instance.live_id not in ("", instance.id):
            entry = entries[name]
            notices[instance.name] = (
                f"{instance.name}: {name} was rolled back by {entry['who']} at {entry['time']} and is not deployed again. Deploy another"
                " release, or set uwsgi_service_allow_rejected: true."
            )
    return notices


def bring_up(pending: t.Sequence[Instance], who: str, action: str) -> None:
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
            record_attempt(instance, who, action, "failed", str(error), before, {})
            for candidate in (other for other in pending if action == "deploy" and other.live_id != other.id):
                switch.discard_candidate(candidate, templates[candidate.name])
            finish(pending)
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
            record_attempt(instance, who, action, "failed", reason, before, {"gate": gated - began})
        finish(pending)
        raise DeployError("\n".join(problem.text() for problem in problems))
    for instance in pending:
        if action == "rollback":
            # Before the switch: killed in between, the next run must not undo it.
            _reject_live(instance, who)
        switch.switch(instance)
        switch.drain(instance)
        record_attempt(instance, who, action, "live", "", before, {"gate": gated - began, "switch": time.monotonic() - gated})


def finish(pending: t.Sequence[Instance]) -> None:
    for instance in pending:
        instance.finish()


def _reject_live(target: Instance, who: str) -> None:
    """Remember that what is live was left for ``target``: its release, or only its settings where the release is the same."""
    live = target.live_id
    release = instance_record(target.app, live)["release"]["id"]
    history.forgive(target.root, (target.id, target.release["id"]))
    history.reject(target.root, release if release != target.release["id"] else live, who)


def record_attempt(
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


def instance_diff(instance: Instance) -> dict[str, str]:
    live = instance.live_id
    before = read_text(f"{instance.config_dir}/{live}.ini") if live else ""
    header = instance.unit_of(live) if live else f"{instance.unit} (nothing live)"
    return {"before_header": header, "after_header": instance.unit, "before": before or "", "after": instance.app["files"]["ini"]}
