# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report about all hosts as data: docs/monitoring/report.schema.json describes it. The page shows nothing that is not in it."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Mapping, Sequence

_FORMAT = 1
# Larger numbers are no figures of a host, and no time comes after the year 9999. Seconds that an answer took have a bound as well.
_MOST, _LAST_SECOND, _MOST_SECONDS = 10**15, 253_402_300_799, 10**9
_MOST_PARTS = 1000
# The first line of a reason tells what failed; the rest is a program's log.
_REASON_SHOWN = 300
CLASSES = ("2xx", "3xx", "4xx", "5xx")
_Raw = Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class ReportedAttempt:
    """A deployment or a rollback, and how many seconds its steps took together."""

    time: str
    action: str
    result: str
    release: str
    revision: str
    who: str
    reason: str
    seconds: float


@dataclasses.dataclass(frozen=True)
class ReportedUnit:
    """A worker or a timer; ``detail`` is how a worker ended, or when a timer elapsed last and how its last run failed."""

    name: str
    unit: str
    active: str
    restarts: int
    detail: str


@dataclasses.dataclass(frozen=True)
class ReportedPool:
    """The load of the live instance, or of its pool for streams."""

    slots: int
    busy: int
    listen_queue: int
    memory_bytes: int
    requests: int
    exceptions: int


@dataclasses.dataclass(frozen=True)
class ReportedCertificate:
    """The certificate of a site; ``not_after`` is in seconds since the epoch."""

    names: list[str]
    issuer: str
    not_after: int


@dataclasses.dataclass(frozen=True)
class ReportedPart:
    """The answers in a part of the time by class of status, and the seconds that 50 % and 99 % of them took at most."""

    statuses: dict[str, int]
    p50: float
    p99: float

    @property
    def requests(self) -> int:
        return sum(self.statuses.values())


@dataclasses.dataclass(frozen=True)
class ReportedTraffic(ReportedPart):
    """The same for the whole time, which begins at ``begin``, and its parts; ``log_begins`` is when the first line of the log was written."""

    begin: int
    part_seconds: int
    log_begins: int
    parts: list[ReportedPart]

    @property
    def end(self) -> int:
        return self.begin + self.part_seconds * len(self.parts)


@dataclasses.dataclass(frozen=True)
class ReportedApp:
    """An application on a host."""

    name: str
    state: str
    instance: str
    release: str
    revision: str
    built: int
    pool: ReportedPool
    streams: ReportedPool | None
    earlier: list[str]
    rejected: list[str]
    problems: list[str]
    certificate: ReportedCertificate | None
    workers: list[ReportedUnit]
    timers: list[ReportedUnit]
    attempts: list[ReportedAttempt]
    traffic: ReportedTraffic | None


@dataclasses.dataclass(frozen=True)
class ReportedHost:
    """A host with its applications, or with the problem that kept it from telling of them."""

    name: str
    problem: str
    apps: list[ReportedApp]


def reported_hosts(answers: Mapping[str, _Raw]) -> list[ReportedHost]:
    """Return what hosts have told.

    :param answers: by host, the result of ``flaskops.stack.uwsgi_info``, also of one that failed or could not be reached
    """
    return [_host(str(name), answer) for name, answer in sorted(answers.items())]


def report_document(hosts: Sequence[ReportedHost], now: float) -> dict[str, t.Any]:
    """Return the report as data for JSON.

    :param now: when the hosts were asked, in seconds since the epoch
    """
    return {"format": _FORMAT, "made": int(now), "hosts": [dataclasses.asdict(host) for host in hosts]}


def _host(name: str, answer: _Raw) -> ReportedHost:
    if "apps" not in answer:
        return ReportedHost(name, f"gave no answer: {answer.get('msg') or 'it was not asked'}", [])
    try:
        return ReportedHost(name, "", [_app(str(app), state) for app, state in sorted(answer["apps"].items())])
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # A host that somebody else rules may answer anything, and the others are reported all the same.
        return ReportedHost(name, f"gave an answer that makes no sense ({type(error).__name__}: {error})", [])


