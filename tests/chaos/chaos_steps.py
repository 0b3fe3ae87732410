"""The modules' steps on a host, told by the interpreter itself; the Python of the host imports this file whenever it starts.

CPython raises an audit event before it renames, removes, links, opens or starts anything (PEP 578). Modules need no line for it, and an
interpreter without this file pays nothing. A step is the chain of our functions that leads to the event. A step that only looks is none: a kill
before it is a kill before the next one that changes something. `/chaos` is shared with the harness:

* ``record`` there: every step is appended to ``steps``, a line of JSON each.
* ``fault.json`` there: what happens at one step. It happens once.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time

SHARED = "/chaos"
# Files of the collection, and of the program of flaskops-acme.service, which has some of them in it.
OURS = re.compile(r".*(?:flaskops/stack/plugins|acme\.pyz(?:/flaskops)?)/")
SERVICE = "flaskops-acme"
WATCHED = {
    *("open", "os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate", "os.utime"),
    "subprocess.Popen",
}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
# The programs that a host keeps.
COMPILED = "/var/lib/flaskops/programs/"
# Commands that only tell something.
LOOKS = re.compile(r"systemctl (show|is-active|list-units) |journalctl |/\S+ -I -c ")
# How long a child has run when its parent is killed beside it.
BESIDE_SECONDS = 0.2
# The harness does what a process cannot do to itself within this time.
PATIENCE_SECONDS = 300


class Watch:
    """The steps of one module process."""

    def __init__(self) -> None:
        self.call = ""
        self.counts: dict[str, int] = {}
        self.asleep = False
        self.began = time.monotonic()
        self.fault = self._read_fault()
        self.record = os.path.exists(f"{SHARED}/record")

    def _read_fault(self) -> dict[str, object]:
        try:
            with open(f"{SHARED}/fault.json", encoding="utf-8") as file:
                return json.load(file)
        except (OSError, ValueError):
            return {}

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if event not in WATCHED or self.asleep or _only_looks(event, arguments):
            return
        chain = _chain()
        if not chain:
            return
        self.asleep = True
        try:
            self._step(f"{' > '.join(reversed(chain))} | {event}", str(arguments[0]) if arguments else "")
        finally:
            self.asleep = False

    def _step(self, step: str, what: str) -> None:
        self.call = self.call or _number(_module())
        self.counts[step] = count = self.counts.get(step, 0) + 1
        if self.record:
            line = {"call": self.call, "step": step, "count": count, "what": what, "seconds": time.monotonic() - self.began}
            with open(f"{SHARED}/steps", "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        fault = self.fault
        if (fault.get("call"), fault.get("step"), fault.get("count")) == (self.call, step, count):
            # The orphan of a killed controller goes on, and so does a module whose surroundings break: once is enough.
            self.fault = {}
            os.rename(f"{SHARED}/fault.json", f"{SHARED}/reached")
            strike(fault)


def _only_looks(event: str, arguments: tuple[object, ...]) -> bool:
    """Return whether an event changes nothing: a file opened for reading, one that a descriptor has open already, a command that tells something.

    Python keeps what it has compiled of a kept program, and does without that when it cannot.
    """
    if arguments and str(arguments[0]).startswith(COMPILED) and "/__pycache__" in str(arguments[0]):
        return True
    if event == "open":
        return isinstance(arguments[0], int) or arguments[0] == os.devnull or not int(arguments[2]) & WRITES
    return event == "subprocess.Popen" and bool(LOOKS.match(" ".join(map(str, arguments[1])) + " "))


def _chain() -> list[str]:
    """Return our functions on the stack, the innermost first."""
    chain = []
    frame = sys._getframe(1)
    while frame is not None:
        ours = OURS.match(frame.f_code.co_filename)
        if ours:
            path = frame.f_code.co_filename[ours.end() :]
            chain.append(f"{_name(path)}.{frame.f_code.co_name}:{frame.f_lineno}")
        frame = frame.f_back
    return chain


def _name(path: str) -> str:
    """Return what a file of ours is called: ``modules.config_tree``, ``config_tree.stage``; files of one name are in several folders.

    :param path: below plugins/
    """
    return path.removeprefix("module_utils/").removesuffix(".py").replace("/", ".")


def _module() -> str:
    """Return the name of the module that this process runs, or of the service."""
    frame, name = sys._getframe(1), ""
    while frame is not None:
        path = frame.f_code.co_filename
        name = os.path.basename(path)[:-3] if "flaskops/stack/plugins/modules/" in path else SERVICE if "/acme.pyz/" in path else name
        frame = frame.f_back
    return name


def _number(module: str) -> str:
    """Return the module's name with how often it has been called since the harness cleared the directory."""
    number = 1
    while True:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(f"{SHARED}/call-{module}-{number}", os.O_CREAT | os.O_EXCL))
            return f"{module}#{number}"
        number += 1


def _ancestors(pid: int) -> list[tuple[int, str]]:
    found = []
    while pid > 1:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            name, _close, rest = file.read().partition(" (")[2].rpartition(") ")
        found.append((pid, name))
        pid = int(rest.split()[1])
    return found


def strike(fault: dict[str, object]) -> None:
    """Do what the fault says, in the process that has come to its step."""
    action = fault["action"]
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "kill beside":
        module = os.getpid()
        if os.fork() == 0:
            time.sleep(BESIDE_SECONDS)
            if os.getppid() == module:
                os.kill(module, signal.SIGKILL)
            os._exit(0)
    elif action == "cut":
        # All of the session's sshd; the daemon itself is the child of PID 1 and stays.
        for pid, name in _ancestors(os.getpid())[:-1]:
            if name.startswith("sshd"):
                os.kill(pid, signal.SIGKILL)
    elif action == "wait":
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until and not os.path.exists(f"{SHARED}/go"):
            time.sleep(0.02)
    else:
        subprocess.run(["sh", "-c", str(fault["command"])], check=True, stdout=subprocess.DEVNULL)


# systemd-run waits by the clock of systemd, so programs that a module starts have that of the host.
os.environ.pop("LD_PRELOAD", None)
if os.path.isdir(SHARED):
    sys.addaudithook(Watch())
