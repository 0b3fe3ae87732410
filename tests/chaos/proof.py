"""One batch of cases: each on a host of its own, disturbed, looked at, and deployed to again."""

from __future__ import annotations

import dataclasses
import difflib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.flaskops.stack.tests.chaos.deployment import ANEW, DRAIN_SECONDS, MOVED, Deployment, Release
from ansible_collections.flaskops.stack.tests.chaos.fleet import BOOT_SECONDS, SITES, Clone
from ansible_collections.flaskops.stack.tests.chaos.operations import APP, DEPLOYMENT, OPERATIONS, Operation
from ansible_collections.flaskops.stack.tests.chaos.points import Case
from ansible_collections.flaskops.stack.tests.chaos.recording import OperationRecording
from ansible_collections.flaskops.stack.tests.harness.controller import Going, Run
from ansible_collections.flaskops.stack.tests.harness.host import until

# Controllers at a time.
CONTROLLERS = 2
REACH_SECONDS = 300
QUIET_SECONDS = 300
SHOWN = 3


@dataclasses.dataclass
class Verdict:
    """The findings of a case; the text of a letter is empty if its promise holds."""

    case: Case
    # Both sites answered throughout.
    a: str = ""
    # The answers were those of the old or the new release.
    b: str = ""
    # The next run converged, and the one after changed nothing.
    c: str = ""
    # Nothing was left behind.
    d: str = ""
    requests: int = 0
    # The error message of the disturbed run, empty if it printed none or succeeded.
    said: str = ""

    @property
    def holds(self) -> bool:
        return not (self.a or self.b or self.c or self.d)


@dataclasses.dataclass
class Patient:
    """A host with its case."""

    host: Clone
    case: Case
    verdict: Verdict
    # When requests count from: after the boot, or after the run that made up for a fault that stops the site.
    since: float = 0.0

    @property
    def operation(self) -> Operation:
        """The run that is disturbed."""
        return OPERATIONS[self.case.operation] if self.case.operation else DEPLOYMENT

    @property
    def goes(self) -> bool:
        """Whether the application is to go, so that its site does not answer meanwhile."""
        return bool(self.operation.absent)

    @property
    def repeated(self) -> Operation:
        """The runs after the disturbed one: a removal is done again or the application comes back, and another certificate stays."""
        stays = self.operation.tls or (self.goes and not self.case.then_other)
        return self.operation if stays else DEPLOYMENT


def each(act: Callable[[Patient], Any], patients: Sequence[Patient], at_a_time: int = 8) -> None:
    """Do something for all of them side by side."""
    with ThreadPoolExecutor(at_a_time) as pool:
        list(pool.map(act, patients))


