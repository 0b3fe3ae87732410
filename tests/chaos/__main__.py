"""Break a deployment everywhere: python -m …tests.chaos BASE, BASE being the container of the scenario."""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ansible_collections.flaskops.stack.tests.chaos.deployment import Deployment
from ansible_collections.flaskops.stack.tests.chaos.operations import OPERATIONS, of_operation
from ansible_collections.flaskops.stack.tests.chaos.points import Case, distinct, of_controller, of_modules, sample, select
from ansible_collections.flaskops.stack.tests.chaos.proof import CONTROLLERS, Batch, Verdict
from ansible_collections.flaskops.stack.tests.chaos.recording import OperationRecording, Recording, record, record_operation
from ansible_collections.flaskops.stack.tests.chaos.report import line, summary, write
from ansible_collections.flaskops.stack.tests.chaos.surroundings import of_surroundings
from ansible_collections.flaskops.stack.tests.harness.host import CHECKOUT, Host, image_of, remove_image


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", help="the prepared container")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="try N cases, others with every commit; 0 for all")
    parser.add_argument("--seed", default="", help="which cases --sample takes (default: those of the commit)")
    parser.add_argument("--only", default="", metavar="REGEX", help="cases whose kind and name match")
    parser.add_argument(
        "--operation",
        action="append",
        choices=sorted(OPERATIONS),
        help="also break this run that deploys nothing; more than once for several (default: all, and for --sample one)",
    )
    parser.add_argument("--hosts", type=int, default=6, help="cases at a time (%(default)s)")
    parser.add_argument("--list", action="store_true", help="say which cases there are, and try none")
    parser.add_argument("--report", type=Path, help="write the table of all cases there")
    parser.add_argument("--verdicts", type=Path, help="a line of JSON for each case; cases that it has are not tried again")
    arguments = parser.parse_args()
    # Whoever ends this leaves no hosts behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as directory:
        deployment = Deployment(Path(directory))
        base = Host("base", arguments.base)
        deployment.prepare(base)
        say("deploying two releases to the host that is copied")
        for release in (deployment.first, deployment.old):
            deployment.run([base], release).require_success()
        image = image_of(base, f"{arguments.base}:deployed")
        try:
            seed = arguments.seed or _commit()
            recorded, operations = _recordings(deployment, image, arguments.operation or chosen(seed if arguments.sample else ""))
            steps = select(recorded.steps)
            cases = [*of_controller(recorded.tasks), *of_modules(steps), *of_surroundings(recorded.steps[0], recorded.managed)]
            for name, operation in operations.items():
                cases += of_operation(OPERATIONS[name], select([operation.steps]))
            say(f"{len(recorded.tasks)} tasks and {len(steps)} of {len(recorded.steps[0])} steps, {len(cases)} cases")
            # By turns the same release is deployed again, and another one.
            cases = [dataclasses.replace(case, then_other=number % 2 == 1) for number, case in enumerate(distinct(cases))]
            every = cases
            cases = [case for case in cases if re.search(arguments.only, case.title)]
            if arguments.sample:
                cases = sample(cases, arguments.sample, seed)
                say(f"{len(cases)} of them; again with --sample {arguments.sample} --seed {seed}")
            if arguments.list:
                for case in cases:
                    print(case.title)
                return 0
            verdicts = _try(cases, Batch(deployment, image, recorded.state, operations), arguments.hosts, arguments.verdicts)
        finally:
            remove_image(image)
    print(summary(verdicts))
    if arguments.report:
        write(arguments.report, verdicts, every)
    return 0 if verdicts and all(verdict.holds for verdict in verdicts) else 1


def chosen(seed: str) -> list[str]:
    """Return the names of the runs to break that deploy nothing: all of them, or for a sample one, which the seed chooses."""
    return [random.Random(seed).choice(sorted(OPERATIONS))] if seed else list(OPERATIONS)


def _recordings(deployment: Deployment, image: str, names: list[str]) -> tuple[Recording, dict[str, OperationRecording]]:
    """Record a deployment, and beside it runs that deploy nothing."""
    say(f"recording a deployment, and {', '.join(names)}")
    with ThreadPoolExecutor(CONTROLLERS) as pool:
        deployed = pool.submit(record, deployment, image)
        waiting = [pool.submit(record_operation, deployment, image, OPERATIONS[name], number) for number, name in enumerate(names, 1)]
        return deployed.result(), dict(zip(names, [done.result() for done in waiting], strict=True))


def _try(cases: list[Case], batch: Batch, hosts: int, log: Path | None) -> list[Verdict]:
    """Try all cases, so many at a time, and tell of each."""
    known = {case.title: case for case in cases}
    lines = [json.loads(text) for text in log.read_text().splitlines()] if log and log.exists() else []
    verdicts = [Verdict(case=known[seen.pop("title")], **seen) for seen in lines if seen["title"] in known]
    left = [case for case in cases if case not in [verdict.case for verdict in verdicts]]
    for start in range(0, len(left), hosts):
        began = time.monotonic()
        for verdict in batch.prove(left[start : start + hosts]):
            verdicts.append(verdict)
            print(line(verdict), flush=True)
            if log:
                seen = {key: value for key, value in vars(verdict).items() if key != "case"}
                with log.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"title": verdict.case.title, **seen}) + "\n")
        say(f"{len(verdicts)} of {len(cases)}, {time.monotonic() - began:.0f} s")
    return verdicts


def _commit() -> str:
    """Return the commit of the checkout: the same cases for everybody who looks at it."""
    done = subprocess.run(["git", "-C", str(CHECKOUT), "rev-parse", "--short", "HEAD"], check=False, capture_output=True, text=True)
    return done.stdout.strip() or time.strftime("%Y-%m-%d")


if __name__ == "__main__":
    sys.exit(main())
