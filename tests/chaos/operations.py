"""The runs that are broken beside deployments: going back, removing an application with or without what it has stored, and certificates."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.flaskops.stack.tests.chaos.points import Case, Step
from ansible_collections.flaskops.stack.tests.harness.host import CHECKOUT
from ansible_collections.flaskops.stack.tests.harness.source import Description

PLAYBOOKS = CHECKOUT / "playbooks"
HERE = Path(__file__).parent
APP = "ledger"


# The calls that bring certificates and what nginx knows of them.
_OF_CERTIFICATES = ("config_tree#", "tls_certificate#", "acme_certificate#", "flaskops-acme#")
# Steps that give a file or a directory its name.
RENAMES = ("| os.rename", "| os.symlink")


class Operation(t.NamedTuple):
    """A kind of run: its playbook and options, and how the description of the application differs from the one that is deployed."""

    name: str
    playbook: Path
    options: tuple[str, ...] = ()
    # The whole description where the application is to go.
    absent: Description | None = None
    # Other values of the key `nginx.tls`, which all later runs have too.
    tls: Description | None = None
    # Commands on the host before the run, and after it.
    before: str = ""
    after: str = ""
    # Whether it is about a certificate alone: the power is cut, too, where the run changes names of files, and the next run deploys nothing new.
    certificate: bool = False

    @property
    def kind(self) -> str:
        """Return the kind of the cases that break it."""
        return f"{self.name} killed"


TLS = "/var/lib/flaskops/tls"
# The host has never had a certificate from the CA.
_WITHOUT = f"rm -r {TLS}/ledger /var/lib/flaskops/certbot; systemctl reload nginx"
# The certificate says that its time was over long ago, as it will be in two months.
_DUE = f"""sed -i 's/"not_before": [0-9]*, "not_after": [0-9]*/"not_before": 1, "not_after": 1700000000/' {TLS}/ledger/live/meta.json"""
# The timer starts the service again within the hour, as often as it was killed, and after a boot.
_AGAIN = "systemctl reset-failed flaskops-acme.service; systemctl start flaskops-acme.service"
# molecule/chaos/prepare.yml makes it.
_OWN: Description = {"acme": False, "certificate": "/opt/pebble/own.pem", "key": "/opt/pebble/own.key"}
DEPLOYMENT = Operation("deployment", PLAYBOOKS / "site.yml")
OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("rollback", PLAYBOOKS / "rollback.yml", ("--extra-vars", json.dumps({"app": APP}))),
        Operation("removal", PLAYBOOKS / "site.yml", absent={"name": APP, "state": "absent"}),
        Operation("purge", PLAYBOOKS / "site.yml", absent={"name": APP, "state": "absent", "purge": True}),
        Operation("first certificate", PLAYBOOKS / "site.yml", before=_WITHOUT, certificate=True),
        Operation("own certificate", PLAYBOOKS / "site.yml", tls=_OWN, certificate=True),
        Operation("renewal", HERE / "renewal.yml", before=_DUE, after=_AGAIN, certificate=True),
    )
}


def of_operation(operation: Operation, steps: Sequence[Step]) -> list[Case]:
    """Return the cases in which a module or the service of certificates ends at a step of a run that deploys nothing, or its host does."""
    cases = []
    # The deployment is broken at every step of the other modules.
    for step in [step for step in steps if not operation.certificate or step.call.startswith(_OF_CERTIFICATES)]:
        where = {"call": step.call, "step": step.step, "count": step.count}
        of_both = {"operation": operation.name, "before": operation.before, "repair": operation.after}
        cases.append(Case(step.title, operation.kind, {**where, "action": "kill"}, **of_both))
        if operation.certificate and step.step.endswith(RENAMES):
            # Without a run, the service may have to end what it has begun.
            cut = {**of_both, "repair": _AGAIN}
            cases.append(Case(f"{operation.name}: {step.title}", "power cut", {**where, "action": "wait"}, **cut))
    return cases
