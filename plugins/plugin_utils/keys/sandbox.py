# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The keys of the rights that an application has on its host."""

from __future__ import annotations

from .key import OWN_DIRECTORY, Key

SANDBOX = Key(
    "dict",
    "Rights of the application. By default it may use the network, and may write only to `<root>/shared`, `state_dirs`,"
    " `log_dirs` and its own `/tmp`.",
    default={},
    keys={
        "network": Key(
            "str",
            "Allowed connections: `any`, `local` (loopback addresses only) or `none` (unix sockets only).",
            default="any",
            choices=("any", "local", "none"),
        ),
        "write": Key(
            "list",
            "Further directories or files that the application may write to. They must exist on the host and be writable for its user.",
            default=(),
            elements=Key("str", "A path on the host.", pattern=OWN_DIRECTORY, remedy="write an absolute path such as /var/lib/shop"),
        ),
        "devices": Key(
            "bool", "Whether the application sees the host's devices. Its user still needs the rights to use them.", default=False
        ),
        "memory_execute": Key(
            "bool",
            "Whether memory may be writable and executable, which just-in-time compilers such as numba and callbacks of cffi need.",
            default=False,
        ),
        "system_calls": Key(
            "list",
            "Further system calls that the sandbox allows.",
            default=(),
            elements=Key(
                "str",
                "A system call or a group.",
                pattern=r"@?[a-z][a-z0-9_-]*",
                remedy="write one such as setpriority or @resources",
            ),
        ),
    },
)
