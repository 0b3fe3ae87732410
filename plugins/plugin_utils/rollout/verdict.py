# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The verdict on a batch of servers: what goes back, what is watched, and why the run ends."""

from __future__ import annotations

import typing as t

from .outcome import Fact, Outcome


class BatchVerdict(t.NamedTuple):
    """A verdict.

    :param bad: the applications that go back on all servers of the batch
    :param worse: those among them whose visitors fare worse on a server, so that their releases are rejected
    :param watched: the applications that were switched on a server of the batch and are not bad
    :param message: why the run ends, empty if it goes on
    """

    bad: list[str]
    worse: list[str]
    watched: list[str]
    message: str


def verdict(every: t.Mapping[str, Fact], batch: t.Sequence[str], built: t.Container[str]) -> BatchVerdict:
    """Judge a batch.

    :param every: the outcomes of all servers of the run by name, in their order; empty for a server whose turn has not come
    :param batch: the servers of the batch that can still be reached
    :param built: the servers on which the releases were built, so that their switch may have begun
    """
    judged = {name: Outcome.of(fact) for name, fact in every.items() if fact and name in batch}
    lost = _lost({name: Outcome.of(fact) for name, fact in every.items() if fact and name not in batch}, built)
    outcomes = [*judged.values(), *(outcome for outcome, _says in lost)]
    switched = {name for outcome in outcomes for name in outcome.switched}
    # Where no application is to blame, as with nginx or a lost server, each may be.
    whole = bool(lost) or any(outcome.fault for outcome in outcomes)
    bad = {name for outcome in outcomes for name in (*outcome.failures, *outcome.kept, *outcome.worse)} | (switched if whole else set())
    worse = {name for outcome in outcomes for name in outcome.worse}
    reasons = [reason for outcome in judged.values() for reason in _reasons(outcome)] + [says for _outcome, says in lost]
    return BatchVerdict(sorted(bad), sorted(worse), sorted(switched - bad), _message(reasons, outcomes))


def _lost(others: t.Mapping[str, Outcome], built: t.Container[str]) -> list[tuple[Outcome, str]]:
    """Return the servers that were lost, and whose releases may be why, each with a sentence about it.

    Ansible takes a server out of its batch when it cannot be reached any more. Nothing was switched on a server that was lost before.
    """
    found = []
    for name, outcome in others.items():
        if outcome.is_deployed and outcome.switched and outcome.is_open:
            found.append((outcome, f"{name}: it could not be reached any more after it was switched"))
        elif not outcome.is_deployed and name in built:
            found.append(
                (outcome, f"{name}: it could not be reached any more while it was switched; the playbook status shows what is live")
            )
    return found


def _reasons(outcome: Outcome) -> list[str]:
    """Return why a server ends the run. The message of a fault has those of the applications that failed, too."""
    failures = [outcome.fault] if outcome.fault else list(outcome.failures.values())
    return [*failures, *outcome.kept.values(), *outcome.worse.values(), *outcome.unconfirmed.values()]


def _message(reasons: t.Sequence[str], outcomes: t.Sequence[Outcome]) -> str:
    """Return why the run ends, and what has gone back already."""
    back = sorted({name for outcome in outcomes for name in outcome.back if outcome.went_back(name)})
    says = f"the batch was taken back ({', '.join(back)}): " if back else ""
    return says + "\n".join(dict.fromkeys(reasons)) if reasons else ""
