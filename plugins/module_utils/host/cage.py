# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run foreign code, such as an installer or a hook, in a transient unit of systemd.

The unit has the restrictions and limits that it is given. When a command has ended, however it ended, no process of it is left, so that
root can go on in the files that it has made.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shlex
import signal
import time
import typing as t

from . import lock, systemd
from .command import ANY_STATUS, LINES_SHOWN, CommandError, CommandResult, run
from .environment_file import environment_file
from .files import names_in, unlink, write_file

# Where root alone may read: the environment of a command has the secrets of its application.
_ENVIRONMENTS = os.path.dirname(lock.PATH)
_SUFFIX = ".env"
# A process that ignores SIGTERM is killed after this many seconds.
_STOP_SECONDS = 5
_KILLED = 128 + signal.SIGKILL
# The record separator of ASCII and a number, which are printed before each of several commands: the output of a command begins there.
_STEP = re.compile("\x1e([0-9]+)\n")
# All processes of a unit end with its command. When memory runs out, the kernel ends these processes first.
_LIMITS = (
    "KillMode=control-group",
    f"TimeoutStopSec={_STOP_SECONDS}",
    "TasksMax=1024",
    "LimitCORE=0",
    "OOMScoreAdjust=500",
    "OOMPolicy=kill",
    "UMask=0022",
)


class StepError(CommandError):
    """A command has failed, was killed or exceeded a limit; ``step`` is its place among those of its unit, from 0."""

    def __init__(self, message: str, step: int, lines: t.Sequence[str]) -> None:
        super().__init__(message, lines)
        self.step = step


class Cage(t.NamedTuple):
    """The rights and the limits of commands.

    ``name`` begins the names of its units, such as ``flask-shop.build``. ``properties`` are those of a unit, as ``ProtectSystem=strict``;
    ``seconds`` is the time of a unit, and ``memory`` a size such as ``512M`` or a share such as ``80%``.
    """

    name: str
    user: str
    properties: tuple[str, ...]
    seconds: int
    memory: str

    def run(self, command: t.Sequence[str], directory: str, env: t.Mapping[str, str]) -> str:
        """Run a command in a directory and return what it printed.

        :raises CommandError: if it cannot be started, exceeds a limit or does not end with 0
        """
        return self.run_each([command], directory, env)

    def run_each(self, commands: t.Sequence[t.Sequence[str]], directory: str, env: t.Mapping[str, str]) -> str:
        """Run commands in one unit, one after another until one fails, and return what they printed.

        A unit takes a tenth of a second to start, so commands with the same rights share one, and its limits.

        :raises StepError: if a command exceeds a limit or does not end with 0
        :raises CommandError: if the unit cannot be started, or the commands write without an end
        """
        unit = f"{self.name}-{secrets.token_hex(4)}"
        # Not in the unit itself, since everybody may ask systemd for the properties of a unit.
        file = f"{_ENVIRONMENTS}/{unit}{_SUFFIX}"
        write_file(file, environment_file(env).encode(errors="surrogateescape"), 0o600)
        began = time.monotonic()
        limits = [*_LIMITS, f"RuntimeMaxSec={self.seconds}", f"MemoryMax={self.memory}", f"EnvironmentFile={file}"]
        start = systemd.in_transient_unit(unit, self.user, directory, [*limits, *self.properties])
        argv = commands[0] if len(commands) == 1 else _in_a_row(commands)
        try:
            done = run([*start, *argv], ANY_STATUS, together=True, shown=_first_lines(commands), pass_fds=lock.inherited())
        except BaseException:
            # The program that waits for the unit has ended, but the unit goes on.
            end([f"{unit}.service"])
            unlink(file)
            raise
        try:
            if done.status != 0:
                raise self._failure(done, f"{unit}.service", commands, time.monotonic() - began)
        finally:
            unlink(file)
        return _STEP.sub("", done.output)

    def _failure(self, done: CommandResult, unit: str, commands: t.Sequence[t.Sequence[str]], seconds: float) -> StepError:
        """Have systemd forget a failed unit, and return why it failed: the limit that was exceeded, if one was.

        :param seconds: how long it has run
        """
        shown = systemd.show([unit])[unit]
        systemd.reset_failed([unit])
        step, printed = _last_step(done.output, len(commands))
        done, command = done._replace(output=printed), commands[step]
        # A shell ends with 128 and the number of the signal that has ended its program (sh(1)).
        killed = "oom-kill" if done.status == _KILLED else shown["Result"]
        if killed == "timeout" and seconds < self.seconds:
            # systemd has the same result for a command that has ended and whose processes do not stop within TimeoutStopSec.
            killed = "left processes"
        reason = {
            "timeout": f"has not ended within {self.seconds} s (command_limits.timeout) and was ended",
            "left processes": "left processes behind that ignored SIGTERM and were killed; have it wait for what it starts",
            "oom-kill": f"was killed, as happens if it needs more memory than {self.memory} (command_limits.memory_max)",
            "signal": f"was ended by signal {shown.get('ExecMainStatus')}",
        }.get(killed)
        if not reason:
            return StepError(str(done.failure(command)), step, done.lines)
        words = "".join(f"\n{line}" for line in done.lines[-LINES_SHOWN:])
        return StepError(f"'{' '.join(command)}' {reason}{':' if words else ''}{words}", step, done.lines)


def _in_a_row(commands: t.Sequence[t.Sequence[str]]) -> list[str]:
    """Return a command of the shell that runs commands until one fails, and prints the number of each before it."""
    steps = [f"printf '\\036{number}\\n'; {shlex.join(command)} || exit" for number, command in enumerate(commands)]
    return ["/bin/sh", "-c", "\n".join(steps)]


def _last_step(output: str, steps: int) -> tuple[int, str]:
    """Return which command was the last, and what it printed. A command that prints such a number itself only spoils its own message."""
    *_before, number, printed = ["", *_STEP.split(output)] if _STEP.search(output) else ["0", output]
    return min(int(number), steps - 1), printed


def _first_lines(commands: t.Sequence[t.Sequence[str]]) -> list[str]:
    return ["; ".join(" ".join(command).partition("\n")[0] for command in commands)]


def end(units: t.Sequence[str]) -> None:
    """End transient units, and have systemd forget those that failed."""
    systemd.stop(units, _STOP_SECONDS + 1)
    systemd.reset_failed(units)


def end_leftovers(name: str) -> None:
    """End the commands of a run that was killed. A unit has its environment file as long as it runs, so systemd is not asked for others.

    :param name: how the names of their units begin
    """
    left = [file for file in names_in(_ENVIRONMENTS) if file.startswith(f"{name}-") and file.endswith(_SUFFIX)]
    end([f"{file.removesuffix(_SUFFIX)}.service" for file in left])
    for file in left:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{_ENVIRONMENTS}/{file}")
