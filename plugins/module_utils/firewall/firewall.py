# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The firewall of a host: rules are loaded on trial, and only those that a new connection has confirmed are kept for the next boot.

``/etc/nftables.d/flaskops.nft`` has the rules that were confirmed. A trial changes nothing but the kernel, so a reboot ends it as the timer of systemd does.
"""

from __future__ import annotations

import contextlib
import os
import typing as t

from ..host import systemd
from ..host.command import CommandError
from ..host.files import read_text, unlink, write_atomically, write_through
from ..host.managed import HEADER
from . import nft
from .rules import NO_RULES, TABLE

RULES = "/etc/nftables.d/flaskops.nft"
UNIT = "flaskops-firewall.service"
_STATE = "/run/flaskops"
_CANDIDATE, _FORMER = f"{_STATE}/firewall-candidate.nft", f"{_STATE}/firewall-former.nft"
_UNDO = "flaskops-firewall-undo"
# nftables.service flushes the rules of everybody when it is stopped, restarted or reloaded: this unit follows it and loads ours again.
_UNIT_TEXT = f"""\
{HEADER}[Unit]
Description=Firewall of Flask applications
Documentation=https://github.com/flaskops/flaskops.stack
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target
After=nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={nft.PROGRAM} -f {RULES}
ExecReload={nft.PROGRAM} -f {RULES}
ExecStop=-{nft.PROGRAM} delete table {" ".join(TABLE)}
ProtectHome=yes
ProtectSystem=full

[Install]
WantedBy=sysinit.target
"""


class FirewallError(Exception):
    """The firewall is not as it should be; the message says why, and what is loaded now."""


def _unit_path() -> str:
    return f"{systemd.UNIT_DIR}/{UNIT}"


def _enabled_link() -> str:
    return f"{systemd.UNIT_DIR}/sysinit.target.wants/{UNIT}"


class Firewall:
    """The firewall as it is wanted.

    :param text: the whole file of rules
    :param wanted: what nft lists when the file is loaded, empty where nft is not installed yet
    """

    def __init__(self, text: str, wanted: str = "") -> None:
        self.text, self.wanted = text, wanted

    def is_loaded(self) -> bool:
        return bool(self.wanted) and nft.loaded() == self.wanted

    def needs_trial(self) -> bool:
        """Return whether the rules of the kernel, or those that were confirmed last, are others."""
        return read_text(RULES) != self.text or not self.is_loaded()

    def pending(self) -> list[str]:
        """Return what is not as wanted: files, and what systemd does at boot."""
        wrong = [] if read_text(RULES) == self.text else [RULES]
        wrong += [] if self.is_loaded() else [f"table {' '.join(TABLE)}"]
        wrong += [] if read_text(_unit_path()) == _UNIT_TEXT else [_unit_path()]
        return wrong + ([] if os.path.islink(_enabled_link()) and systemd.is_active(UNIT) else [UNIT])

    def begin_trial(self, seconds: int) -> None:
        """Load the rules, and have systemd bring the former ones back after some seconds, whatever becomes of this run.

        :raises CommandError: if they cannot be loaded; the former ones stay
        """
        end_trial()
        os.makedirs(_STATE, 0o700, exist_ok=True)
        write_atomically(_CANDIDATE, self.text, 0o600)
        write_through(_FORMER, read_text(RULES) or NO_RULES, 0o600)
        if not nft.takes(_FORMER):
            # Somebody has edited the file since. A host without rules can be reached; one with rules that nobody knows may not.
            write_through(_FORMER, NO_RULES, 0o600)
        systemd.run_later([nft.PROGRAM, "-f", _FORMER], seconds, _UNDO)
        try:
            nft.load(_CANDIDATE)
        except CommandError:
            end_trial()
            raise

    def confirm(self) -> None:
        """End the trial and keep the rules.

        :raises FirewallError: if the host has gone back already
        """
        end_trial()
        # Asked after the timer has gone: it may have run a moment before.
        if not self.is_loaded():
            raise FirewallError("the new rules were not confirmed in time, and the host has gone back to the former ones")
        self.keep()

    def keep(self) -> None:
        """Have the host load the rules at boot."""
        os.makedirs(os.path.dirname(RULES), 0o755, exist_ok=True)
        write_through(RULES, self.text, 0o644)
        write_through(_unit_path(), _UNIT_TEXT, 0o644)
        systemd.daemon_reload()
        systemd.enable_now(UNIT)


def end_trial() -> None:
    """Stop the timer that would bring the former rules back."""
    units = [f"{_UNDO}.timer", f"{_UNDO}.service"]
    systemd.stop(units)
    systemd.reset_failed(units)


def left_over() -> list[str]:
    """Return what a host still has of the firewall that it is not to have."""
    found: list[str] = [path for path in (RULES, _unit_path(), _enabled_link()) if os.path.lexists(path)]
    return found + ([f"table {' '.join(TABLE)}"] if nft.is_installed() and nft.loaded() else [])


def remove() -> None:
    """Let everything in again, now and after a boot."""
    end_trial()
    systemd.stop([UNIT])
    os.makedirs(_STATE, 0o700, exist_ok=True)
    if nft.is_installed():
        write_atomically(_CANDIDATE, NO_RULES, 0o600)
        nft.load(_CANDIDATE)
    for path in (_enabled_link(), _unit_path(), RULES, _CANDIDATE, _FORMER):
        unlink(path)
    with contextlib.suppress(OSError):
        # Others may have files there.
        os.rmdir(os.path.dirname(RULES))
    systemd.daemon_reload()
    systemd.reset_failed([UNIT])


def difference(before: str, after: str, name: str) -> dict[str, t.Any]:
    """Return the two texts as Ansible shows them with ``--diff``."""
    return {"before_header": name, "after_header": name, "before": before, "after": after}
