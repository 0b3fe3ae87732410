"""Deploy releases of one application to several servers in batches, and read what each of them serves."""

from __future__ import annotations

import json
import time
import typing as t
from pathlib import Path

import yaml
from ansible_collections.flaskops.stack.tests.harness.controller import Controller, Going, Run
from ansible_collections.flaskops.stack.tests.harness.host import CHECKOUT, Host, until
from ansible_collections.flaskops.stack.tests.harness.load import Load
from ansible_collections.flaskops.stack.tests.harness.source import Description, Source, changed

SCENARIO = Path(__file__).parents[1]
# Requests a second to each server.
RATE = 10
# The health page of a release that works on some servers only.
FAILS_SOMEWHERE = """
def health():
    import os

    if os.environ["FAILS"] == "yes":
        raise RuntimeError("the ink is out")
    return "well"
"""
# Pages of a release that hang, while its health page is well.
HANGS = """
del NAME


def __getattr__(name):
    import time

    time.sleep(30)
    raise AttributeError(name)
"""
# Settings of a controller under which Ansible would let servers of a batch go on, or stop, for themselves.
HURRIED = {"ANSIBLE_STRATEGY": "free", "ANSIBLE_ANY_ERRORS_FATAL": "1"}


def described() -> Description:
    """Return the description of the application that the scenario has converged."""
    scenario = yaml.safe_load((SCENARIO / "molecule.yml").read_text().replace("${MOLECULE_PROJECT_DIRECTORY}", str(CHECKOUT)))
    (app,) = scenario["provisioner"]["inventory"]["group_vars"]["flask_servers"]["flask_apps"]
    return app


def variables(group: str) -> dict[str, t.Any]:
    """Return what the example inventory of a fleet says of a group."""
    return yaml.safe_load((CHECKOUT / "inventory/fleet/group_vars" / f"{group}.yml").read_text())


class Fleet:
    """Some servers, the application on them and its visitors."""

    def __init__(self, hosts: list[Host], directory: Path) -> None:
        self.hosts, self.directory = hosts, directory
        self.source = Source(directory, CHECKOUT / "tests/apps/ledger")
        self.app = changed(described(), source=self.source.path, env={"FAILS": "{{ fails | default('no') }}"})
        self.controller = Controller(directory)
        for host in hosts:
            self.controller.admit(host)
        self.load = Load(hosts, "ledger", RATE, f"/run/load-{int(time.time())}.jsonl")

    def rollout(self, app: Description, batches: str, soak: int | str, fails_on: Host | None = None, **variables: t.Any) -> Run:
        """Deploy in batches, with the settings that hurt.

        :param soak: how many seconds visitors are watched after each batch
        :param fails_on: the server on which a release with FAILS_SOMEWHERE fails
        """
        run = self.begin_rollout(app, batches, soak, fails_on, **variables).wait()
        assert "Traceback" not in run.output + run.errors, f"the output has no plain message: {run.output[-3000:]}{run.errors}"
        return run

    def begin_rollout(
        self, app: Description, batches: str, soak: int | str, fails_on: Host | None = None, tags: str = "all", **variables: t.Any
    ) -> Going:
        """Begin to deploy in batches; see `rollout`."""
        hosts = {host.name: {**self.controller.by_ssh(host), **({"fails": "yes"} if host is fails_on else {})} for host in self.hosts}
        inventory = self.controller.inventory(
            "inventory", hosts, {"flask_app_cache_dir": str(self.directory / "cache"), "flask_apps": [app]}
        )
        options = [f"--tags={tags}", f"--extra-vars=batches={batches} soak={soak}"]
        options += [f"--extra-vars={name}={value}" for name, value in variables.items()]
        return self.controller.begin(inventory, CHECKOUT / "playbooks/rollout.yml", *options, **HURRIED)

    def kill_rollout(self, app: Description, trial: int) -> None:
        """Deploy to the first server, and kill the run while it watches the visitors there."""
        going = self.begin_rollout(app, "1,100%", 100, trial=trial)
        self.come_to_soak(going)
        time.sleep(3)
        going.kill()
        going.wait()

    def come_to_soak(self, going: Going) -> None:
        """Wait until a run watches visitors."""
        until(lambda: "Pausing for" in going.files["output"].read_text() or going.is_over, 1200)
        assert not going.is_over, f"the run does not watch visitors: {going.wait().output[-3000:]}"

    def run(self, playbook: str, app: Description, edge: Host, *options: str) -> Run:
        """Run a playbook with the variables of inventory/fleet: the edge asks the servers, and they answer it alone.

        :raises RuntimeError: if it fails
        """
        return self.attempt(playbook, app, edge, *options).require_end()

    def attempt(self, playbook: str, app: Description, edge: Host, *options: str) -> Run:
        """Run a playbook as `run` does, whatever its end."""
        path = self.directory / "edge.json"
        edges = {edge.name: self.controller.by_ssh(edge)}
        servers = {host.name: self.controller.by_ssh(host) for host in self.hosts}
        shared = {"flask_app_cache_dir": str(self.directory / "cache"), "shop": app, "fails": "no"}
        groups = {"flask_edges": edges, "flask_servers": servers}
        path.write_text(json.dumps({group: {"hosts": hosts, "vars": {**shared, **variables(group)}} for group, hosts in groups.items()}))
        return self.controller.run(path, CHECKOUT / "playbooks" / f"{playbook}.yml", *options)

    def pages(self) -> list[str]:
        """Return the page that each server serves."""
        return [host.page()["page"] for host in self.hosts]

    def migrations(self) -> int:
        """Return how many migrations have run on all servers."""
        count = 'grep -c \'"kind": "migrate"\' /srv/flask/ledger/shared/hooks.jsonl || true'
        return sum(int(host.shell(count) or 0) for host in self.hosts)
