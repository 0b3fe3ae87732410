# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The keys of the commands that a deployment runs."""

from __future__ import annotations

from .key import Key

COMMAND = Key("str", "A command line.", pattern=r"(?s).*\S.*", remedy="write a command")

HOOKS = Key(
    "dict",
    "Shell commands that run as the application's user, in the directory of the release, with the application's environment.",
    default={},
    keys={
        "build": Key(
            "list",
            "Commands that run in a new release before it is started. They are part of the id of the release.",
            default=(),
            elements=COMMAND,
        ),
        "migrate": Key(
            "list",
            "Commands that run once for a new release, on one host, before any host switches to it. A later run may repeat them.",
            default=(),
            elements=COMMAND,
        ),
        "after_switch": Key("list", "Commands that run on each host after the switch.", default=(), elements=COMMAND),
    },
)

COMMAND_LIMITS = Key(
    "dict",
    "Limits of the commands that a deployment runs: of those that make a virtualenv together, and of each hook. A command that exceeds"
    " one is ended, and the application fails.",
    default={},
    keys={
        "timeout": Key(
            "int", "Seconds that a hook, or the commands that make a virtualenv, may take.", default=1800, minimum=1, maximum=86400
        ),
        "memory_max": Key(
            "str",
            "Memory of all processes of a command together, as a size or as a share of the host's memory.",
            default="80%",
            pattern=r"[1-9][0-9]*[KMGT]?|(100|[1-9][0-9]?)%|infinity",
            remedy="write a size such as 512M, or a share such as 50%",
        ),
    },
)
