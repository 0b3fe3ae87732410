# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules are on trial until a connection confirms them: whatever happens before that, the former ones come back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.firewall import firewall, nft
from ansible_collections.flaskops.stack.plugins.module_utils.firewall.firewall import Firewall, FirewallError
from ansible_collections.flaskops.stack.plugins.module_utils.firewall.rules import NO_RULES
from ansible_collections.flaskops.stack.plugins.module_utils.host import systemd
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError

SECONDS = 60


class Kernel:
    """A host whose kernel, systemd and timers are played; its files are real."""

    def __init__(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rules, self.timer, self.active, self.refused = "", "", False, "nothing"
        for name, path in {"RULES": "etc/flaskops.nft", "_STATE": "run", "_CANDIDATE": "run/candidate", "_FORMER": "run/former"}.items():
            monkeypatch.setattr(firewall, name, str(place / path))
        (place / "systemd/sysinit.target.wants").mkdir(parents=True)
        monkeypatch.setattr(systemd, "UNIT_DIR", str(place / "systemd"))
        monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
        monkeypatch.setattr(nft, "loaded", lambda: self.rules)
        monkeypatch.setattr(nft, "load", self.load)
        monkeypatch.setattr(nft, "takes", lambda path: self.refused not in Path(path).read_text())
        monkeypatch.setattr(nft, "is_installed", lambda: True)
        monkeypatch.setattr(systemd, "run_later", self.run_later)
        monkeypatch.setattr(systemd, "stop", self.stop)
        monkeypatch.setattr(systemd, "enable_now", self.enable_now)
        monkeypatch.setattr(systemd, "is_active", lambda _unit: self.active)
        for name in ("daemon_reload", "reset_failed"):
            monkeypatch.setattr(systemd, name, lambda *_units: None)

    def load(self, path: str) -> None:
        text = Path(path).read_text()
        if self.refused in text:
            raise CommandError("nft does not like it")
        self.rules = "" if text == NO_RULES else text

    def run_later(self, command: list[str], seconds: int, unit: str) -> None:
        assert (command[:2], seconds, unit) == ([nft.PROGRAM, "-f"], SECONDS, "flaskops-firewall-undo")
        self.timer = command[2]

    def stop(self, units: list[str]) -> None:
        if "flaskops-firewall-undo.timer" in units:
            self.timer = ""
        if firewall.UNIT in units:
            self.rules, self.active = "", False

    def enable_now(self, unit: str) -> None:
        link = Path(systemd.UNIT_DIR, "sysinit.target.wants", unit)
        link.unlink(missing_ok=True)
        link.symlink_to(f"../{unit}")
        self.active = True

    def time_passes(self) -> None:
        if self.timer:
            self.load(self.timer)
            self.timer = ""

    def reboot(self) -> None:
        self.rules, self.timer = "", ""
        if os.path.exists(firewall.RULES):
            self.load(firewall.RULES)


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    return Kernel(tmp_path, monkeypatch)


def wall(text: str) -> Firewall:
    """Return a firewall whose rules nft lists as they are written."""
    return Firewall(text, text)


def confirmed(kernel: Kernel, text: str) -> Firewall:
    made = wall(text)
    made.begin_trial(SECONDS)
    made.confirm()
    assert made.pending() == []
    return made


def test_confirmed_rules_stay_and_are_there_after_a_boot(kernel):
    confirmed(kernel, "one")
    kernel.time_passes()
    assert kernel.rules == "one"
    kernel.reboot()
    assert (kernel.rules, wall("one").pending()) == ("one", [])


@pytest.mark.parametrize("former", ["", "one"])
@pytest.mark.parametrize("end", ["time_passes", "reboot"])
def test_rules_that_nobody_confirms_are_undone(kernel, former, end):
    if former:
        confirmed(kernel, former)
    wall("two").begin_trial(SECONDS)
    assert kernel.rules == "two"
    getattr(kernel, end)()
    assert kernel.rules == former
    with pytest.raises(FirewallError, match="has gone back to the former ones"):
        wall("two").confirm()
    assert kernel.rules == former


def test_a_run_after_one_that_was_killed_goes_back_to_what_was_confirmed(kernel):
    confirmed(kernel, "one")
    wall("two").begin_trial(SECONDS)
    assert wall("two").needs_trial(), "its rules are loaded, and nobody has confirmed them"
    wall("two").begin_trial(SECONDS)
    kernel.time_passes()
    assert kernel.rules == "one"


def test_rules_that_the_kernel_refuses_change_nothing_and_leave_no_timer(kernel):
    confirmed(kernel, "one")
    kernel.refused = "two"
    with pytest.raises(CommandError):
        wall("two").begin_trial(SECONDS)
    assert (kernel.rules, kernel.timer) == ("one", "")


def test_a_file_that_somebody_broke_is_no_way_back(kernel):
    confirmed(kernel, "one")
    Path(firewall.RULES).write_text("broken")
    kernel.refused = "broken"
    wall("two").begin_trial(SECONDS)
    kernel.time_passes()
    assert kernel.rules == "", "a host without rules can be reached"


@pytest.mark.parametrize("drift", ["", "one and a rule by hand"])
def test_rules_that_somebody_changed_in_the_kernel_are_pending(kernel, drift):
    confirmed(kernel, "one")
    kernel.rules = drift
    assert wall("one").pending() == ["table inet flaskops"]
    assert wall("one").needs_trial()


def test_a_unit_that_is_switched_off_is_pending_and_needs_no_trial(kernel):
    confirmed(kernel, "one")
    kernel.active = False
    assert wall("one").pending() == [firewall.UNIT]
    assert not wall("one").needs_trial()
    wall("one").keep()
    assert wall("one").pending() == []


def test_a_host_without_nft_lacks_everything(kernel):
    assert len(Firewall("one").pending()) == 4
    assert Firewall("one").needs_trial()


def test_removal_leaves_nothing(kernel):
    confirmed(kernel, "one")
    wall("two").begin_trial(SECONDS)
    assert len(firewall.left_over()) == 4
    firewall.remove()
    assert (firewall.left_over(), kernel.rules, kernel.timer) == ([], "", "")
    kernel.reboot()
    assert kernel.rules == ""
    firewall.remove()
