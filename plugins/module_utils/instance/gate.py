# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The gate: a candidate gets no traffic before it is ready and has answered its health request on its private sockets."""

from __future__ import annotations

import enum
import re
import time
import typing as t

from ..app.modules import facts_of_packages, facts_of_release
from ..host import systemd
from ..host.causes import known_cause, with_cause
from ..host.known_causes import START
from ..host.shown import clean, excerpt
from .instance import Instance
from .log_excerpt import telling_lines
from .unit_state import Properties, UnitState
from .uwsgi_client import request

_POLL_SECONDS = 0.1
# The journal may lag behind the end of a unit by this many seconds; it is read again after a pause.
_JOURNAL_SECONDS = 10.0
_JOURNAL_PAUSE = 0.2
_BODY_SHOWN = 300
# A line of the journal may have any length.
_LINE_SHOWN = 2000
# A single health request may take this share of the timeout.
_SHARE_OF_TIMEOUT = 0.5


class Verdict(enum.Enum):
    """The result of one look at a candidate."""

    GOOD = enum.auto()
    BAD = enum.auto()
    WAIT = enum.auto()


class Problem(t.NamedTuple):
    """Why a candidate was refused."""

    name: str
    says: str
    live: str
    log: list[str]
    # Cause and remedy, empty if they are not known.
    cause: str = ""

    def text(self) -> str:
        log = "".join(f"\n    {line}" for line in self.log) or "\n    (nothing)"
        return f"{self.name}: {with_cause(self.cause, f'{self.says}. {self.live}')} The candidate's last log lines:{log}"


def _live_state_text(instance: Instance) -> str:
    """Return a sentence that says what happened to the live instance."""
    if instance.live_id in ("", instance.id):
        return "Nothing else is live."
    if instance.app["strategy"] == "restart":
        return "The live instance had to make room and is started again."
    return "The live instance was not touched."


class _Waiting:
    """A candidate, or the stream pool of one, that has not passed the gate yet."""

    def __init__(self, instance: Instance, unit: str) -> None:
        self.instance, self.health, self.socket = instance, instance.app["health"], instance.sockets[unit]
        self.who = f"the candidate {instance.id}" if unit == instance.unit else f"the stream pool of the candidate {instance.id}"
        self.in_a_row, self.next_request, self.says = 0, 0.0, ""
        # InvocationID of the first start. After systemd's automatic restart the new invocation's journal is still empty.
        self.invocation = ""

    def examine(self, properties: Properties) -> Verdict:
        """Look at the candidate once and return a verdict; ``says`` tells why."""
        state, who = UnitState.of(properties), self.who
        if state is not UnitState.INACTIVE:
            self.invocation = self.invocation or properties.get("InvocationID", "")
        if state is UnitState.FAILED or properties["SubState"] == "auto-restart" or properties.get("NRestarts", "0") != "0":
            when = "after it was ready" if self.in_a_row or self.says.startswith(f"{who} was asked") else "before it was ready"
            # After systemd's automatic restart the status is that of the new process, which runs.
            status = f" with {properties['ExecMainStatus']}" if properties["ExecMainStatus"] != "0" else ""
            self.says = f"{who} exited{status} {when}"
            return Verdict.BAD
        if state is not UnitState.ACTIVE:
            self.says = f"{who} was not ready (it is {properties['ActiveState']})"
            return Verdict.WAIT
        if time.monotonic() >= self.next_request:
            self.next_request = time.monotonic() + self.health["interval"]
            self.in_a_row = self.in_a_row + 1 if self._ask() else 0
        return Verdict.GOOD if self.in_a_row >= self.health["successes"] else Verdict.WAIT

    def _ask(self) -> bool:
        """Send the health request and return whether the answer is accepted."""
        health = self.health
        asked = f"{self.who} was asked for {health['path']} (Host: {health['host']})"
        try:
            patience = max(1.0, health["timeout"] * _SHARE_OF_TIMEOUT)
            answer = request(self.socket, health["path"], health["host"], patience, health["headers"], health["prefix"])
        except (OSError, ValueError) as error:
            self.says = f"{asked} and gave no answer ({error})"
            return False
        # A secret is not found any more once its blanks are changed.
        body = excerpt(" ".join(clean(answer.body).split()), _BODY_SHOWN)
        self.says = f"{asked} and answered {answer.status} with the body '{body}'"
        if answer.status not in health["status"]:
            self.says += f"; accepted are {', '.join(map(str, health['status']))}"
            return False
        if not re.search(health["body"], answer.body):
            self.says += f"; it must match '{health['body']}'"
            return False
        return True


def gate(instances: t.Sequence[Instance]) -> list[Problem]:
    """Wait until every candidate has passed or failed; return the problems of those that failed."""
    began = time.monotonic()
    waiting = {unit: _Waiting(instance, unit) for instance in instances for unit in instance.wanted_units}
    problems: list[Problem] = []
    while waiting:
        states = systemd.show(list(waiting))
        for unit, candidate in list(waiting.items()):
            if unit not in waiting:
                continue  # the other unit of the same instance has been refused
            verdict = candidate.examine(states[unit])
            late = time.monotonic() - began > candidate.health["timeout"]
            if verdict is Verdict.WAIT and not late:
                continue
            del waiting[unit]
            if verdict is not Verdict.GOOD:
                waiting = {other: half for other, half in waiting.items() if half.instance is not candidate.instance}
                limit = f" within {candidate.health['timeout']} s" if verdict is Verdict.WAIT else ""
                log = _last_words(unit, candidate.invocation, time.monotonic() - began)
                candidate.says += limit
                shown = [excerpt(line, _LINE_SHOWN) for line in telling_lines(log)]
                problems.append(
                    Problem(candidate.instance.name, candidate.says, _live_state_text(candidate.instance), shown, _cause(candidate, log))
                )
        if waiting:
            time.sleep(_POLL_SECONDS)
    return problems


def _last_words(unit: str, invocation: str, seconds: float) -> list[str]:
    """Return the last log lines of a candidate.

    journald is slower than the unit's end, so read until two looks are equal.

    :param seconds: how long ago the gate began
    """
    began, give_up = time.time() - seconds, time.monotonic() + _JOURNAL_SECONDS
    log = systemd.journal(unit, invocation=invocation)
    while time.monotonic() < give_up:
        time.sleep(_JOURNAL_PAUSE)
        before, log = log, systemd.journal(unit, invocation=invocation)
        if log and log == before:
            break
    # journald tags lines that it reads after the unit has exited with no invocation id: fall back to unit and time.
    return log or systemd.journal(unit, since=began)


def _cause(candidate: _Waiting, log: t.Sequence[str]) -> str:
    """Return the known cause of a failure, empty if there is none."""
    release = candidate.instance.release
    # Code that something else put on the host may be anybody's.
    facts = facts_of_release(release.path, candidate.instance.app["files"]["ini"]) if release.id else facts_of_packages()
    said = [] if candidate.in_a_row else systemd.words_about(candidate.invocation)
    return known_cause([candidate.says, *said, *telling_lines(log)], START, facts)
