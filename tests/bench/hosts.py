"""Containers that the benchmarks run in: the same target image and options as the Molecule scenarios (molecule/shared/create.yml)."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

IMAGE = "flaskops-target:trixie"
# How names of containers begin; another one lets two checkouts use one engine at the same time.
PREFIX = os.environ.get("BENCH_PREFIX", "flaskops-bench-")
BOOT_SECONDS = 30


class Failed(RuntimeError):
    """A command in a container ended with an error."""


class Host:
    """A running container.

    :ivar name: of the container, which Ansible's docker connection takes as ``ansible_host``
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, *command: str, given: str | bytes = "", timeout: float = 600, check: bool = True) -> str:
        """Run a command inside as root and return its standard output.

        :param given: its standard input
        :param timeout: seconds
        :raises Failed: if it ends with an error and ``check`` is set
        :raises subprocess.TimeoutExpired: if it takes longer
        """
        raw = given.encode() if isinstance(given, str) else given
        done = subprocess.run(["docker", "exec", "-i", self.name, *command], check=False, input=raw, capture_output=True, timeout=timeout)
        out, errors = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        if check and done.returncode != 0:
            raise Failed(f"{self.name}: {' '.join(command)[:200]} ended with {done.returncode}: {out[-2000:]}{errors[-2000:]}")
        return out

    def shell(self, script: str, timeout: float = 600) -> str:
        """Run a script of the shell inside, stopping at the first error; see `run`."""
        return self.run("sh", "-euc", script, timeout=timeout)

    def start(self, *command: str, output: str = "/dev/null") -> None:
        """Start a command inside and leave it to itself.

        :param output: the file inside that gets what it prints
        """
        line = ["docker", "exec", "--detach", self.name, "sh", "-c", 'out=$1; shift; exec "$@" >"$out" 2>&1', "sh", output, *command]
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL)

    def write(self, path: str, content: str, mode: str = "0644") -> None:
        """Write a file inside, with its directories."""
        self.run("sh", "-euc", 'mkdir -p "$(dirname "$1")"; cat >"$1"; chmod "$2" "$1"', "sh", path, mode, given=content)

    def copy(self, source: Path, target: str) -> None:
        """Copy a file or directory of this machine into the container."""
        subprocess.run(["docker", "cp", "--quiet", str(source), f"{self.name}:{target}"], check=True, stdout=subprocess.DEVNULL)

    def wait(self) -> None:
        """Wait until systemd is up; degraded is up: some unit cannot run in a container.

        :raises Failed: if it takes longer than half a minute
        """
        end = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < end:
            if self.run("systemctl", "is-system-running", "--wait", check=False).strip() in ("running", "degraded"):
                return
            time.sleep(0.2)
        raise Failed(f"{self.name}: systemd is not up after {BOOT_SECONDS} s")

    def address(self) -> str:
        """Return the address in the engine's own network."""
        template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        done = subprocess.run(["docker", "inspect", "-f", template, self.name], check=True, capture_output=True, text=True)
        return done.stdout.strip()


def remove(name: str) -> None:
    """Remove a container, if there is one of this name."""
    subprocess.run(["docker", "rm", "--force", "--volumes", name], check=False, capture_output=True)


@contextlib.contextmanager
def host(name: str, image: str = IMAGE, keep: bool = False, volumes: Sequence[str] = ()) -> Iterator[Host]:
    """Start a container with systemd, yield it when it is up, and remove it.

    :param name: without `PREFIX`
    :param keep: leave it there, to look into
    :param volumes: directories on a file system of the machine, as a server has them, instead of the layers of the image
    """
    full = f"{PREFIX}{name}"
    remove(full)
    # fmt: off
    options = [
        "--hostname", name, "--pull", "never",
        "--cap-add", "SYS_ADMIN", "--cgroupns", "host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw",
        "--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp:exec",
    ]
    # fmt: on
    options += [part for volume in volumes for part in ("--volume", volume)]
    subprocess.run(["docker", "run", "--detach", "--name", full, *options, image], check=True, stdout=subprocess.DEVNULL)
    try:
        one = Host(full)
        one.wait()
        yield one
    finally:
        if not keep:
            remove(full)
