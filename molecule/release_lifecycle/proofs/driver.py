"""Drive the applications of the scenario through releases: runs of playbooks, and what the hosts have afterwards."""

from __future__ import annotations

import contextlib
import json
import time
import typing as t
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml
from ansible_collections.flaskops.stack.tests.harness.controller import Controller, Run, counting_trips
from ansible_collections.flaskops.stack.tests.harness.host import CHECKOUT, Host, State
from ansible_collections.flaskops.stack.tests.harness.load import Load
from ansible_collections.flaskops.stack.tests.harness.source import Description, Source, changed
from ansible_collections.flaskops.stack.tests.harness.wheel import wheel

SCENARIO = Path(__file__).parents[1]
APP, NEIGHBOUR = "ledger", "neighbour"
WHEELS = "/opt/wheels"


def group_vars() -> dict[str, t.Any]:
    """Return the variables of the scenario's hosts."""
    scenario = yaml.safe_load((SCENARIO / "molecule.yml").read_text().replace("${MOLECULE_PROJECT_DIRECTORY}", str(CHECKOUT)))
    return scenario["provisioner"]["inventory"]["group_vars"]["flask_servers"]


class Site:
    """The hosts, and the description of the application that is deployed to them."""

    def __init__(self, hosts: list[Host], directory: Path) -> None:
        self.hosts, self.directory = hosts, directory
        self.variables = group_vars()
        self.first, self.neighbour = (next(app for app in self.variables["flask_apps"] if app["name"] == name) for name in (APP, NEIGHBOUR))
        self.source = Source(directory, CHECKOUT / "tests/apps/ledger")
        # The application that is deployed now.
        self.app = changed(self.first, source=self.source.path)
        self.cache = directory / "cache"
        self.controller = Controller(
            directory,
            {
                "defaults": {
                    "stdout_callback": "ansible.posix.json",
                    "fact_caching": "ansible.builtin.jsonfile",
                    "fact_caching_connection": f"{directory}/facts",
                }
            },
        )
        self.host_variables: dict[str, dict[str, t.Any]] = {host.name: {} for host in hosts}

    def run(
        self,
        playbook: str = "deploy",
        described: Description | None = None,
        limit: Host | None = None,
        check: bool = False,
        others: Sequence[Description] = (),
        **variables: t.Any,
    ) -> Run:
        """Run a playbook, in check mode or not, and return what became of it.

        :param described: the application, if it is not as it was deployed last
        :param others: more applications, which come before it in the list
        :param variables: what a user would give with --extra-vars
        """
        apps = [*others, described or self.app]
        shipped = CHECKOUT / "playbooks" / f"{playbook}.yml"
        path = shipped if shipped.exists() else SCENARIO / f"{playbook}.yml"
        options = [*(["--limit", limit.name] if limit else []), *(["--check"] if check else [])]
        options += ["--extra-vars", json.dumps(variables)] if variables else []
        own_index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.source.wheels)}
        run = self.controller.run(self._inventory(apps), path, *options, **counting_trips(), **own_index)
        for secret in [secret for app in apps for secret in app.get("secrets", {}).values()]:
            assert secret not in run.output + run.errors, f"the output of {playbook} has the secret {secret}"
        return run

    def deploy(self, app: Description, playbook: str = "deploy", **variables: t.Any) -> Run:
        """Deploy what must be good, and take it for the description from now on."""
        run = self.run(playbook, app, **variables).require_success()
        self.app = app
        return run

    def _inventory(self, apps: Sequence[Description]) -> Path:
        hosts = {host.name: {**self.controller.by_engine(host), **self.host_variables[host.name]} for host in self.hosts}
        variables = {**self.variables, "flask_app_cache_dir": str(self.cache), "flask_apps": [*apps, self.neighbour]}
        return self.controller.inventory("inventory", hosts, variables)

    def publish(self, name: str, version: str, files: t.Mapping[str, str], *hosts: Host) -> None:
        """Put a package where pip on the hosts looks."""
        file = wheel(self.directory / "published", name, version, files)
        for host in hosts or self.hosts:
            host.write(f"{WHEELS}/{file.name}", file.read_bytes())

    def look(self, name: str = APP) -> dict[str, State]:
        """Return by host what there is of an application."""
        return self.look_at([name])[name]

    def look_at(self, names: Sequence[str]) -> dict[str, dict[str, State]]:
        """Return by application and host what there is of some applications, seen side by side."""
        places = [(name, host) for name in names for host in self.hosts]
        with ThreadPoolExecutor(4) as pool:
            states = list(pool.map(lambda place: place[1].look(place[0]), places))
        found: dict[str, dict[str, State]] = {name: {} for name in names}
        for (name, host), state in zip(places, states, strict=True):
            found[name][host.name] = state
        return found

    @contextlib.contextmanager
    def load(self, rate: float = 25, app: str = APP) -> Iterator[Load]:
        """Ask a site of all hosts all the time."""
        load = Load(self.hosts, app, rate, f"/run/load-{time.time_ns()}.jsonl")
        load.begin()
        try:
            yield load
        finally:
            load.end()
