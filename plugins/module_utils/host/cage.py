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
# A unit has started within so many seconds after its environment was written.
_START_SECONDS = 60
_KILLED = 128 + signal.SIGKILL
# The record separator of ASCII and a number, which are printed before each of several commands: the output of a command begins there.
_STEP = re.compile("\x1e([0-9]{1,3})\n")
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
    """A command has failed, was killed or exceeded a limit; ``step`` is its place among those of its unit, from 0.

    ``ended_itself`` is false for one that was killed or exceeded a limit.
    """

    def __init__(self, message: str, step: int, lines: t.Sequence[str], ended_itself: bool = True) -> None:
        super().__init__(message, lines)
        self.step, self.ended_itself = step, ended_itself


class Ended(t.NamedTuple):
    """The end of a command: its status, what it printed, and why it failed.

    ``reason`` goes on after the command, as ``ended with 3``, and is empty for a command that ended with 0.
    """

    status: int
    output: str
    reason: str


class Cage(t.NamedTuple):
    """The rights and the limits of commands.

    ``name`` begins the names of its units, such as ``flask-shop.build``. ``properties`` are those of a unit, as ``ProtectSystem=strict``;
    ``seconds`` is the time of a unit, and ``memory`` a size such as ``512M`` or a share such as ``80%``. ``timeout_key`` is what
    messages tell a user to change.
    """

    name: str
    user: str
    properties: tuple[str, ...]
    seconds: int
    memory: str
    timeout_key: str = "command_limits.timeout"

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
        done, reason = self._carry_out(commands, directory, env)
        if done.status != 0:
            raise _step_error(done, reason, commands)
        return _STEP.sub("", done.output)

    def attempt(self, command: t.Sequence[str], directory: str, env: t.Mapping[str, str]) -> Ended:
        """Run a command in a directory and return how it ended.

        :raises CommandError: if it cannot be started, or writes without an end
        """
        done, reason = self._carry_out([command], directory, env)
        return Ended(done.status, done.output, reason or f"ended with {done.status}" if done.status != 0 else "")

    def _carry_out(self, commands: t.Sequence[t.Sequence[str]], directory: str, env: t.Mapping[str, str]) -> tuple[CommandResult, str]:
        """Run commands in one unit, and return how it ended, with why it was ended if it did not end by itself."""
        unit = f"{self.name}-{secrets.token_hex(4)}"
        # Not in the unit itself, since everybody may ask systemd for the properties of a unit.
        file = f"{_ENVIRONMENTS}/{unit}{_SUFFIX}"
        # A command of an operator holds no lock, so it may be the first one to need the directory after a boot.
        lock.make_directory(_ENVIRONMENTS)
        write_file(file, environment_file(env).encode(errors="surrogateescape"), 0o600)
        began = time.monotonic()
        limits = [*_LIMITS, f"RuntimeMaxSec={self.seconds}", f"MemoryMax={self.memory}", f"EnvironmentFile={file}"]
        start = systemd.in_transient_unit(unit, self.user, directory, [*limits, *self.properties])
        # systemd puts variables into the words of a command, so that ${TOKEN} would be seen in the list of processes; $$ is a dollar sign to
        # it (systemd.service(5), "Command Lines").
        argv = [word.replace("$", "$$") for word in (commands[0] if len(commands) == 1 else _in_a_row(commands))]
        try:
            # systemd ends the unit in time; this is for the program that waits for it, should it miss that.
            timeout = _START_SECONDS + self.seconds + _STOP_SECONDS
            done = run([*start, *argv], ANY_STATUS, together=True, timeout=timeout, shown=_first_lines(commands), pass_fds=lock.inherited())
        except BaseException:
            # The program that waits for the unit has ended, but the unit goes on.
            end([f"{unit}.service"])
            unlink(file)
            raise
        try:
            return done, "" if done.status == 0 else self._exceeded(done.status, f"{unit}.service", time.monotonic() - began)
        finally:
            unlink(file)

    def _exceeded(self, status: int, unit: str, seconds: float) -> str:
        """Have systemd forget a failed unit, and return why it was ended, empty if it ended by itself.

        :param seconds: how long it has run
        """
        shown = systemd.show([unit])[unit]
        if shown["ActiveState"] not in ("inactive", "failed"):
            # The service manager or its bus was restarted, so that the program that waits for the unit has failed.
            end([unit])
            return "was ended, since systemd-run does not wait for it any more"
        systemd.reset_failed([unit])
        # A shell ends with 128 and the number of the signal that has ended its program (sh(1)).
        killed = "oom-kill" if status == _KILLED else shown["Result"]
        if killed == "timeout" and seconds < self.seconds:
            # systemd has the same result for a command that has ended and whose processes do not stop within TimeoutStopSec.
            killed = "left processes"
        return {
            "timeout": f"has not ended within {self.seconds} s ({self.timeout_key}) and was ended",
            "left processes": "left processes behind that ignored SIGTERM and were killed; have it wait for what it starts",
            "oom-kill": f"was killed, as happens if it needs more memory than {self.memory} (command_limits.memory_max)",
            "signal": f"was ended by signal {shown.get('ExecMainStatus')}",
        }.get(killed, "")


def _step_error(done: CommandResult, reason: str, commands: t.Sequence[t.Sequence[str]]) -> StepError:
    """Return the error of the command that was the last to run.

    :param reason: why it was ended, empty if it ended by itself
    """
    step, printed = _last_step(done.output, len(commands))
    done, command = done._replace(output=printed), commands[step]
    if not reason:
        return StepError(str(done.failure(command)), step, done.lines)
    words = "".join(f"\n{line}" for line in done.lines[-LINES_SHOWN:])
    return StepError(f"'{' '.join(command)}' {reason}{':' if words else ''}{words}", step, done.lines, ended_itself=False)


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
    left = _files(name)
    end([f"{file.removesuffix(_SUFFIX)}.service" for file in left])
    for file in left:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{_ENVIRONMENTS}/{file}")


def _files(name: str) -> list[str]:
    """Return the names of the environment files of commands."""
    return [file for file in names_in(_ENVIRONMENTS) if file.startswith(f"{name}-") and file.endswith(_SUFFIX)]


def forget_ended(name: str) -> None:
    """Remove the environment files of commands that have ended after the run that had started them; those that still run keep theirs.

    :param name: how the names of their units begin
    """
    left = {f"{file.removesuffix(_SUFFIX)}.service": f"{_ENVIRONMENTS}/{file}" for file in _files(name)}
    for unit, shown in systemd.show(list(left)).items():
        with contextlib.suppress(FileNotFoundError):
            # The unit of a file that was just written is about to start.
            if shown["ActiveState"] in ("inactive", "failed") and time.time() - os.stat(left[unit]).st_mtime > _START_SECONDS:
                os.unlink(left[unit])
