"""Containers that the benchmarks run in, the same as those of the Molecule scenarios."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

IMAGE = "flaskops-target:trixie"
# How names of containers begin; another one lets two checkouts use one engine at the same time.
PREFIX = os.environ.get("BENCH_PREFIX", "flaskops-bench-")
TARGET = Path(__file__).parents[2] / "tools" / "target.sh"


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
    more = [part for volume in volumes for part in ("--volume", volume)]
    subprocess.run([str(TARGET), "run", full, image, "--hostname", name, *more], check=True)
    try:
        yield Host(full)
    finally:
        if not keep:
            remove(full)
