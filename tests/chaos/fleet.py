"""Hosts to break: copies of one container, each with a deployment in it and a directory that it shares with the harness."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from ansible_collections.flaskops.stack.tests.harness.host import Host, docker, remove, target, until
from ansible_collections.flaskops.stack.tests.harness.load import Load, Sample

HERE = Path(__file__).parent
SITES = ("ledger", "neighbour")
# The CA finds the host by this name; docker writes /etc/hosts anew when a container starts.
NAMED = "--add-host=ledger.test:127.0.0.1"
# Requests a second to each site.
RATE = 5
BOOT_SECONDS = 180


class Clone(Host):
    """A host that is made from an image for one fault and removed afterwards."""

    def __init__(self, number: int, image: str, directory: Path) -> None:
        name = f"chaos-{number}"
        # The image is called like the container that it was made of, which is another one in each checkout.
        super().__init__(name, f"{image.partition(':')[0]}-{number}")
        self.image, self.shared = image, directory / name
        self.loads: list[Load] = []

    def boot(self) -> None:
        """Bring it up with an empty shared directory."""
        self.remove()
        shutil.rmtree(self.shared, ignore_errors=True)
        self.shared.mkdir(parents=True)
        target("run", self.container, self.image, "--hostname", self.name, "--volume", f"{self.shared}:/chaos", NAMED)
        # Docker's file system refuses to exchange directories of the image, which those of a host are.
        self.shell("cp -a /etc/nginx /etc/nginx.copy; rm -r /etc/nginx; mv /etc/nginx.copy /etc/nginx")

    def remove(self) -> None:
        remove(self.container)

    def power_cut(self) -> None:
        """Everything on it ends at once, and what is in memory is gone."""
        docker("kill", "--signal", "KILL", self.container)
        docker("start", self.container)
        target("wait", self.container)

    def reboot(self) -> None:
        """Services are stopped in order, as before every reboot, and it comes up again."""
        # systemd takes this signal for a shutdown (systemd(1), SIGNALS).
        docker("stop", "--signal", "SIGRTMIN+4", "--time", str(BOOT_SECONDS), self.container)
        docker("start", self.container)
        target("wait", self.container)

    def read(self, name: str) -> str:
        """Return a file of the shared directory, empty if it is not there."""
        path = self.shared / name
        return path.read_text() if path.exists() else ""

    def prepare(self, fault: dict[str, Any] | None = None, record: bool = False) -> None:
        """Begin to count calls anew, with a fault to come or steps to record."""
        for file in self.shared.glob("call-*"):
            file.unlink()
        for name in ("fault.json", "reached", "go", "record", "steps"):
            (self.shared / name).unlink(missing_ok=True)
        if fault:
            (self.shared / "fault.json").write_text(json.dumps(fault))
        if record:
            (self.shared / "record").touch()

    @property
    def reached(self) -> bool:
        """Whether a module has come to the step of the fault."""
        return (self.shared / "reached").exists()

    def answers(self) -> bool:
        """Whether both sites answer."""
        return all(self.get(site)[0] == 200 for site in SITES)

    def wait_for_sites(self) -> None:
        """Wait until both sites answer.

        :raises AssertionError: if they do not in the time that a boot may take
        """
        assert until(self.answers, BOOT_SECONDS, 0.3), f"{self.name} does not serve what was deployed to it"

    def begin_load(self) -> None:
        """Ask both sites from inside all the time."""
        loads = [Load([self], site, RATE, f"/chaos/load-{site}-{len(self.loads)}") for site in SITES]
        for load in loads:
            load.begin()
        self.loads += loads

    def end_load(self) -> None:
        """Let all loads end that still run."""
        for load in self.loads:
            load.end()

    def samples(self, site: str, since: float = 0) -> list[Sample]:
        """Return what a site answered to all loads, of requests that were due after a time."""
        return [sample for load in self.loads if load.site == site for sample in load.samples(self, since)]

    def wrong_certificate(self) -> str:
        """Return what is wrong with the certificate of the application, empty if nginx presents the one that is live and is not due."""
        return self.run("python3", "-", given=(HERE / "certificate.py").read_text()).strip()

    def state(self) -> dict[str, list[str]]:
        """Return everything a deployment could leave behind; ``state.py`` says what that is."""
        return json.loads(self.run("python3", "-", given=(HERE / "state.py").read_text()))
