"""The deployment that is broken: one application gets other code, another requirement and another route beside one that stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.flaskops.stack.molecule.chaos.harness.fleet import HERE, address
from ansible_collections.flaskops.stack.molecule.release_lifecycle.proofs.driver import CHECKOUT, Host, Run, Source, changed, parse, wheel

PLAYBOOK = CHECKOUT / "playbooks" / "site.yml"
WHEELS = "/opt/wheels"
RUN_SECONDS = 900
DRAIN_SECONDS = 3
DEPENDENCY = "ledger_dependency"

Description = dict[str, Any]

LEDGER: Description = {
    "name": "ledger",
    "wsgi": "ledger:app",
    "secrets": {"LEDGER_SECRET": "hush"},
    "hooks": {"migrate": ["python hooks.py migrate"], "after_switch": ["python hooks.py after_switch"]},
    "health": {"path": "/health", "timeout": 60},
    "keep_releases": 2,
    "drain_timeout": DRAIN_SECONDS,
    "uwsgi": {"processes": 1, "threads": 2, "memory_max": "256M", "stream": {"pool": "none"}},
    "nginx": {"server_names": ["ledger"], "routes": [{"path": "/"}]},
}
NEIGHBOUR: Description = {
    "name": "neighbour",
    "wsgi": "ledger:app",
    "env": {"LEDGER_MODE": "calm"},
    "secrets": {"LEDGER_SECRET": "hush"},
    "health": {"path": "/health", "timeout": 60},
    "uwsgi": {"processes": 1},
    "nginx": {"server_names": ["neighbour"]},
}
# The route of the new release.
MOVED = {"path": "/moved", "mode": "redirect", "to": "/elsewhere"}
# What a process of the new release takes where it is to be too large, far more than the application may.
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
    """Runs of ``site`` against hosts, each run a controller of its own, with its own connections."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.key = directory / "id_ed25519"
        if not self.key.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)], check=True)
        code = CHECKOUT / "tests/apps/ledger"
        self.first, self.old, self.new, self.other = (Release(Source(directory, code), number) for number in (1, 2, 3, 4))
        # What the run before left has to go also where the next one deploys something else.
        self.too_large = Release(Source(directory, code), 3)
        with (self.too_large.source.root / "page.py").open("a", encoding="utf-8") as page:
            page.write(TOO_MUCH)
        self.neighbour = {**NEIGHBOUR, "source": {"path": str(code)}}
        self._runs = 0

    def prepare(self, host: Host) -> None:
        """Let the harness log in as on a rented server, and put what releases require where pip looks."""
        host.run("sh", "-c", "install -d -m 0700 -o deploy -g deploy ~deploy/.ssh; cat > ~deploy/.ssh/authorized_keys; chown deploy: ~deploy/.ssh/*",
                 given=self.key.with_suffix(".pub").read_text())  # fmt: skip
        for release in (self.first, self.old, self.new, self.other):
            file = wheel(
                self.directory / "published", DEPENDENCY, release.version, {f"{DEPENDENCY}.py": f"VERSION = {release.version!r}\n"}
            )
            host.run("sh", "-c", f"cat > {WHEELS}/{file.name}", given=file.read_bytes())

    def run(self, hosts: Sequence[Host], release: Release | Mapping[str, Release], **environment: str) -> Run:
        """Deploy a release to hosts, or to each its own by name, and return what became of it."""
        return self.begin(hosts, release, **environment).wait()

    def begin(self, hosts: Sequence[Host], release: Release | Mapping[str, Release], **environment: str) -> Controller:
        """Start a run.

        :param environment: more of it for the controller
        """
        self._runs += 1
        directory = self.directory / f"run-{self._runs}"
        directory.mkdir()
        (directory / "inventory.json").write_text(json.dumps(self._inventory(hosts, release)))
        (directory / "ansible.cfg").write_text(
            "[defaults]\nstdout_callback = ansible.posix.json\ncallbacks_enabled = chaos\n"
            f"callback_plugins = {HERE}/callback_plugins\ninject_facts_as_vars = false\nforks = {len(hosts)}\n"
            "[connection]\npipelining = true\n"
            # A run never meets a connection of the one before, which may lead to a host that lost its power.
            f"[ssh_connection]\ncontrol_path_dir = {directory}\n"
            "ssh_args = -o ControlMaster=auto -o ControlPersist=10 -o ServerAliveInterval=5 -o ServerAliveCountMax=6"
            " -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR\n"
        )
        return Controller(directory, environment)

    def _inventory(self, hosts: Sequence[Host], releases: Release | Mapping[str, Release]) -> dict[str, Any]:
        described = {}
        for host in hosts:
            release = releases if isinstance(releases, Release) else releases[host.name]
            routes = [*LEDGER["nginx"]["routes"], *([] if release in (self.first, self.old) else [MOVED])]
            app = changed(
                {**LEDGER, "source": release.source.path},
                # Of its own, or the migrations of one host would do for all.
                env={"LEDGER_MODE": "calm", "LEDGER_HOST": host.name},
                nginx={"routes": routes},
            )
            described[host.name] = {
                "ansible_host": address(host),
                # What a controller knows of other hosts would decide what it does to this one.
                "flask_app_cache_dir": str(self.directory / f"cache-{host.name}"),
                "flask_apps": [app, self.neighbour],
            }
        variables = {
            "ansible_user": "deploy",
            "ansible_ssh_private_key_file": str(self.key),
            "ansible_python_interpreter": "/usr/local/bin/chaos-python",
        }
        return {"flask_servers": {"hosts": described, "vars": variables}}


class Controller:
    """A run that goes on."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self.began = time.time()
        self.output, self.errors = directory / "stdout", directory / "stderr"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_") or name == "ANSIBLE_COLLECTIONS_PATH"}
        playbook = Path(sys.executable).with_name("ansible-playbook")
        with self.output.open("w") as output, self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [str(playbook), "--inventory", str(directory / "inventory.json"), str(PLAYBOOK)],
                cwd=directory,
                env={**kept, "ANSIBLE_CONFIG": str(directory / "ansible.cfg"), **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )

    @property
    def is_over(self) -> bool:
        return self.process.poll() is not None

    def kill(self) -> None:
        """End it and all its workers at once."""
        os.killpg(self.process.pid, signal.SIGKILL)

    def wait(self) -> Run:
        try:
            self.process.wait(RUN_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()
        return parse(self.output.read_text(), self.errors.read_text(), self.began)
