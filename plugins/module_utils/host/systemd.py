# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A client of systemd that asks for many units in few calls."""

from __future__ import annotations

import os
import typing as t

from .command import ANY_STATUS, CommandError, Runner, run

_PROPERTIES = ("Id", "ActiveState", "SubState", "Result", "MainPID", "NRestarts", "ExecMainStatus", "InvocationID")
UNIT_DIR = "/etc/systemd/system"


class SystemdError(CommandError):
    """systemd is not there or refused a command; the message has its words."""


def _call(*command: str, accepted: t.Container[int] = (0,), runner: Runner = run) -> str:
    try:
        return runner(list(command), accepted).output
    except CommandError as error:
        raise SystemdError(str(error)) from error


def daemon_reload() -> None:
    _call("systemctl", "daemon-reload")


def show(units: t.Sequence[str], runner: Runner = run) -> dict[str, dict[str, str]]:
    """Return properties of units by name; a unit that does not exist is ``inactive``."""
    if not units:
        return {}
    blocks = _call("systemctl", "show", f"--property={','.join(_PROPERTIES)}", "--", *units, runner=runner).strip().split("\n\n")
    shown = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in blocks]
    return dict(zip(units, shown, strict=True))


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


def start(units: t.Sequence[str]) -> None:
    """Queue the start of units; whether they come up is for :func:`show` to tell."""
    if units:
        _call("systemctl", "start", "--no-block", "--", *units)


def stop(units: t.Sequence[str]) -> None:
    """Stop units and wait until they have; those that systemd does not know are no error."""
    if units:
        # Exit status 5: "Unit ... not loaded" (systemctl(1), EXIT STATUS).
        _call("systemctl", "stop", "--", *units, accepted=(0, 5))


def reset_failed(units: t.Sequence[str]) -> None:
    """Forget failures of units; those that did not fail are no error."""
    if units:
        _call("systemctl", "reset-failed", "--", *units, accepted=ANY_STATUS)


def enable(unit: str) -> None:
    _call("systemctl", "enable", "--quiet", "--no-reload", "--", unit)


def disable(unit: str) -> None:
    _call("systemctl", "disable", "--quiet", "--no-reload", "--", unit)


def stop_later(units: t.Sequence[str], seconds: int, timer: str) -> None:
    """Have systemd stop units after some seconds, whatever becomes of this process."""
    _call(
        "systemd-run",
        "--quiet",
        "--collect",
        f"--unit={timer}",
        f"--on-active={seconds}",
        "--timer-property=AccuracySec=1s",
        "systemctl",
        "stop",
        "--",
        *units,
    )


def journal(
    unit: str, lines: int = 25, invocation: str = "", since: float = 0, with_systemds: bool = False, runner: Runner = run
) -> list[str]:
    """Return the last lines a unit logged, those of one invocation if it is given; none on a host without a journal.

    :param since: seconds since the epoch
    :param with_systemds: whether what systemd itself says of the unit is among them, such as why a reload failed
    """
    which = [f"--unit={unit}" if with_systemds else f"_SYSTEMD_UNIT={unit}", f"--since=@{int(since)}"]
    if invocation:
        which = [f"_SYSTEMD_INVOCATION_ID={invocation}"]
    command = ["journalctl", "--quiet", "--no-pager", "--output=cat", f"--lines={lines}", *which]
    try:
        return _call(*command, accepted=ANY_STATUS, runner=runner).splitlines()
    except SystemdError:
        return []


def wants_link(unit: str) -> str:
    return f"{UNIT_DIR}/multi-user.target.wants/{unit}"


def is_enabled(unit: str) -> bool:
    """Return whether a unit starts at boot; systemd itself tells it only as of its last reload."""
    return os.path.islink(wants_link(unit))


def idle_services(names: t.Sequence[str]) -> list[str]:
    """Return the services that do not run or would not after a boot."""
    try:
        states = show([f"{name}.service" for name in names])
    except SystemdError:
        return list(names)  # who starts them says why it cannot
    return [name for name in names if states[f"{name}.service"]["ActiveState"] != "active" or not is_enabled(f"{name}.service")]
