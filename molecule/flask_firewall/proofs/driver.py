"""Ask a host from outside, and run the playbook that writes its rules, over SSH as on a server."""

from __future__ import annotations

import contextlib
import json
import socket
import tempfile
import typing as t
from pathlib import Path

import yaml
from ansible_collections.flaskops.stack.tests.harness.controller import Controller, Going, Run, counting_trips
from ansible_collections.flaskops.stack.tests.harness.host import CHECKOUT, Host, docker, target

SCENARIO = Path(__file__).parents[1]
PLAYBOOK = CHECKOUT / "playbooks/firewall.yml"
TABLE = "table inet flaskops"
RULES = "/etc/nftables.d/flaskops.nft"
# A program answers in a few milliseconds, on a busy machine in seconds. Packets that are dropped have no answer, however long one waits.
SECONDS, DROPPED_SECONDS = 60, 1.5
# The device of the engine's network, over which a host has an IPv6 address that every device has (fe80::/10).
BRIDGE = "docker0"
# Another way to sshd, of which sshd does not know.
OTHER_WAY = 2222
OPEN, CLOSED = (22, 80, 443, 9100), (5000, 8000, 9101)


def variables() -> dict[str, t.Any]:
    """Return the variables of the scenario's hosts."""
    scenario = yaml.safe_load((SCENARIO / "molecule.yml").read_text())
    return scenario["provisioner"]["inventory"]["group_vars"]["flask_servers"]


class Walled:
    """A host behind its firewall.

    :param directory: for the key and the inventories of the controller
    """

    def __init__(self, host: Host, directory: Path) -> None:
        self.host = host
        self.controller = Controller(directory, {"defaults": {"stdout_callback": "ansible.posix.json"}})
        self.controller.admit(host)

    def run(self, *options: str, port: int = 0, **changes: t.Any) -> Run:
        """Run the playbook over SSH; see `begin`."""
        return self.begin(*options, port=port, **changes).wait()

    def begin(self, *options: str, port: int = 0, **changes: t.Any) -> Going:
        """Begin to run the playbook over SSH.

        :param port: another port of SSH, of which Ansible's variables know nothing
        :param changes: variables that are not as the scenario has them
        """
        ssh = self.controller.by_ssh(self.host)
        if port:
            ssh["ansible_ssh_common_args"] += f" -o Port={port} -o StrictHostKeyChecking=no"
        inventory = self.controller.inventory("inventory", {self.host.name: ssh}, {**variables(), **changes})
        # Ansible keeps connections for later runs, and takes those to the other port for the same. The path of their socket must be short.
        sockets = tempfile.mkdtemp(prefix="ssh-")
        return self.controller.begin(inventory, PLAYBOOK, *options, **counting_trips(), ANSIBLE_SSH_CONTROL_PATH_DIR=sockets)

    def addresses(self) -> list[tuple[socket.AddressFamily, str]]:
        """Return an address of each family."""
        shown = json.loads(self.host.run("ip", "-json", "-6", "address", "show", "eth0", "scope", "link"))
        return [(socket.AF_INET, self.host.address()), (socket.AF_INET6, f"{shown[0]['addr_info'][0]['local']}%{BRIDGE}")]

    def gets_through(self, port: int, kind: socket.SocketKind = socket.SOCK_STREAM, seconds: float = SECONDS) -> list[bool]:
        """Return whether the program behind a port answers, over IPv4 and over IPv6."""
        return [self._answers(family, address, port, kind, seconds) for family, address in self.addresses()]

    def _answers(self, family: socket.AddressFamily, address: str, port: int, kind: socket.SocketKind, seconds: float) -> bool:
        with contextlib.suppress(OSError), socket.socket(family, kind) as client:
            client.settimeout(seconds)
            client.connect(socket.getaddrinfo(address, port, family, kind)[0][4])
            if kind == socket.SOCK_DGRAM:
                client.send(b"?")
            said = client.recv(100)
            return said == str(port).encode() or said.startswith(b"SSH-")
        return False

    def require_rules(self, open_: t.Collection[int] = OPEN, closed: t.Collection[int] = CLOSED) -> None:
        """Require that the program behind each of these ports answers, and behind none of those."""
        shut = [port for port in open_ if self.gets_through(port) != [True, True]]
        leaks = [port for port in closed if self.gets_through(port, seconds=DROPPED_SECONDS) != [False, False]]
        assert (shut, leaks) == ([], []), f"ports that should be open, and ports that should not, with these rules:\n{self.loaded()}"

    def loaded(self) -> str:
        """Return the rules that the kernel has, with those of others."""
        return self.host.run("nft", "list", "ruleset")

    def restart(self) -> None:
        """Restart the host."""
        docker("restart", self.host.container)
        target("wait", self.host.container)
