# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A client of systemd that asks for many units in few calls."""

from __future__ import annotations

import functools
import os
import typing as t

from .command import ANY_STATUS, CommandError, Runner, TimedOutError, TooMuchWrittenError, run

_PROPERTIES = (
    *("Id", "ActiveState", "SubState", "Result", "MainPID", "NRestarts", "ExecMainStatus", "InvocationID", "LastTriggerUSec"),
    *("ExecMainStartTimestampMonotonic", "ExecMainExitTimestampMonotonic"),
)
UNIT_DIR = "/etc/systemd/system"
# A file that is there while systemd may not have read what is below UNIT_DIR. A boot removes it, and systemd reads everything then.
UNREAD = "/run/flaskops-unread"
# The units of this collection stop within 15 seconds, unless a process tells systemd to wait for longer (sd_notify(3), EXTEND_TIMEOUT_USEC).
_STOP_SECONDS = 20
# For the kernel to end the processes of a unit that were killed.
_KILL_SECONDS = 10
# timeout(1) ends with this status if the time is over.
_STOP_OR_KILL = f'timeout {_STOP_SECONDS} systemctl stop -- "$@"; [ $? -ne 124 ] || systemctl kill --signal=KILL -- "$@"'

# It waits without a limit; the units of the second list go on if those of the first one do not start.
_START_THEN_STOP = "systemctl start -- $1 && systemctl stop --no-block -- $2"


class SystemdError(CommandError):
    """systemd is not there or refused a command; the message has its words."""


class TimedOutSystemdError(SystemdError):
    """systemd has not done in time what it was told."""


class TooMuchSystemdError(SystemdError):
    """A program of systemd has written more than is read."""


def _call(*command: str, accepted: t.Container[int] = (0,), runner: Runner = run) -> str:
    try:
        return runner(list(command), accepted).output
    except TimedOutError as error:
        raise TimedOutSystemdError(str(error)) from error
    except TooMuchWrittenError as error:
        raise TooMuchSystemdError(str(error)) from error
    except CommandError as error:
        raise SystemdError(str(error)) from error


def explained(error: SystemdError) -> str:
    """Return the message of an error, with the remedy where systemd does not run at all (sd_booted(3))."""
    return f"{error}." if is_running() else f"{error}. The host must run systemd."


def is_running() -> bool:
    """Return whether systemd has started the host (sd_booted(3))."""
    return os.path.isdir("/run/systemd/system")


def daemon_reload() -> None:
    _call("systemctl", "daemon-reload")


def show(units: t.Sequence[str], runner: Runner = run) -> dict[str, dict[str, str]]:
    """Return properties of units by name; a unit that does not exist is ``inactive``."""
    if not units:
        return {}
    blocks = _call("systemctl", "show", f"--property={','.join(_PROPERTIES)}", "--", *units, runner=runner).strip().split("\n\n")
    shown = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in blocks]
    return dict(zip(units, shown, strict=True))


def running(pattern: str, runner: Runner = run) -> list[str]:
    """Return the names of the units that run, or are about to, whose names fit a pattern (systemctl(1), "Parameter Syntax")."""
    listed = _call(
        "systemctl", "list-units", "--plain", "--no-legend", "--state=activating,active,deactivating", "--", pattern, runner=runner
    )
    return [line.split()[0] for line in listed.splitlines() if line.strip()]


def being_stopped(units: t.Sequence[str], runner: Runner = run) -> set[str]:
    """Return which units systemd is stopping without starting them afterwards, as ``systemctl stop`` wants it (systemctl(1), ``list-jobs``)."""
    if not units:
        return set()
    listed = _call("systemctl", "list-jobs", "--plain", "--no-legend", "--", *units, accepted=ANY_STATUS, runner=runner)
    # The columns are JOB, UNIT, TYPE and STATE. A unit that is to be started afterwards has a job of another type.
    jobs = [line.split() for line in listed.splitlines()]
    return {columns[1] for columns in jobs if len(columns) == 4 and columns[2] == "stop"} & set(units)


def is_active(unit: str, runner: Runner = run) -> bool:
    """Return whether a unit runs, also while it reloads; nothing does on a host without systemd."""
    try:
        state = _call("systemctl", "is-active", "--", unit, accepted=ANY_STATUS, runner=runner)
    except SystemdError:
        return False
    return state.strip() in ("active", "reloading")


