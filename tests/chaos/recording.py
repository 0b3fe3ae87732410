"""An undisturbed deployment, watched: what there is to break, and what stands on a host afterwards."""

from __future__ import annotations

import dataclasses
import difflib
import time

from ansible_collections.flaskops.stack.tests.chaos.deployment import DRAIN_SECONDS, Deployment
from ansible_collections.flaskops.stack.tests.chaos.fleet import BOOT_SECONDS, Clone
from ansible_collections.flaskops.stack.tests.chaos.operations import DEPLOYMENT, Operation
from ansible_collections.flaskops.stack.tests.chaos.points import Step, read_steps
from ansible_collections.flaskops.stack.tests.harness.host import until

# Two, since what only one of them does is no point to break every host at.
HOSTS = 2
# Lists the timers and services that stop former instances.
DRAINS = ("systemctl", "list-units", "--all", "--plain", "--no-legend", "flask-*-drain-*")
# Files that runs manage, without those of instances, which come and go.
_MANAGED = r"""
find /etc/nginx -name '*flask*' -type f ! -name '.*' | sort
find /etc/sysusers.d /etc/tmpfiles.d -name 'flask-ledger*' -type f | sort
find /etc/systemd/system -maxdepth 1 -name 'flask-ledger*' -type f | sort
"""


@dataclasses.dataclass(frozen=True)
class Recording:
    """The steps of an undisturbed deployment and the state that it leaves."""

    # The controller's tasks in order.
    tasks: list[str]
    # The steps of modules, of each host.
    steps: list[list[Step]]
    # The state of a host in the end; see state.py.
    state: dict[str, list[str]]
    # Paths of files that runs manage.
    managed: list[str]


def record(deployment: Deployment, image: str) -> Recording:
    """Deploy undisturbed to some copies of a host.

    :raises AssertionError: if that fails, or leaves different hosts
    """
    hosts = [Clone(number, image, deployment.directory) for number in range(1, HOSTS + 1)]
    tasks = deployment.directory / "tasks"
    try:
        for host in hosts:
            host.boot()
            host.wait_for_sites()
            host.prepare(record=True)
        deployment.run(hosts, deployment.new, CHAOS_TASKS=str(tasks)).require_success()
        steps = [read_steps(host.read("steps")) for host in hosts]
        for host in hosts:
            host.prepare()
        deployment.run(hosts, deployment.new).require_success().require_nothing_changed("the same was deployed before")
        states = [_settled(host) for host in hosts]
        managed = hosts[0].run("sh", "-c", _MANAGED).splitlines()
    finally:
        for host in hosts:
            host.remove()
    different = [line for kind in states[0] for line in difflib.unified_diff(states[0][kind], states[1][kind], lineterm="", n=0)]
    assert not different, "undisturbed runs leave different hosts:\n" + "\n".join(different)
    return Recording(tasks.read_text().splitlines(), steps, states[0], managed)


@dataclasses.dataclass(frozen=True)
class OperationRecording:
    """The steps of an undisturbed run that deploys nothing, the state that it leaves, and the state after the next deployment."""

    steps: list[Step]
    after: dict[str, list[str]]
    back: dict[str, list[str]]


def record_operation(deployment: Deployment, image: str, operation: Operation, number: int) -> OperationRecording:
    """Run an operation undisturbed on a copy of a host, and deploy to it again.

    :param number: which of the operations it is, as all are recorded beside the deployment
    """
    host = Clone(HOSTS + number, image, deployment.directory)
    try:
        host.boot()
        host.wait_for_sites()
        host.shell(operation.before or "true")
        host.prepare(record=True)
        deployment.run([host], deployment.old, operation).require_success()
        steps = read_steps(host.read("steps"))
        host.prepare()
        after = _settled(host)
        again = operation if operation.tls else DEPLOYMENT
        deployment.run([host], deployment.old if operation.certificate else deployment.new, again).require_success()
        return OperationRecording(steps, after, _settled(host))
    finally:
        host.remove()


def _settled(host: Clone) -> dict[str, list[str]]:
    """Return what stands on a host once what drained has ended."""
    time.sleep(DRAIN_SECONDS + 3)
    # On a busy machine what is to stop them is late.
    until(lambda: not host.run(*DRAINS).strip(), BOOT_SECONDS, 1)
    before, state = {}, host.state()
    while state != before:
        time.sleep(1)
        before, state = state, host.state()
    return state
