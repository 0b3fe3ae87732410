# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The keys of workers and timers, which run beside the web process."""

from __future__ import annotations

import dataclasses

from .key import Key
from .limits import MEMORY_MAX, TASKS_MAX
from .unit_command import UNIT_COMMAND

_UNIT_HOSTS = Key(
    "str",
    "`one` is the first host of the play that has the application, `all` is every host.",
    default="all",
    choices=("all", "one"),
)

_UNIT_NAME = Key(
    "str",
    "Name, part of the name of its unit.",
    required=True,
    # Other units of an application have the refused names.
    pattern=r"(?!(stream|build|migrate|after-switch)$|command)[a-z][a-z0-9_-]{0,24}",
    remedy="use up to 25 of a-z, 0-9, - and _, beginning with a letter, and none of stream, build, migrate, after-switch and command",
)

TIMER = Key(
    "dict",
    "A command that the live release runs at certain times.",
    keys={
        "name": dataclasses.replace(_UNIT_NAME, doc="Name of the timer, part of the names of its units."),
        "command": dataclasses.replace(
            UNIT_COMMAND,
            doc="Program with its arguments, which a shell reads, in the directory of the release. It is not started while it still runs.",
            required=True,
        ),
        "schedule": Key(
            "str",
            "When it runs, as systemd writes it (`OnCalendar`), such as `daily`, `*-*-* 03:00` or `Mon *-*-* 06:30:00 Europe/Berlin`.",
            required=True,
            pattern=r"(?!.*%)[^\s\x00-\x1f\x7f\"\\\\][^\x00-\x1f\x7f\"\\\\]*",
            remedy="write a time as in systemd.time(7), such as *-*-* 03:00",
        ),
        "timeout": Key("int", "Seconds that the command may take before it is ended.", default=3600, minimum=1, maximum=604800),
        "catch_up": Key("bool", "Whether a run that the host has missed while it was off is made up for at its start.", default=False),
        "hosts": dataclasses.replace(_UNIT_HOSTS, doc="Hosts that have the timer: " + _UNIT_HOSTS.doc),
    },
)

WORKER = Key(
    "dict",
    "A process beside uWSGI, of the same release, environment and sandbox.",
    keys={
        "name": dataclasses.replace(_UNIT_NAME, doc="Name of the worker, part of the name of its unit."),
        "command": dataclasses.replace(
            UNIT_COMMAND,
            doc="Program with its arguments, which a shell reads. It runs in the directory of the release and finds the programs of the virtualenv.",
            required=True,
        ),
        "count": Key("int", "Number of such processes on each host.", default=1, minimum=1, maximum=100),
        "stop_signal": Key(
            "str",
            "Signal that asks the worker to finish its job and end.",
            default="SIGTERM",
            choices=("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2"),
        ),
        "stop_timeout": Key(
            "int",
            "Seconds that the worker then has to finish its job, before it is killed. No run waits for it.",
            default=60,
            minimum=1,
            maximum=86400,
        ),
        "memory_max": MEMORY_MAX,
        "tasks_max": dataclasses.replace(TASKS_MAX, derived="", default=1024),
        "env": Key(
            "map",
            "Further environment variables, which replace those of the application. Every user of the host can read them in the unit.",
            default={},
        ),
        "overlap": Key(
            "bool",
            "Whether the worker of the old instance may still run while that of the new one does. With `false`, the old one has ended before, also"
            " with a run that waits for `stop_timeout`.",
            default=True,
        ),
        "hosts": dataclasses.replace(_UNIT_HOSTS, doc="Hosts that have the worker: " + _UNIT_HOSTS.doc),
    },
)
