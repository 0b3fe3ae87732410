"""Print a line for everything that attacks have left on this host and must not; run inside a host."""

from __future__ import annotations

import fcntl
import os
import pwd
import re
import subprocess

LOCKS = ("/run/flaskops/lock", "/run/flaskops/lock.commands")
# The units in which the applications run for good.
INSTANCES = re.compile(r"/flask-hostile(\.stream)?@[0-9a-f]+\.service$")
# systemd stops an instance with a command in such a unit when its drain time is over, and kills it after a while.
DRAINS = re.compile(r"/flask-[a-z-]+-drain-[0-9a-f]+\.service$")
OF_A_RUN = re.compile(r"AnsiballZ|ansible_|systemd-run|systemctl")
PLACES = ("/var/tmp", "/tmp", "/dev/shm", "/srv/flask", "/run/flask", "/opt", "/usr/local")


def text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().replace("\0", " ").strip()
    except OSError:  # a process that has ended
        return ""


def processes() -> list[str]:
    try:
        user = pwd.getpwnam("flask-hostile").pw_uid
    except KeyError:
        user = -1
    found = []
    for number in filter(str.isdigit, os.listdir("/proc")):
        words, users = text(f"/proc/{number}/cmdline"), re.search(r"^Uid:\s+(\d+)", text(f"/proc/{number}/status"), re.MULTILINE)
        if not words or not users:
            continue
        unit = text(f"/proc/{number}/cgroup")
        if int(users[1]) == user and not INSTANCES.search(unit):
            found.append(f"a process of flask-hostile outside of its instances: {words}")
        if int(users[1]) == 0 and OF_A_RUN.search(words) and not DRAINS.search(unit):
            found.append(f"a process of a run that has ended: {words}")
    return found


def held() -> list[str]:
    found = []
    for path in LOCKS:
        with open(path, encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                found.append(f"{path} is held")
    return found


def with_rights() -> list[str]:
    # find(1) also walks trees that are deeper than paths are long.
    command = ["find", *PLACES, "-type", "f", "-perm", "-4000"]
    found = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.splitlines()
    return [f"{path} is a set-user-ID program" for path in found]


def queues() -> list[str]:
    return [f"{place} has {name}" for place in ("/dev/mqueue", "/dev/shm") for name in os.listdir(place) if "hostile" in name]


def units() -> list[str]:
    command = ["systemctl", "list-units", "--all", "--plain", "--no-legend", "flask-hostile.*"]
    listed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return [f"a unit of a command: {line}" for line in listed if "flask-hostile.stream@" not in line]


for line in (*processes(), *held(), *with_rights(), *queues(), *units()):
    print(line)
