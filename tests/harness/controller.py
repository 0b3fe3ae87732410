"""A machine that runs playbooks: its configuration, its key, inventories, runs, and what became of them."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import re
import signal
import subprocess
import sys
import time
import typing as t
from collections.abc import Iterable, Mapping
from pathlib import Path

from .host import CHECKOUT, Host, until

LOGIN = "deploy"
SSHD_SECONDS = 180
# The first deployment installs packages, fifty applications take a while.
RUN_SECONDS = 3600
CALLBACKS = CHECKOUT / "tests" / "callback"
# The settings that docs/operations.md recommends.
USUAL = {"defaults": {"inject_facts_as_vars": "false"}, "connection": {"pipelining": "true"}}


@dataclasses.dataclass(frozen=True)
class Run:
    """The result of a run of a playbook; by host if the callback was JSON's."""

    began: float
    ended: float
    code: int
    output: str
    errors: str
    # Lines of the callback round_trips, if it was on.
    sent: str = ""

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    @functools.cached_property
    def document(self) -> dict[str, t.Any]:
        """The output of Ansible's JSON callback, empty if the run ended before it printed any."""
        start = self.output.find("{\n")
        try:
            return json.loads(self.output[start:]) if start >= 0 else {}
        except ValueError:
            return {}

    @functools.cached_property
    def results(self) -> list[tuple[str, str, dict[str, t.Any]]]:
        """Name of the task, host and result, in the order of tasks."""
        tasks = [task for play in self.document.get("plays", []) for task in play["tasks"]]
        return [(task["task"]["name"], host, result) for task in tasks for host, result in task["hosts"].items()]

    @functools.cached_property
    def messages(self) -> dict[str, str]:
        """The message of each host that failed."""
        return {host: str(result.get("msg")) for _task, host, result in self.results if result.get("failed") or result.get("unreachable")}

    @functools.cached_property
    def changed(self) -> dict[str, list[str]]:
        """The tasks that changed something, of each host that was there."""
        found: dict[str, list[str]] = {host: [] for _task, host, _result in self.results}
        for task, host, result in self.results:
            found[host] += [task] if result.get("changed") else []
        return found

    @functools.cached_property
    def made(self) -> dict[str, list[str]]:
        """The paths that modules say they made."""
        return self._paths("made")

    @functools.cached_property
    def removed(self) -> dict[str, list[str]]:
        """The paths that modules say they removed."""
        return self._paths("removed")

    def _paths(self, key: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for _task, host, result in self.results:
            found.setdefault(host, []).extend(result.get(key) or [])
        return found

    @functools.cached_property
    def trips(self) -> dict[str, list[str]]:
        """The tasks that sent something to a host, one for each round trip."""
        found: dict[str, list[str]] = {}
        for line in map(json.loads, self.sent.splitlines()):
            found.setdefault(line["host"], []).append(line["task"].rpartition(" : ")[2])
        return found

    @functools.cached_property
    def said(self) -> str:
        """Warnings, and what a run printed that has no result."""
        warned = [f"{host}: {warning}" for _task, host, result in self.results for warning in result.get("warnings") or []]
        return "\n".join(part for part in (*warned, self.errors.strip(), "" if self.document else self.output.strip()) if part)

    @property
    def changes(self) -> int:
        """How many tasks changed something, by the recap that people read."""
        return sum(map(int, re.findall(r"\bchanged=(\d+)", self.output)))

    @property
    def tasks(self) -> int:
        """How many tasks ran or were skipped, by the recap that people read."""
        return sum(map(int, re.findall(r"\b(?:ok|skipped)=(\d+)", self.output)))

    def require_end(self) -> Run:
        """Require that it ended well, whatever its callback.

        :raises RuntimeError: with its last lines
        """
        if self.code != 0:
            raise RuntimeError(f"ansible-playbook ended with {self.code}: {self.output[-3000:]}{self.errors[-1000:]}")
        return self

    def require_success(self) -> Run:
        assert self.document, f"the run failed: {self.said}"
        assert not self.messages, f"the run failed: {self.messages}"
        return self

    def require_failure(self, host: Host, *texts: str) -> None:
        message = self.messages.get(host.name)
        assert message, f"{host}: the run should have failed with a message with {texts}, but it did not; {self.said}"
        missing = [text for text in texts if text not in message]
        assert not missing, f"{host}: the message has no {missing}: {message}"

    def require_nothing_changed(self, because: str) -> None:
        assert not any(self.changed.values()), f"{because}, but these tasks changed something: {self.changed}"


class Going:
    """A run that goes on, in a process group of its own."""

    def __init__(self, directory: Path, command: list[str], environment: Mapping[str, str]) -> None:
        self.began = time.time()
        # No two runs write to one file, so that they can go on side by side.
        self.files = {name: directory / f"{name}-{time.monotonic_ns()}" for name in ("output", "errors", "sent")}
        self.files["sent"].touch()
        with self.files["output"].open("w") as output, self.files["errors"].open("w") as errors:
            self.process = subprocess.Popen(
                command,
                cwd=directory,
                env={**environment, "ROUND_TRIPS": str(self.files["sent"])},
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

    def wait(self, seconds: float = RUN_SECONDS) -> Run:
        """Wait for its end and return what became of it; it is killed when it takes longer."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()
        ended = time.time()
        texts = {name: file.read_text() for name, file in self.files.items()}
        for file in self.files.values():
            file.unlink()
        return Run(self.began, ended, self.process.returncode, **texts)


class Controller:
    """Runs playbooks.

    :param directory: for keys, inventories and what is fetched; runs have it for their working directory
    :param configuration: sections of ansible.cfg beside or instead of what is usual
    """

    def __init__(self, directory: Path, configuration: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self.directory = directory
        self.key, self.known = directory / "id_ed25519", directory / "known_hosts"
        self.configuration = directory / "ansible.cfg"
        sections = {**USUAL, **(configuration or {})}
        merged = {name: {**USUAL.get(name, {}), **section} for name, section in sections.items()}
        self.configuration.write_text(
            "".join(f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in section.items()) for name, section in merged.items())
        )

    def admit(self, host: Host) -> None:
        """Let the login in, as an installer does, and remember the host's key.

        :raises RuntimeError: if no sshd answers
        """
        if not self.key.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)], check=True)
        place = f"~{LOGIN}/.ssh"
        script = f"install -d -m 0700 -o {LOGIN} -g {LOGIN} {place}; cat >{place}/authorized_keys; chown {LOGIN}: {place}/authorized_keys"
        host.run("sh", "-euc", script, given=self.key.with_suffix(".pub").read_text())
        keys: list[str] = []

        def answers() -> bool:
            scan = ["ssh-keyscan", "-T", "10", "-t", "ed25519", host.address()]
            keys[:] = [subprocess.run(scan, check=False, capture_output=True, text=True).stdout]
            return bool(keys[0])

        if not until(answers, SSHD_SECONDS, 0.2):
            raise RuntimeError(f"{host}: no sshd answers")
        with self.known.open("a") as file:
            file.write(keys[0])

    def forget(self, host: Host) -> None:
        """Forget a host that goes: another one may get its address."""
        subprocess.run(["ssh-keygen", "-q", "-R", host.address(), "-f", str(self.known)], check=False, capture_output=True)

    def by_ssh(self, host: Host) -> dict[str, str]:
        """Return the variables of a host that is reached as servers are."""
        return {
            "ansible_host": host.address(),
            "ansible_user": LOGIN,
            "ansible_ssh_private_key_file": str(self.key),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={self.known} -o IdentitiesOnly=yes",
            "ansible_python_interpreter": "/usr/bin/python3",
        }

    @staticmethod
    def by_engine(host: Host) -> dict[str, str]:
        """Return the variables of a host that is reached through the engine."""
        return {
            "ansible_connection": "community.docker.docker",
            "ansible_host": host.container,
            "ansible_python_interpreter": "/usr/bin/python3",
        }

    def inventory(self, name: str, hosts: Mapping[str, Mapping[str, t.Any]], variables: Mapping[str, t.Any]) -> Path:
        """Write an inventory of app hosts, by name with the variables of each."""
        path = self.directory / f"{name}.json"
        path.write_text(json.dumps({"flask_servers": {"hosts": hosts, "vars": variables}}))
        return path

    def begin(self, inventory: Path, playbook: str | Path, *options: str, nice: int = 0, **environment: str) -> Going:
        """Start a run.

        :param options: of ansible-playbook
        :param nice: of the controller, which shares its processors with the hosts
        :param environment: more of it
        """
        # Variables of Ansible are Molecule's or the user's, and not meant for these runs.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_") or name == "ANSIBLE_COLLECTIONS_PATH"}
        own = {"ANSIBLE_CONFIG": str(self.configuration), "ANSIBLE_NOCOLOR": "1"}
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        command = [*(["nice", "-n", str(nice)] if nice else []), program, "--inventory", str(inventory), *options, str(playbook)]
        return Going(self.directory, command, {**kept, **own, **environment})

    def run(self, inventory: Path, playbook: str | Path, *options: str, **more: t.Any) -> Run:
        """Run a playbook to its end; see `begin`."""
        return self.begin(inventory, playbook, *options, **more).wait()


def counting_trips(*callbacks: str, places: Iterable[Path] = ()) -> dict[str, str]:
    """Return the environment of a run that counts its round trips, beside other callbacks."""
    return {
        "ANSIBLE_CALLBACK_PLUGINS": ":".join(map(str, [CALLBACKS, *places])),
        "ANSIBLE_CALLBACKS_ENABLED": ",".join(["round_trips", *callbacks]),
    }
