"""Hosts that Ansible reaches as it reaches servers, by SSH with a login and sudo, and runs of playbooks on them."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .hosts import IMAGE, PREFIX, Host
from .results import ROOT

LOGIN = "deploy"
# The first deployment installs packages, fifty applications take a while.
RUN_SECONDS = 3600
SSHD_SECONDS = 30


@dataclasses.dataclass(frozen=True)
class Run:
    """What a run of a playbook took."""

    seconds: float
    changed: int
    output: str


class Controller:
    """Runs playbooks the way somebody does who has followed docs/operations.md: pipelining, connections that are kept.

    :param directory: for keys, inventories, sources and what is fetched
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.key, self.known = directory / "id_ed25519", directory / "known_hosts"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)], check=True)
        self.configuration = directory / "ansible.cfg"
        self.configuration.write_text(
            "[defaults]\ninject_facts_as_vars = false\nretry_files_enabled = false\n[connection]\npipelining = true\n"
            "[ssh_connection]\nssh_args = -o ControlMaster=auto -o ControlPersist=600s\n"
        )

    def admit(self, host: Host) -> None:
        """Let the login in, as an installer does, and remember the host's key."""
        host.run(
            "sh",
            "-euc",
            f"install -d -m 0700 -o {LOGIN} -g {LOGIN} ~{LOGIN}/.ssh; cat >~{LOGIN}/.ssh/authorized_keys;"
            f" chown {LOGIN}: ~{LOGIN}/.ssh/authorized_keys",
            given=self.key.with_suffix(".pub").read_text(),
        )
        end = time.monotonic() + SSHD_SECONDS
        while True:
            scan = ["ssh-keyscan", "-T", "2", "-t", "ed25519", host.address()]
            keys = subprocess.run(scan, check=False, capture_output=True, text=True).stdout
            if keys:
                break
            if time.monotonic() > end:
                raise RuntimeError(f"{host.name}: no sshd answers")
            time.sleep(0.2)
        with self.known.open("a") as file:
            file.write(keys)

    def forget(self, host: Host) -> None:
        """Forget a host that goes, and end the connection to it: another one may get its address."""
        address = host.address()
        subprocess.run(["ssh-keygen", "-q", "-R", address, "-f", str(self.known)], check=False, capture_output=True)

    def inventory(self, name: str, hosts: Iterable[Host], variables: Mapping[str, Any]) -> Path:
        """Write an inventory of hosts that are all app hosts."""
        reached = {
            host.name: {
                "ansible_host": host.address(),
                "ansible_user": LOGIN,
                "ansible_ssh_private_key_file": str(self.key),
                "ansible_ssh_common_args": f"-o UserKnownHostsFile={self.known} -o IdentitiesOnly=yes",
                "ansible_python_interpreter": "/usr/bin/python3",
            }
            for host in hosts
        }
        path = self.directory / f"{name}.json"
        shared = {"flask_app_cache_dir": str(self.directory / "cache"), **variables}
        path.write_text(json.dumps({"flask_servers": {"hosts": reached, "vars": shared}}))
        return path

    def run(self, inventory: Path, playbook: str, **environment: str) -> Run:
        """Run a playbook and return what it took.

        :raises RuntimeError: with its last lines, if it fails
        """
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "--inventory", str(inventory), playbook]
        own = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        env = {**own, "ANSIBLE_CONFIG": str(self.configuration), "ANSIBLE_NOCOLOR": "1", **environment}
        began = time.monotonic()
        done = subprocess.run(command, check=False, cwd=self.directory, env=env, capture_output=True, text=True, timeout=RUN_SECONDS)
        seconds = time.monotonic() - began
        if done.returncode != 0:
            raise RuntimeError(f"{playbook} ended with {done.returncode}: {done.stdout[-3000:]}{done.stderr[-1000:]}")
        return Run(seconds, sum(map(int, re.findall(r"\bchanged=(\d+)", done.stdout))), done.stdout)

    def round_trips(self, inventory: Path, playbook: str) -> tuple[Run, list[str]]:
        """Run a playbook and return the tasks that sent something to a host, one for each round trip."""
        lines = self.directory / "round_trips.jsonl"
        lines.write_text("")
        run = self.run(
            inventory,
            playbook,
            ANSIBLE_CALLBACK_PLUGINS=str(ROOT / "tests" / "callback"),
            ANSIBLE_CALLBACKS_ENABLED="round_trips",
            ROUND_TRIPS=str(lines),
        )
        return run, [json.loads(line)["task"] for line in lines.read_text().splitlines()]


def image_of(host: Host, name: str) -> str:
    """Keep a host as an image, from which more of the same are started."""
    image = f"{PREFIX}{name}"
    subprocess.run(["docker", "commit", host.name, image], check=True, stdout=subprocess.DEVNULL)
    return image


def remove_image(image: str) -> None:
    """Remove an image, but never the one that all hosts begin with."""
    if image != IMAGE:
        subprocess.run(["docker", "image", "rm", "--force", image], check=False, capture_output=True)
