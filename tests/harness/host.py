"""Containers with systemd that play servers: what runs in them, and what there is to see from outside."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
import typing as t
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
INSIDE = Path(__file__).parent / "inside"
TARGET = CHECKOUT / "tools" / "target.sh"
IMAGE = "flaskops-target:trixie"
# No command takes so long, however slow the machine is.
SECONDS = 600

State = dict[str, t.Any]


class Failed(RuntimeError):
    """A command ended with an error."""


def docker(*arguments: str) -> str:
    """Run docker and return what it prints.

    :raises Failed: if it ends with an error
    """
    return _output("docker", *arguments)


def target(*arguments: str) -> None:
    """Run ``tools/target.sh``, which starts containers and waits for them.

    :raises Failed: if it ends with an error
    """
    _output(str(TARGET), *arguments)


def _output(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()


def until(true: Callable[[], bool], seconds: float, pause: float = 0.1) -> bool:
    """Wait until something is true; return whether it became so in time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


class Host:
    """A running container.

    :param name: what inventory and messages call it
    :param container: its name for the engine, if that is another one
    :param app: the application that `look`, `get` and `page` are about where none is named
    """

    def __init__(self, name: str, container: str = "", app: str = "") -> None:
        self.name, self.container, self.app = name, container or name, app

    def __repr__(self) -> str:
        return self.name

    def run(self, *command: str, given: str | bytes = "", timeout: float = SECONDS, check: bool = True) -> str:
        """Run a command inside as root and return its standard output.

        :param given: its standard input
        :param timeout: seconds
        :raises Failed: if it ends with an error and ``check`` is set
        :raises subprocess.TimeoutExpired: if it takes longer
        """
        raw = given.encode() if isinstance(given, str) else given
        line = ["docker", "exec", "-i", self.container, *command]
        done = subprocess.run(line, check=False, input=raw, capture_output=True, timeout=timeout)
        out, errors = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        if check and done.returncode != 0:
            raise Failed(f"{self.name}: {' '.join(command)[:200]} ended with {done.returncode}: {out[-2000:]}{errors[-2000:]}")
        return out

    def shell(self, script: str, timeout: float = SECONDS) -> str:
        """Run a script of the shell inside, stopping at the first error; see `run`."""
        return self.run("sh", "-euc", script, timeout=timeout)

    def start(self, *command: str, output: str = "/dev/null") -> None:
        """Start a command inside and leave it to itself.

        :param output: the file inside that gets what it prints
        """
        line = ["docker", "exec", "--detach", self.container, "sh", "-c", 'out=$1; shift; exec "$@" >"$out" 2>&1', "sh", output, *command]
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL)

    def background(self, script: str, *arguments: str) -> None:
        """Start a program of ``inside/`` and leave it to itself."""
        # No place that a deployment leaves anything in.
        path = f"/run/{script}"
        self.write(path, (INSIDE / script).read_text())
        self.start("python3", path, *arguments)

    def write(self, path: str, content: str | bytes, mode: str = "0644") -> None:
        """Write a file inside, with its directories."""
        self.run("sh", "-euc", 'mkdir -p "$(dirname "$1")"; cat >"$1"; chmod "$2" "$1"', "sh", path, mode, given=content)

    def copy(self, source: Path, place: str) -> None:
        """Copy a file or directory of this machine into the container."""
        docker("cp", "--quiet", str(source), f"{self.container}:{place}")

    def processor_seconds(self) -> float:
        """Return the processor time that all processes inside have taken so far, also those that have ended."""
        script = (
            "group=$(sed -n 's/^[0-9]*:cpuacct://p' /proc/self/cgroup)\n"
            "usage=/sys/fs/cgroup/cpuacct$group/cpuacct.usage\n"
            'if [ -n "$group" ] && [ -e "$usage" ]; then cat "$usage"; exit; fi\n'
            "group=$(sed -n 's/^0:://p' /proc/self/cgroup)\n"
            "sed -n 's/^usage_usec \\(.*\\)/\\1000/p' \"/sys/fs/cgroup${group%/init.scope}/cpu.stat\"\n"
        )
        return int(self.shell(script)) / 1e9

    def address(self) -> str:
        """Return the address in the engine's own network; after a power cut it may be another one."""
        return docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", self.container)

    def look(self, app: str = "") -> State:
        """Return what the host has of an application; ``inside/look.py`` says what that is."""
        return json.loads(self.run("python3", "-", app or self.app, given=(INSIDE / "look.py").read_text()))

    def get(self, site: str = "", path: str = "/") -> tuple[int, str]:
        """Ask nginx for a page of a site, which is named like its application; status 0 is no answer."""
        script = (
            "import http.client\n"
            "connection = http.client.HTTPConnection('127.0.0.1', 80, timeout=60)\n"
            "try:\n"
            f"    connection.request('GET', {path!r}, headers={{'Host': {site or self.app!r}}})\n"
            "    answer = connection.getresponse()\n"
            "    print(answer.status, answer.read().decode())\n"
            "except (OSError, http.client.HTTPException) as error:\n"
            "    print(0, repr(error))\n"
        )
        status, _blank, body = self.run("python3", "-", given=script).partition(" ")
        return int(status), body.strip()

    def page(self, site: str = "") -> State:
        """Return what the first page of a site says in JSON."""
        status, body = self.get(site)
        assert status == 200, f"{self}: the site answers {status}: {body}"
        return json.loads(body)

    def lines(self, path: str) -> list[t.Any]:
        """Return the lines of JSON of a file; the last one may still be written."""
        text = self.run("cat", path, check=False)
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def remove(container: str) -> None:
    """Remove a container, if there is one of this name."""
    subprocess.run(["docker", "rm", "--force", "--volumes", container], check=False, capture_output=True)


@contextlib.contextmanager
def started(name: str, container: str = "", image: str = IMAGE, keep: bool = False, volumes: Sequence[str] = ()) -> Iterator[Host]:
    """Start a container with systemd, yield it when it is up, and remove it.

    :param keep: leave it there, to look into
    :param volumes: directories on a file system of the machine, as a server has them, instead of the layers of the image
    """
    host = Host(name, container)
    remove(host.container)
    more = [part for volume in volumes for part in ("--volume", volume)]
    target("run", host.container, image, "--hostname", name, *more)
    try:
        yield host
    finally:
        if not keep:
            remove(host.container)


def image_of(host: Host, image: str) -> str:
    """Keep a host as an image, from which more of the same are started; return the image."""
    docker("commit", host.container, image)
    return image


def remove_image(image: str) -> None:
    """Remove an image, but never the one that all hosts begin with."""
    if image != IMAGE:
        subprocess.run(["docker", "image", "rm", "--force", image], check=False, capture_output=True)
