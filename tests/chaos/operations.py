"""The runs that are broken beside deployments: going back, removing an application, and removing it with all that it has stored."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.flaskops.stack.tests.chaos.points import Case, Step
from ansible_collections.flaskops.stack.tests.harness.host import CHECKOUT
from ansible_collections.flaskops.stack.tests.harness.source import Description

PLAYBOOKS = CHECKOUT / "playbooks"
APP = "ledger"


class Operation(t.NamedTuple):
    """A kind of run: its playbook and options, and how the description of the application differs from the one that is deployed."""

    name: str
    playbook: Path
    options: tuple[str, ...] = ()
    # The whole description where the application is to go.
    absent: Description | None = None

    @property
    def kind(self) -> str:
        """Return the kind of the cases that break it."""
        return f"{self.name} killed"


DEPLOYMENT = Operation("deployment", PLAYBOOKS / "site.yml")
OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("rollback", PLAYBOOKS / "rollback.yml", ("--extra-vars", json.dumps({"app": APP}))),
        Operation("removal", PLAYBOOKS / "site.yml", absent={"name": APP, "state": "absent"}),
        Operation("purge", PLAYBOOKS / "site.yml", absent={"name": APP, "state": "absent", "purge": True}),
    )
}


def of_operation(operation: Operation, steps: Sequence[Step]) -> list[Case]:
    """Return the cases in which a module ends at a step of a run that deploys nothing."""
    faults = [(step, {"call": step.call, "step": step.step, "count": step.count, "action": "kill"}) for step in steps]
    return [Case(step.title, operation.kind, fault, operation=operation.name) for step, fault in faults]
