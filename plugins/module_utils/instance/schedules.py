# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check the times of timers by the systemd of the host, whose versions do not all know the same ones."""

from __future__ import annotations

import re

from ..app.orders import InstanceOrder
from ..host.times import NoTimeError, never_comes
from .instance import DeployError, live_id

# A line that the template timer.timer.j2 writes.
_SCHEDULE = re.compile(r"^OnCalendar=(.*)$", re.MULTILINE)


def check(app: InstanceOrder) -> None:
    """Require that systemd understands when timers are to elapse, and that they will.

    :raises DeployError: with a line for each timer for which that is not so
    """
    # A time that was to come once has passed by a later run, which must not fail if it has nothing to change.
    is_live = live_id(app) == app["id"]
    problems = []
    for name, texts in app.get("timers", {}).items():
        for schedule in _SCHEDULE.findall(texts["timer"]):
            if says := _problem(schedule, is_live):
                where = f"{app['name']}.timers: the schedule of {name} is '{schedule}', which {says}"
                problems.append(f"{where}; write a time as in systemd.time(7), such as *-*-* 03:00.")
    if problems:
        raise DeployError("\n".join(problems))


def _problem(schedule: str, is_live: bool) -> str:
    """Return what is wrong with a time, empty for nothing.

    :param is_live: whether the timer is there already
    """
    try:
        return "never comes" if never_comes(schedule) and not is_live else ""
    except NoTimeError as error:
        return f"systemd does not understand ({error})"
