# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The command lines of units that run commands of an application beside its uWSGI."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from ...module_utils.app.layout import Layout

App = Mapping[str, t.Any]

# A line of a unit ends where a line does, also within quotes.
_CONTROL = re.compile(r"[\x01-\x1f\x7f]")

# The units of databases and queues in Debian, which workers and timers may need; systemd ignores those that a host has not.
LOCAL_SERVICES = tuple(
    f"{name}.service"
    for name in ("postgresql", "pgbouncer", "mariadb", "mysql", "redis-server", "valkey-server", "rabbitmq-server", "memcached")
)


def quoted(argument: str) -> str:
    """Return an argument as systemd reads it back in a command line (systemd.service(5), "Command lines", and systemd.syntax(7), "Quoting")."""
    for character, instead in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        argument = argument.replace(character, instead)
    return '"' + _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", argument) + '"'


def command_line(command: str, env: Mapping[str, str]) -> str:
    """Return the command line of a unit: a shell reads the command and makes room for the program, which so gets the stop signal itself.

    :param env: further environment variables, which go before those of the unit's environment files
    """
    variables = [quoted(f"{name}={value}") for name, value in env.items()]
    return " ".join([*(["/usr/bin/env", *variables] if variables else []), "/bin/sh", "-c", quoted(f"exec {command}")])


def worker_start(app: App, worker: App) -> str:
    """Return the command line of a worker; one with ``overlap: false`` waits until it has the lock of its name."""
    start = command_line(worker["command"], worker["env"])
    return start if worker["overlap"] else f"/usr/bin/flock --no-fork {Layout(app).own_dir}/%p.lock {start}"


def numbered(app: App, hosts: Mapping[str, bool]) -> list[str]:
    """Return the names and numbers of the workers that a host has, such as ``queue.1``.

    :param hosts: by the key ``hosts`` of a worker, whether this host is one of them
    """
    return [f"{worker['name']}.{number + 1}" for worker in app["workers"] if hosts[worker["hosts"]] for number in range(worker["count"])]


def timer_start(app: App, timer: App) -> str:
    """Return the command line of the unit that a timer starts. Nothing is done while the unit of another instance holds the lock."""
    lock = f"{Layout(app).own_dir}/{timer['name']}.lock"
    return f"/usr/bin/flock --no-fork --nonblock --conflict-exit-code 0 {lock} {command_line(timer['command'], {})}"
