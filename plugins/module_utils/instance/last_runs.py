# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The last runs of timers, which may be those of an earlier instance: after a switch it can take a day until a command runs again."""

from __future__ import annotations

import os

from ..app.layout import Layout
from ..app.orders import PlacedApp
from ..host import systemd
from .instance import known_ids
from .unit_state import UnitState


def newest_first(app: PlacedApp) -> list[str]:
    """Return the ids of all instances of an application that have a configuration, the newest first."""
    layout = Layout(app)
    return sorted(known_ids(app), key=lambda known: -os.stat(layout.file(known, "ini")).st_mtime_ns)


def failed_jobs(app: PlacedApp, live: str) -> dict[str, str]:
    """Return the units whose commands have failed in the last runs of the live instance's timers, by the timers' names.

    As long as the command of the live instance has not run, that is the unit of the newest other instance whose command has.
    """
    layout = Layout(app)
    installed = layout.timer_units()
    states = systemd.show([layout.job_of(timer) for timer in installed])
    failed: dict[str, str] = {}
    for timer in layout.timer_units(live) if live else []:
        name = layout.worker_of(timer)
        others = [layout.timer_unit(known, name) for known in newest_first(app) if known != live]
        jobs = [layout.job_of(each) for each in [timer, *others] if each in installed]
        job = next((each for each in jobs if UnitState.of(states[each]) is UnitState.FAILED), "")
        newer = jobs[: jobs.index(job)] if job else []
        # The live instance may have been live before, so its lines in the journal may be older than the failure.
        ran_since = any(states[each].get("InvocationID", "") or (each != jobs[0] and systemd.has_run(each)) for each in newer)
        if job and not ran_since:
            failed[name] = job
    return failed
