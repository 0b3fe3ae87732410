"""The deployment that is broken: one application gets other code, another requirement and another route beside one that stays."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.flaskops.stack.tests.chaos.fleet import HERE
from ansible_collections.flaskops.stack.tests.chaos.operations import DEPLOYMENT, Operation
from ansible_collections.flaskops.stack.tests.harness.controller import Controller, Going, Run
from ansible_collections.flaskops.stack.tests.harness.host import CHECKOUT, Host
from ansible_collections.flaskops.stack.tests.harness.source import Description, Source, changed
from ansible_collections.flaskops.stack.tests.harness.wheel import wheel

WHEELS = "/opt/wheels"
DRAIN_SECONDS = 3
DEPENDENCY = "ledger_dependency"

LEDGER: Description = {
    "name": "ledger",
    "wsgi": "ledger:app",
    "secrets": {"LEDGER_SECRET": "hush"},
    "hooks": {"migrate": ["python hooks.py migrate"], "after_switch": ["python hooks.py after_switch"]},
    "health": {"path": "/health", "timeout": 180},
    "keep_releases": 2,
    "drain_timeout": DRAIN_SECONDS,
    "uwsgi": {"processes": 1, "threads": 2, "memory_max": "256M", "stream": {"pool": "none"}},
    # A CA gives a certificate for the name with a dot. The load asks by the other one, which plain HTTP answers as before.
    "nginx": {"server_names": ["ledger.test", "_"], "routes": [{"path": "/"}], "tls": {"acme": True}},
}
NEIGHBOUR: Description = {
    "name": "neighbour",
    "wsgi": "ledger:app",
    "env": {"LEDGER_MODE": "calm"},
    "secrets": {"LEDGER_SECRET": "hush"},
    "health": {"path": "/health", "timeout": 180},
    "uwsgi": {"processes": 1},
    "nginx": {"server_names": ["neighbour"]},
}
# The neighbour answers with this word when it has been deployed anew, so the harness knows which of its releases is live.
ANEW = "anew"
# The CA of molecule/chaos/prepare.yml.
CA = {"nginx_site_acme_server": "https://localhost:14000/dir", "nginx_site_acme_ca_bundle": "/opt/pebble/authority.pem"}
# The route of the new release.
MOVED = {"path": "/moved", "mode": "redirect", "to": "/elsewhere"}
# Code with which a process of the new release takes far more memory than the application may.
TOO_MUCH = "\n\nHOARD = b'x' * (1 << 30)\n"


class Release:
    """A version of the application: its code, what it requires, and the answer that belongs to both."""

    def __init__(self, source: Source, number: int) -> None:
        self.source, self.version = source, f"{number}.0"
        self.source.require(f"{DEPENDENCY}=={self.version}")
        self.page = self.source.write(f"release {number}")

    @property
    def answer(self) -> tuple[str, str]:
        """Page and version of the required package: neither ever comes with another one."""
        return self.page, self.version


class Deployment:
    """Runs of ``site`` against hosts, each run with its own connections."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.controller = Controller(
            directory,
            {
                "defaults": {
                    "stdout_callback": "ansible.posix.json",
                    "callbacks_enabled": "chaos",
                    "callback_plugins": f"{HERE}/callback_plugins",
                },
                "ssh_connection": {
                    "ssh_args": "-o ControlMaster=auto -o ControlPersist=10 -o ServerAliveInterval=5 -o ServerAliveCountMax=6"
                    # Copies of a host have keys of their own.
                    " -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
                },
            },
        )
        code = CHECKOUT / "tests/apps/ledger"
        self.first, self.old, self.new, self.other = (Release(Source(directory, code), number) for number in (1, 2, 3, 4))
        # The leavings of a broken run have to go also if the next run deploys something else.
        self.too_large = Release(Source(directory, code), 3)
        with (self.too_large.source.root / "page.py").open("a", encoding="utf-8") as page:
            page.write(TOO_MUCH)
        self.neighbour = {**NEIGHBOUR, "source": {"path": str(code)}}
        self._numbers = itertools.count(1)

    def prepare(self, host: Host) -> None:
        """Let the harness log in as on a rented server, and put what releases require where pip looks."""
        self.controller.admit(host)
        for release in (self.first, self.old, self.new, self.other):
            file = wheel(
                self.directory / "published", DEPENDENCY, release.version, {f"{DEPENDENCY}.py": f"VERSION = {release.version!r}\n"}
            )
            host.write(f"{WHEELS}/{file.name}", file.read_bytes())

    def run(
        self, hosts: Sequence[Host], release: Release | Mapping[str, Release], operation: Operation = DEPLOYMENT, **environment: str
    ) -> Run:
        """Deploy a release to hosts, or to each its own by name, and return what became of it."""
        return self.begin(hosts, release, operation, **environment).wait()

    def begin(
        self,
        hosts: Sequence[Host],
        release: Release | Mapping[str, Release],
        operation: Operation = DEPLOYMENT,
        neighbour: str = "calm",
        **environment: str,
    ) -> Going:
        """Start a run.

        :param operation: what the run is for, if it deploys nothing
        :param neighbour: what the neighbour says of itself
        :param environment: more of it for the controller
        """
        name = f"run-{next(self._numbers)}"
        # A run never meets a connection of the one before, which may lead to a host that lost its power.
        own = {"ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.directory / name), "ANSIBLE_FORKS": str(len(hosts))}
        inventory = self._inventory(name, hosts, release, operation, changed(self.neighbour, env={"LEDGER_MODE": neighbour}))
        return self.controller.begin(inventory, operation.playbook, *operation.options, **own, **environment)

    def _inventory(
        self, name: str, hosts: Sequence[Host], releases: Release | Mapping[str, Release], operation: Operation, neighbour: Description
    ) -> Path:
        described: dict[str, dict[str, Any]] = {}
        for host in hosts:
            release = releases if isinstance(releases, Release) else releases[host.name]
            routes = [*LEDGER["nginx"]["routes"], *([] if release in (self.first, self.old) else [MOVED])]
            app = changed(
                {**LEDGER, "source": release.source.path},
                # Each host has its own ledger, or the migrations of one host would do for all.
                env={"LEDGER_MODE": "calm", "LEDGER_HOST": host.name},
                nginx={"routes": routes, "tls": operation.tls or {}},
            )
            described[host.name] = {
                **self.controller.by_ssh(host),
                "ansible_python_interpreter": "/usr/local/bin/chaos-python",
                # A shared cache would let earlier runs for other hosts decide what is done to this one.
                "flask_app_cache_dir": str(self.directory / f"cache-{host.name}"),
                **CA,
                "flask_apps": [operation.absent or app, neighbour],
            }
        return self.controller.inventory(name, described, {})
