# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Switches on trial: the host undoes a switch that nobody confirms in time, also if the run that made it was killed.

The file ``<config_dir>/trial.json`` stands for a trial, and a transient timer of systemd ends it. The timer is gone after a reboot and
the file is not, so the next run that judges its switches takes up such an instance again.
"""

from __future__ import annotations

import json
import os
import sys
import time
import typing as t

from ..app.layout import Layout
from ..app.orders import HostApp, PlacedApp
from ..host import systemd
from ..host.files import unlink, write_atomically, write_through
from ..host.json_file import damaged, read_object
from .instance import Instance, known_ids, live_id

PROGRAM = "/var/lib/flaskops/trial.pyz"


class Trial(t.NamedTuple):
    """A switch that nobody has confirmed yet.

    :param former: the instance to go back to, empty if none was live before
    :param who: the person who has switched
    :param seconds: how long the host waits for the confirmation
    :param began: when the release that nobody has confirmed went live, in seconds since the epoch
    :param app: the application, as the way back needs it
    """

    former: str
    who: str
    seconds: int
    began: float
    app: HostApp


def trial_of(app: PlacedApp) -> Trial | None:
    """Return the trial of an application whose switch was made, ``None`` if there is none.

    :raises OSError: if the file is damaged
    """
    path = Layout(app).trial
    found = read_object(path)
    if found is None:
        return None
    try:
        trial = Trial(**found)
    except TypeError:
        raise damaged(path, "is no trial") from None
    # A run that was killed before its switch has left the file, and there is nothing to undo.
    return trial if live_id(app) not in ("", trial.former) else None


def former_id(app: PlacedApp) -> str:
    """Return the instance that an application on trial goes back to, empty if it is not on trial or that instance is gone."""
    trial = trial_of(app)
    return trial.former if trial and trial.former in known_ids(app) else ""


def end(app: PlacedApp) -> bool:
    """End the trial of an application with what is live; return whether it was on trial."""
    layout = Layout(app)
    was_on_trial = trial_of(app) is not None
    if os.path.lexists(layout.trial):
        unlink(layout.trial)
        # Without the file the timer does nothing, so a run that is killed here has ended the trial.
        systemd.stop([layout.trial_timer])
    return was_on_trial


class Trials:
    """The trials that a run begins.

    :param seconds: how long the host waits for the confirmation of a switch; with 0 a switch is final
    :param who: the person of the run
    :param program: the program that ends a trial, which the host gets; needed for ``seconds``
    """

    def __init__(self, seconds: int, who: str, program: bytes = b"") -> None:
        self.seconds, self._who, self._program = seconds, who, program

    def begin(self, instance: Instance) -> None:
        """Put the switch to an instance on trial, before it is made.

        An instance that nobody has confirmed is none to go back to: the one before it is.
        """
        if not self.seconds:
            return
        earlier = trial_of(instance.app)
        former = former_id(instance.app) or instance.live_id
        began = earlier.began if earlier else time.time()
        self._write(Trial(former if former != instance.id else "", self._who, self.seconds, began, instance.app))

    def switched(self, instance: Instance) -> None:
        """End an earlier trial when a run without trials has switched."""
        if not self.seconds:
            end(instance.app)

    def take_up(self, instance: Instance) -> bool:
        """Return whether the live instance has a trial that an earlier run has left, which begins anew or, without trials, ends."""
        trial = trial_of(instance.app)
        if trial is None:
            return False
        if self.seconds:
            self._write(trial._replace(who=self._who, seconds=self.seconds, app=instance.app))
        else:
            end(instance.app)
        return True

    def _write(self, trial: Trial) -> None:
        layout = Layout(trial.app)
        kept = {key: trial.app[key] for key in HostApp.__annotations__}
        write_atomically(layout.trial, json.dumps({**trial._asdict(), "app": {**kept, "environment": {}}}) + "\n", 0o600)
        service = f"{layout.trial_timer.removesuffix('.timer')}.service"
        # The service may wait for the lock that this run holds.
        systemd.stop([layout.trial_timer, service])
        systemd.reset_failed([layout.trial_timer, service])
        if trial.former:
            os.makedirs(os.path.dirname(PROGRAM), 0o700, exist_ok=True)
            write_through(PROGRAM, self._program, 0o600)
            systemd.run_later([sys.executable, "-I", PROGRAM, layout.trial], trial.seconds, service.removesuffix(".service"))


# Switches without a trial.
FINAL = Trials(0, "")
