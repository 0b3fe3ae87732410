# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The restrictions of units that run code of an application: its instances, its hooks, and the builds of its releases.

Each is a directive of systemd.exec(5) or systemd.resource-control(5) with its reason, which is printed into the units of instances.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ...module_utils.app.layout import Layout
from ...module_utils.host.trees import MOST_BYTES

App = Mapping[str, t.Any]


class Restriction(t.NamedTuple):
    """A directive of a unit. The reason is empty where the one before it has the same reason."""

    directive: str
    value: str
    reason: str = ""


# No description changes these restrictions of units that run code of an application.
_FIXED = (
    Restriction("NoNewPrivileges", "true", "Programs that the application starts get no more rights than the application has."),
    Restriction("CapabilityBoundingSet", ""),
    Restriction("RestrictSUIDSGID", "true"),
    Restriction("PrivateTmp", "true", "The unit has its own /tmp, /var/tmp and /dev/shm, which are empty at each start."),
    Restriction("TemporaryFileSystem", "/dev/shm:mode=1777,size=1G"),
    Restriction("ProtectSystem", "strict", "The file system is read-only, except the directories that ReadWritePaths names."),
    Restriction("ProtectHome", "true"),
    Restriction(
        "InaccessiblePaths", "-/run/lock -/dev/mqueue", "Every user may write here, so that one application could reach the others."
    ),
    Restriction("ProtectProc", "invisible", "In /proc the application sees the processes of its own user only."),
    *(
        Restriction(directive, "true")
        for directive in (
            "ProtectClock",
            "ProtectControlGroups",
            "ProtectHostname",
            "ProtectKernelLogs",
            "ProtectKernelModules",
            "ProtectKernelTunables",
            "LockPersonality",
            "RestrictNamespaces",
            "RestrictRealtime",
        )
    ),
    Restriction(
        "PrivateIPC",
        "true",
        "The unit has message queues, semaphores and shared memory of its own; otherwise one application could use up the queues of all.",
    ),
    Restriction("RemoveIPC", "true"),
    Restriction("SystemCallArchitectures", "native"),
    Restriction(
        "SystemCallFilter",
        "@system-service",
        "Allow the system calls of ordinary services. A forbidden call fails with EPERM and does not kill the process.",
    ),
    Restriction("SystemCallFilter", "~@privileged @resources"),
    Restriction("SystemCallErrorNumber", "EPERM"),
)


def fixed(app: App) -> list[Restriction]:
    """Return the restrictions that all instances of an application have in common."""
    layout = Layout(app)
    own = Restriction(
        "ReadWritePaths",
        # The whole directory of sockets, since no file gets a second name in another mount. All but `own` is root's there.
        f"{layout.run_dir} -{layout.shared}",
        "The directory of sockets, and the files that outlive releases.",
    )
    # With a minus sign, since the directories of a purged application are gone before its last unit.
    return [*_FIXED, own, *(Restriction("ReadWritePaths", f"-{place}") for place in app["own_dirs"])]


def chosen(sandbox: App) -> list[Restriction]:
    """Return the restrictions that a description can change, by its key ``sandbox``."""
    network = {
        "none": [Restriction("PrivateNetwork", "true"), Restriction("RestrictAddressFamilies", "AF_UNIX")],
        "local": [_INTERNET, Restriction("IPAddressDeny", "any"), Restriction("IPAddressAllow", "localhost")],
        "any": [_INTERNET],
    }[sandbox["network"]]
    return [
        *network,
        Restriction("PrivateDevices", _negated(sandbox["devices"])),
        Restriction("MemoryDenyWriteExecute", _negated(sandbox["memory_execute"])),
        *(Restriction("ReadWritePaths", path) for path in sandbox["write"]),
        *(Restriction("SystemCallFilter", call) for call in sandbox["system_calls"]),
    ]


_INTERNET = Restriction("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6")


def _negated(allowed: bool) -> str:
    return "false" if allowed else "true"


def of_hooks(app: App) -> list[str]:
    """Return the properties of units that run hooks beside the live instance: they may do what the application may."""
    return _properties([*fixed(app), *chosen(app["sandbox"])])


def of_builds(app: App) -> list[str]:
    """Return the properties of units that build releases.

    They reach package indexes, and compilers and installers for other languages may need executable memory. They do not see the files
    that the running application writes, which must not steer what is installed for the next release.
    """
    for_builds = {"network": "any", "devices": False, "memory_execute": True, "write": []}
    layout = Layout(app)
    hidden = Restriction("InaccessiblePaths", " ".join(f"-{place}" for place in (layout.shared, layout.run_dir, *app["own_dirs"])))
    # A package index may offer a file without an end. A larger one would be refused when the tree is copied.
    bound = Restriction("LimitFSIZE", str(MOST_BYTES))
    return _properties([*_FIXED, *chosen({**app["sandbox"], **for_builds}), hidden, bound])


def _properties(restrictions: Sequence[Restriction]) -> list[str]:
    return [f"{directive}={value}" for directive, value, _reason in restrictions]