def reload(unit: str, runner: Runner = run) -> None:
    """Have a unit read its configuration again, and wait for what systemd takes for the end of that."""
    _call("systemctl", "reload", "--", unit, runner=runner)


def restart(unit: str, runner: Runner = run) -> None:
    """Stop a unit and start it again, and wait until it has started."""
    _call("systemctl", "restart", "--", unit, runner=runner)


def start(units: t.Sequence[str]) -> None:
    """Queue the start of units; whether they come up is for :func:`show` to tell."""
    if units:
        _call("systemctl", "start", "--no-block", "--", *units)


def start_now(units: t.Sequence[str]) -> None:
    """Start units and wait until they have; one whose condition is not met is no error."""
    if units:
        _call("systemctl", "start", "--", *units)


def run_once(unit: str, seconds: float) -> None:
    """Start a unit of ``Type=oneshot`` and wait for its end, whatever that is."""
    _call("systemctl", "start", "--", unit, accepted=ANY_STATUS, runner=functools.partial(run, timeout=seconds))


def stop(units: t.Sequence[str], seconds: float = _STOP_SECONDS) -> None:
    """Stop units and wait until they have; those that systemd does not know are no error.

    :param seconds: what is left of a unit after this time is killed
    :raises SystemdError: if even then a unit does not end
    """
    if not units:
        return
    # Exit status 5: "Unit ... not loaded" (systemctl(1), EXIT STATUS).
    command = ["systemctl", "stop", "--", *units]
    try:
        _call(*command, accepted=(0, 5), runner=functools.partial(run, timeout=seconds))
    except TimedOutSystemdError:
        _call("systemctl", "kill", "--signal=KILL", "--", *units, accepted=ANY_STATUS)
        _call(*command, accepted=(0, 5), runner=functools.partial(run, timeout=_KILL_SECONDS))


def stop_soon(units: t.Sequence[str]) -> None:
    """Have systemd stop units without waiting for it: it kills what is left of each after its ``TimeoutStopSec``."""
    if units:
        _call("systemctl", "stop", "--no-block", "--", *units, accepted=(0, 5))


def reset_failed(units: t.Sequence[str]) -> None:
    """Forget failures of units; those that did not fail are no error."""
    if units:
        _call("systemctl", "reset-failed", "--", *units, accepted=ANY_STATUS)


def enable(unit: str) -> None:
    _call("systemctl", "enable", "--quiet", "--no-reload", "--", unit)


def enable_now(unit: str) -> None:
    """Enable a unit and start it."""
    _call("systemctl", "enable", "--quiet", "--now", "--", unit)


def disable(unit: str) -> None:
    _call("systemctl", "disable", "--quiet", "--no-reload", "--", unit)


def stop_later(units: t.Sequence[str], seconds: int, timer: str) -> None:
    """Have systemd stop units after some seconds, whatever becomes of this process; units that refuse to stop are killed."""
    run_later(["/bin/sh", "-c", _STOP_OR_KILL, "sh", *units], seconds, timer, "--collect")


def stop_when_started(units: t.Sequence[str], awaited: t.Sequence[str], unit: str) -> None:
    """Have systemd stop units when it has started others, whatever becomes of this process and however long that takes.

    :param unit: the name of the transient service, which does not run
    """
    start_transient(unit, [], ["/bin/sh", "-c", _START_THEN_STOP, "sh", " ".join(awaited), " ".join(units)])


def run_later(command: t.Sequence[str], seconds: int, unit: str, *options: str) -> None:
    """Have systemd run a command after some seconds, whatever becomes of this process. After a reboot nothing of it is left.

    :param unit: the name, without suffix, of the transient timer and its service, which neither runs nor has failed
    :param options: of systemd-run(1), such as ``--collect``, without which a failure stays in systemd's list
    """
    when = [f"--unit={unit}", f"--on-active={seconds}", "--timer-property=AccuracySec=1s"]
    _call("systemd-run", "--quiet", *options, *when, *command)


def start_transient(unit: str, properties: t.Sequence[str], command: t.Sequence[str]) -> None:
    """Start a program in a unit of its own, which is gone when the program has ended."""
    own = [f"--property={text}" for text in properties]
    _call("systemd-run", "--quiet", "--collect", "--service-type=exec", f"--unit={unit}", *own, "--", *command)