def _app(name: str, app: _Raw) -> ReportedApp:
    live, release = app["instances"].get(app["live"], {}), app["release"]
    others = {str(item["release"]) for key, item in app["instances"].items() if key != app["live"]}
    certificate, traffic = app.get("certificate"), app.get("traffic")
    return ReportedApp(
        name=name,
        state=str(live.get("active", "nothing live")),
        instance=str(app["live"]),
        release=str(release["id"]),
        revision=str(release["revision"]),
        built=_number(release["built"], _LAST_SECOND),
        pool=_pool(live),
        streams=_pool(live["stream"]) if live.get("stream") else None,
        earlier=sorted(others - {str(release["id"]), ""}),
        rejected=sorted(map(str, app["rejected"])),
        problems=[*map(str, app["problems"]), *(f"changed by hand: {path}" for path in app["changed_by_hand"])],
        certificate=_certificate(certificate) if certificate else None,
        workers=[_unit(worker, str(worker["result"])) for worker in app["workers"]],
        timers=[_unit(timer, " ".join(filter(None, map(str, (timer["last"], timer["result"]))))) for timer in app["timers"]],
        attempts=[_attempt(entry) for entry in app["history"]],
        traffic=_traffic(traffic) if traffic else None,
    )


def _pool(uwsgi: _Raw) -> ReportedPool:
    return ReportedPool(
        slots=_number(uwsgi.get("slots", 0)),
        busy=_number(uwsgi.get("busy", 0)),
        listen_queue=_number(uwsgi.get("listen_queue", 0)),
        memory_bytes=_number(uwsgi.get("memory", 0)),
        requests=_number(uwsgi.get("requests", 0)),
        exceptions=_number(uwsgi.get("exceptions", 0)),
    )


def _certificate(record: _Raw) -> ReportedCertificate:
    return ReportedCertificate([str(name) for name in record["names"]], str(record["issuer"]), _number(record["not_after"], _LAST_SECOND))


def _unit(state: _Raw, detail: str) -> ReportedUnit:
    return ReportedUnit(str(state["name"]), str(state["unit"]), str(state["active"]), _number(state.get("restarts", 0)), detail)


def _attempt(entry: _Raw) -> ReportedAttempt:
    reason = str(entry["reason"]).strip().partition("\n")[0][:_REASON_SHOWN]
    words = {name: str(entry[name]) for name in ("time", "action", "result", "release", "revision", "who")}
    # Entries of other tools have no durations.
    return ReportedAttempt(**words, reason=reason, seconds=sum(_seconds(value) for value in dict(entry.get("seconds") or {}).values()))


def _part(part: _Raw) -> dict[str, t.Any]:
    statuses = {name: _number(part["statuses"].get(name, 0)) for name in CLASSES}
    return {"statuses": statuses, "p50": _seconds(part["p50"]), "p99": _seconds(part["p99"])}


def _number(value: t.Any, most: int = _MOST) -> int:
    """Return a number from 0 on.

    :raises ArithmeticError: for what is infinite
    :raises ValueError: if it is none that can be shown
    """
    number = int(value)
    if not 0 <= number <= most:
        raise ValueError(f"a number is not from 0 to {most}")
    return number


def _seconds(value: t.Any) -> float:
    """Return a duration; what is not a number is none that can be drawn.

    :raises ArithmeticError: for what is larger than Python's numbers
    :raises ValueError: if it is none that can be drawn
    """
    number = float(value)
    if not 0 <= number <= _MOST_SECONDS:
        raise ValueError(f"{number} is no duration")
    return number


def _traffic(traffic: _Raw) -> ReportedTraffic:
    most = {"begin": _LAST_SECOND, "part_seconds": _MOST_SECONDS, "log_begins": _LAST_SECOND}
    times = {name: _number(traffic[name], bound) for name, bound in most.items()}
    if times["part_seconds"] < 1 or not 0 < len(traffic["parts"]) <= _MOST_PARTS:
        raise ValueError(f"its traffic has not from 1 to {_MOST_PARTS} parts")
    return ReportedTraffic(**_part(traffic), **times, parts=[ReportedPart(**_part(part)) for part in traffic["parts"]])
