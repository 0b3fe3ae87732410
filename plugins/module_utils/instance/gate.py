# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The gate: a candidate gets no traffic before it is ready and has answered its health request on its private sockets.

Candidates of many applications are judged side by side, and each as soon as it can be: one that hangs keeps no other waiting. While more
of them start than the host has processors, a second counts as the share of it that each gets, so that ten applications on a small host
have the time that one has alone.
"""

from __future__ import annotations

import concurrent.futures
import enum
import os
import re
import time
import typing as t

from ..app.modules import facts_of_packages, facts_of_release
from ..host import systemd
from ..host.causes import known_cause, with_cause
from ..host.journal import lines_of_nobody
from ..host.known_causes import START
from ..host.shown import clean, excerpt
from .instance import Instance
from .log_excerpt import telling_lines
from .unit_state import Properties, UnitState, exit_status, has_died
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

    # A copy, since a health request that is still under way may change the words of the candidate.
    says: str
    live: str
    instance: Instance
    # The unit that has failed, its InvocationID, and whether it has answered before.
    unit: str
    invocation: str
    # Seconds since the epoch: when the gate began.
    began: float
    answered: bool = False
    # The names of the workers of the live instance that had to make room.
    made_room: t.Sequence[str] = ()

    @property
    def keeps_live_down(self) -> bool:
        """Return whether the live instance, or one of its workers, is down for the candidate and has to be started again."""
        return bool(self.made_room) or self.instance.app["strategy"] == "restart"

    def text(self) -> str:
        """Return the message, with the last log lines; this may take seconds, as journald is slower than the unit's end."""
        log = _last_words(self.unit, self.invocation, self.began)
        lines = "".join(f"\n    {excerpt(line, _LINE_SHOWN)}" for line in telling_lines(log)) or "\n    (nothing)"
        said = with_cause(_cause(self, log), f"{self.says}. {self.live}")
        return f"{self.instance.name}: {said} The candidate's last log lines:{lines}"


def live_state_text(instance: Instance, made_room: t.Sequence[str] = ()) -> str:
    """Return a sentence that says what happened to the live instance.

    :param made_room: the names of its workers that had to make room
    """
    if instance.live_id in ("", instance.id):
        return "Nothing else is live."
    if instance.app["strategy"] == "restart":
        return "The live instance had to make room and is started again."
    if made_room:
        workers, are = ("workers", "are") if len(made_room) > 1 else ("worker", "is")
        return f"The live instance goes on; its {workers} {', '.join(made_room)} had to make room and {are} started again."
    return "The live instance was not touched."


class _Waiting:
    """A candidate, or the stream pool of one, that has not passed the gate yet."""

    def __init__(self, instance: Instance, unit: str) -> None:
        self.instance, self.unit, self.health, self.socket = instance, unit, instance.app["health"], instance.sockets[unit]
        self.who = f"the candidate {instance.id}" if unit == instance.unit else f"the stream pool of the candidate {instance.id}"
        self.in_a_row, self.next_request, self.says = 0, 0.0, ""
        # InvocationID of the first start. After systemd's automatic restart the new invocation's journal is still empty.
        self.invocation = ""
        # The health request that is under way.
        self.asked: concurrent.futures.Future[bool] | None = None

    def look(self, properties: Properties, pool: concurrent.futures.Executor) -> Verdict:
        """Look at the unit once, and have the health request sent when it is time; ``says`` tells why a candidate has not passed."""
        state, who = UnitState.of(properties), self.who
        if state is not UnitState.INACTIVE:
            self.invocation = self.invocation or properties.get("InvocationID", "")
        if has_died(properties):
            when = "after it was ready" if self.in_a_row or self.says.startswith(f"{who} was asked") else "before it was ready"
            self.says = f"{who} exited{exit_status(properties, self.invocation)} {when}"
            return Verdict.BAD
        if state is not UnitState.ACTIVE:
            self.says = f"{who} was not ready (it is {properties['ActiveState']})"
        elif self.asked is None and time.monotonic() >= self.next_request:
            self.next_request = time.monotonic() + self.health["interval"]
            self.asked = pool.submit(self._ask)
        return Verdict.WAIT

    def conclude(self) -> Verdict:
        """Return the verdict that follows from the health requests so far."""
        if self.asked and self.asked.done():
            self.in_a_row = self.in_a_row + 1 if self.asked.result() else 0
            self.asked = None
        return Verdict.GOOD if self.in_a_row >= self.health["successes"] else Verdict.WAIT

    def _ask(self) -> bool:
        """Send the health request and return whether the answer is accepted."""
        health = self.health
        asked = f"{self.who} was asked for {health['path']} (Host: {health['host']})"
        self.says = self.says if self.says.startswith(asked) else f"{asked} and gave no answer"
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