class Batch:
    """Cases that are tried side by side."""

    def __init__(
        self, deployment: Deployment, image: str, reference: dict[str, list[str]], operations: Mapping[str, OperationRecording]
    ) -> None:
        self.deployment, self.image, self.reference, self.operations = deployment, image, reference, operations

    def prove(self, cases: Sequence[Case]) -> list[Verdict]:
        """Try cases; whatever goes wrong is told of the case."""
        patients = [
            Patient(Clone(number, self.image, self.deployment.directory), case, Verdict(case)) for number, case in enumerate(cases, 1)
        ]
        try:
            each(self._admit, patients, CONTROLLERS)
            with ThreadPoolExecutor(CONTROLLERS) as pool:
                for done in [pool.submit(self._disturb, some) for some in _by_run(patients)]:
                    done.result()
            each(self._repair, patients)
            self._deploy_again(patients)
            each(self._discharge, patients)
        finally:
            each(lambda patient: patient.host.remove(), patients)
        return [patient.verdict for patient in patients]

    def _admit(self, patient: Patient) -> None:
        host, case = patient.host, patient.case
        host.boot()
        host.wait_for_sites()
        host.begin_load()
        if case.before:
            host.run("sh", "-ec", case.before)
        host.prepare(case.fault or None)

    def _disturb(self, patients: Sequence[Patient]) -> None:
        """Run into the fault, with all hosts of a run that is not killed itself."""
        case = patients[0].case
        release = self.deployment.too_large if case.too_large else self.deployment.old if case.operation else self.deployment.new
        hosts = [patient.host for patient in patients]
        environment = {"CHAOS_KILL_AT": str(case.task)} if case.task else {}
        releases = [release, *([self.deployment.other if case.differing else release] if case.twice else [])]
        neighbour = ANEW if case.with_neighbour else "calm"
        controllers = [self.deployment.begin(hosts, each_one, patients[0].operation, neighbour, **environment) for each_one in releases]
        waiting = [patient for patient in patients if patient.case.fault.get("action") == "wait"]
        with ThreadPoolExecutor(len(waiting) or 1) as pool:
            struck = [pool.submit(self._strike, patient, controllers[0]) for patient in waiting]
            runs = [controller.wait() for controller in controllers]
            for done in struck:
                done.result()
        for patient in patients:
            self._note(patient, runs)

    def _strike(self, patient: Patient, controller: Going) -> None:
        """Do from outside what a module waits for."""
        host = patient.host
        if not until(lambda: host.reached or controller.is_over, REACH_SECONDS, 0.02) or not host.reached:
            return
        if patient.case.kind in ("power cut", "reboot"):
            host.end_load()
            host.reboot() if patient.case.kind == "reboot" else host.power_cut()
            if not until(host.answers, BOOT_SECONDS, 0.3):
                patient.verdict.a = f"no answer {BOOT_SECONDS} s after the boot"
            patient.since = time.time()
            host.begin_load()
        else:
            controller.kill()
            (host.shared / "go").touch()

    def _note(self, patient: Patient, runs: Sequence[Run]) -> None:
        """Write down whether the fault came, and what was said of it."""
        case, name = patient.case, patient.host.name
        if case.fault and not patient.host.reached:
            patient.verdict.c = "the run never came to this point"
        patient.verdict.said = "; ".join(run.messages[name] for run in runs if name in run.messages)
        if case.kind == "surroundings":
            trouble = next((word for word in ("Traceback", "MODULE FAILURE", "Task failed: Module") if word in patient.verdict.said), "")
            patient.verdict.c = f"no clear message: {patient.verdict.said}" if trouble else patient.verdict.c
        if case.with_neighbour:
            mode = json.loads(patient.host.get("neighbour")[1] or "{}").get("mode")
            patient.verdict.c = patient.verdict.c or ("" if mode == ANEW else f"the neighbour is still {mode}")

    def _repair(self, patient: Patient) -> None:
        if patient.case.repair:
            patient.host.run("sh", "-c", patient.case.repair)
        patient.host.prepare()

    def _deploy_again(self, patients: Sequence[Patient]) -> None:
        """The next run has to converge, and the one after it to find nothing to do. Hosts with different runs have them side by side."""
        groups = [[patient for patient in patients if patient.repeated == each] for each in (DEPLOYMENT, *OPERATIONS.values())]
        with ThreadPoolExecutor(CONTROLLERS) as pool:
            for done in [pool.submit(self._run_twice, some, some[0].repeated) for some in groups if some]:
                done.result()

    def _run_twice(self, patients: Sequence[Patient], operation: Operation) -> None:
        hosts = [patient.host for patient in patients]
        for what in ("next run", "run after it"):
            run = self.deployment.run(hosts, {patient.host.name: self._next(patient) for patient in patients}, operation)
            for patient in patients:
                name = patient.host.name
                problem = run.messages.get(name, "" if name in run.changed else run.said or "it said nothing")
                if not problem and what == "run after it" and run.changed[name]:
                    problem = f"changed {', '.join(run.changed[name])}"
                if problem and not patient.verdict.c:
                    patient.verdict.c = f"{what}: {problem}"
                if what == "next run" and (patient.case.stops_site or patient.goes):
                    patient.since = time.time()

    def _next(self, patient: Patient) -> Release:
        """Return the release that is deployed after the disturbed run: after one of a certificate no other one, which would take longer."""
        if patient.operation.certificate:
            return self.deployment.old
        return self.deployment.other if patient.case.then_other else self.deployment.new

    def _discharge(self, patient: Patient) -> None:
        host, verdict = patient.host, patient.verdict
        if not verdict.c:
            verdict.c = self._unlike_the_description(patient)
        left: list[str] = []

        def is_clean() -> bool:
            left[:] = self._left(patient)
            return not left

        time.sleep(DRAIN_SECONDS)
        until(is_clean, QUIET_SECONDS, 2)
        until(lambda: all(host.samples(site, patient.since) for site in _judged(patient)), QUIET_SECONDS, 1)
        verdict.d = "; ".join(left[:SHOWN])
        host.end_load()
        self._judge_answers(patient)

    def _unlike_the_description(self, patient: Patient) -> str:
        """Return what is not as described after the runs."""
        host, release = patient.host, self._next(patient)
        if patient.repeated.absent:
            return f"the site still answers {host.get(APP)}" if host.get(APP)[0] == 200 else ""
        answer = json.loads(host.get("ledger")[1] or "{}") if host.get("ledger")[0] == 200 else {}
        if (answer.get("page"), answer.get("dependency")) != release.answer:
            return f"the site answers {answer}"
        status, _body = host.get("ledger", MOVED["path"])
        if (status == 301) is (release is self.deployment.old):
            return f"the new route answers {status}"
        return host.wrong_certificate()

    def _left(self, patient: Patient) -> list[str]:
        """Return what is on a host and should not be, or should and is not."""
        state = patient.host.state()
        found = min((_differences(expected, state) for expected in self._allowed(patient)), key=len)
        # A neighbour that was deployed anew and once more has a former instance, which the recorded one has not.
        return [line for line in found if not (patient.case.with_neighbour and "neighbour" in line)]

    def _allowed(self, patient: Patient) -> list[dict[str, list[str]]]:
        """Return the states that a host may be in: a run that was killed early has done nothing, and one that was killed late everything."""
        if not patient.case.operation:
            return [self.reference]
        recorded = self.operations[patient.case.operation]
        if patient.operation.certificate:
            return [recorded.back]
        return [recorded.after] if patient.repeated.absent else [self.reference, recorded.back]

    def _judge_answers(self, patient: Patient) -> None:
        verdict = patient.verdict
        allowed = {
            "ledger": {self.deployment.old.answer, self.deployment.new.answer, self._next(patient).answer},
            "neighbour": {("first", "")},
        }
        if patient.case.operation == "rollback":
            allowed[APP].add(self.deployment.first.answer)
        if patient.case.differing:
            allowed[APP].add(self.deployment.other.answer)
        for site in _judged(patient):
            samples = patient.host.samples(site, patient.since if site == APP or not patient.goes else 0)
            verdict.requests += len(samples)
            unanswered = [sample for sample in samples if sample.status != 200]
            if not samples:
                verdict.a = verdict.a or f"{site}: no request was made"
            if unanswered:
                bodies = f"{unanswered[0].status} {unanswered[0].body[:200]}"
                verdict.a = verdict.a or f"{site}: {len(unanswered)} of {len(samples)} requests failed, the first with {bodies}"
            answers = {_answer(sample.body) for sample in samples if sample.status == 200}
            if strange := answers - allowed[site]:
                verdict.b = f"{site}: {strange}"


def _by_run(patients: Sequence[Patient]) -> list[list[Patient]]:
    """Return the patients that one run of a controller is for, list by list."""
    shared = [
        [patient for patient in patients if patient.operation == each and not patient.case.is_alone]
        for each in (DEPLOYMENT, *OPERATIONS.values())
    ]
    return [*([patient] for patient in patients if patient.case.is_alone), *filter(None, shared)]


def _judged(patient: Patient) -> list[str]:
    """Return the sites that answer until the end."""
    return [site for site in SITES if site != APP or not patient.repeated.absent]


def _differences(expected: Mapping[str, list[str]], state: Mapping[str, list[str]]) -> list[str]:
    found = []
    for kind, lines in expected.items():
        compared = difflib.ndiff(lines, state[kind])
        found += [f"{kind}: {line}" for line in compared if line.startswith(("+ ", "- "))]
    return found


def _answer(body: str) -> tuple[str, str]:
    try:
        found = json.loads(body)
        return str(found["page"]), str(found["dependency"])
    except (ValueError, KeyError, TypeError):
        return body[:100], ""