def signal(pattern: str, name: str) -> None:
    """Send a signal to the units whose names fit a pattern, if there are any."""
    _call("systemctl", "kill", f"--signal={name}", "--", pattern, accepted=ANY_STATUS)


def in_transient_unit(unit: str, user: str, directory: str, properties: t.Sequence[str]) -> list[str]:
    """Return what stands before a command that is to run in a unit of its own.

    It ends with the exit status of the command when the unit has ended, and writes what the command writes.
    """
    who = [f"--uid={user}", f"--gid={user}", f"--working-directory={directory}"]
    own = [f"--property={text}" for text in properties]
    return ["systemd-run", "--quiet", "--wait", "--pipe", "--service-type=exec", f"--unit={unit}", *who, *own, "--"]


def journal(
    unit: str, lines: int = 80, invocation: str = "", since: float = 0, with_systemds: bool = False, runner: Runner = run
) -> list[str]:
    """Return the last lines a unit logged, those of one invocation if it is given; none on a host without a journal.

    :param since: seconds since the epoch
    :param with_systemds: whether what systemd itself says of the unit is among them, such as why a reload failed
    """
    which = [f"--unit={unit}" if with_systemds else f"_SYSTEMD_UNIT={unit}", f"--since=@{int(since)}"]
    if invocation:
        which = [f"_SYSTEMD_INVOCATION_ID={invocation}"]
    return _logged([f"--lines={lines}", *which], runner)


def has_run(unit: str, runner: Runner = run) -> bool:
    """Return whether the journal knows of any run of a unit. systemd itself forgets those of a unit that neither runs nor has failed."""
    return bool(journal(unit, lines=1, with_systemds=True, runner=runner))


def sync_journal(runner: Runner = run) -> None:
    """Have journald read all that it has been sent so far (journalctl(1), ``--sync``); nothing happens on a host without a journal."""
    _logged(["--sync"], runner)


def journal_as_json(which: t.Sequence[str], runner: Runner = run) -> list[str]:
    """Return entries of the journal, each as JSON.

    :param which: options of journalctl(1)
    :raises TooMuchSystemdError: if they are too long together
    :raises SystemdError: if the journal cannot be read
    """
    # Without --all, journalctl has null for a field of more than 4096 bytes (journalctl(1), --output). It ends with 1 if there is no entry.
    printed = _call("journalctl", "--quiet", "--no-pager", "--output=json", "--all", *which, accepted=(0, 1), runner=runner)
    # A text may have other characters that end a line for Python, such as U+2028, which JSON leaves as they are.
    return [line for line in printed.split("\n") if line]


def words_about(invocation: str, runner: Runner = run) -> list[str]:
    """Return the lines that systemd itself logged about one invocation of a unit, such as why it could not be started."""
    return _logged([f"INVOCATION_ID={invocation}"], runner) if invocation else []


def _logged(which: t.Sequence[str], runner: Runner) -> list[str]:
    """Return lines of the journal, none on a host without one.

    :param which: options and matches of journalctl(1)
    """
    try:
        return _call("journalctl", "--quiet", "--no-pager", "--output=cat", *which, accepted=ANY_STATUS, runner=runner).splitlines()
    except SystemdError:
        return []


def wants_link(unit: str) -> str:
    return f"{UNIT_DIR}/multi-user.target.wants/{unit}"


def is_enabled(unit: str) -> bool:
    """Return whether a unit starts at boot; systemd itself tells it only as of its last reload."""
    return os.path.islink(wants_link(unit))


def masked_services(names: t.Sequence[str]) -> list[str]:
    """Return the services that somebody has switched off so that nothing starts them (systemctl(1), ``mask``)."""
    places = (UNIT_DIR, "/run/systemd/system")
    return [name for name in names if any(os.path.realpath(f"{place}/{name}.service") == os.devnull for place in places)]


def idle_services(names: t.Sequence[str]) -> list[str]:
    """Return the services that do not run or would not after a boot."""
    try:
        states = show([f"{name}.service" for name in names])
    except SystemdError:
        return list(names)  # who starts them says why it cannot
    return [name for name in names if states[f"{name}.service"]["ActiveState"] != "active" or not is_enabled(f"{name}.service")]