def gate(instances: t.Sequence[Instance], meanwhile: t.Callable[[], None] = lambda: None) -> t.Iterator[tuple[Instance, Problem | None]]:
    """Yield every candidate as soon as it has passed or failed, with its problem if it has failed.

    The time that the caller takes in between is not counted against the candidates that are left.

    :param meanwhile: what the caller does between two looks at the candidates
    """
    waiting = {instance: [_Waiting(instance, unit) for unit in instance.wanted_units] for instance in instances}
    # Seconds that count against those who wait, and until when they were counted.
    spent, counted, since = 0.0, time.monotonic(), time.time()
    # A thread for each, so that a request without an answer does not keep others from being sent.
    pool = concurrent.futures.ThreadPoolExecutor(max(1, sum(map(len, waiting.values()))))
    try:
        while waiting:
            starting = [half for halves in waiting.values() for half in halves]
            verdicts = _look_at(starting, pool)
            spent += (time.monotonic() - counted) * min(1.0, len(os.sched_getaffinity(0)) / len(starting))
            for instance, halves in list(waiting.items()):
                late = spent > instance.app["health"]["timeout"]
                left = [half for half in halves if verdicts[half] is not Verdict.GOOD]
                refused = next((half for half in left if late or verdicts[half] is Verdict.BAD), None)
                waiting[instance] = left
                if left and refused is None:
                    continue
                del waiting[instance]
                yield instance, _problem(refused, verdicts[refused], since) if refused else None
            if waiting:
                meanwhile()
                counted = time.monotonic()
                time.sleep(_POLL_SECONDS)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _look_at(halves: t.Sequence[_Waiting], pool: concurrent.futures.Executor) -> dict[_Waiting, Verdict]:
    """Look at every candidate that is left, and wait a moment for the answers to its health request."""
    states = systemd.show([half.unit for half in halves])
    seen = {half: half.look(states[half.unit], pool) for half in halves}
    concurrent.futures.wait([half.asked for half in halves if half.asked], timeout=_POLL_SECONDS)
    return {half: verdict if verdict is Verdict.BAD else half.conclude() for half, verdict in seen.items()}


def _problem(half: _Waiting, verdict: Verdict, since: float) -> Problem:
    if verdict is Verdict.WAIT:
        half.says += f" within {half.health['timeout']} s"
    return Problem(half.says, live_state_text(half.instance), half.instance, half.unit, half.invocation, since, bool(half.in_a_row))


def _last_words(unit: str, invocation: str, since: float) -> list[str]:
    """Return the last log lines of a candidate.

    journald is slower than the unit's end. It is told to read what it was sent; one that cannot be told is read until two looks are equal.

    :param since: seconds since the epoch, when the gate began
    """
    give_up = time.monotonic() + _JOURNAL_SECONDS
    systemd.sync_journal()
    log = _log(unit, invocation, since)
    while time.monotonic() < give_up:
        time.sleep(_JOURNAL_PAUSE)
        before, log = log, _log(unit, invocation, since)
        if log and log == before:
            break
    return log


def _log(unit: str, invocation: str, since: float) -> list[str]:
    """Return the last log lines of a candidate's first start, also those that journald has read too late to know whose they are."""
    if not invocation:
        return systemd.journal(unit, since=since)
    return [*systemd.journal(unit, invocation=invocation), *lines_of_nobody(unit, since)]


def _cause(problem: Problem, log: t.Sequence[str]) -> str:
    """Return the known cause of a failure, empty if there is none."""
    release = problem.instance.release
    # Code that something else put on the host may be anybody's.
    facts = facts_of_release(release.path, problem.instance.app["files"]["ini"]) if release.id else facts_of_packages()
    said = [] if problem.answered else systemd.words_about(problem.invocation)
    return known_cause([problem.says, *said, *telling_lines(log)], START, facts)
