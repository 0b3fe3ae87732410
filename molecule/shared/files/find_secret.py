"""Print where on this host a text can be read that should be in no such place: python3 - BASE64-OF-THE-TEXT.

In base64, because what a command is called with is logged itself.
"""

from __future__ import annotations

import base64
import glob
import os
import subprocess
import sys

TREES = (
    "/etc/systemd",
    "/etc/flask",
    "/etc/sysusers.d",
    "/etc/tmpfiles.d",
    "/opt",
    "/srv",
    "/run/flask",
    "/run/systemd",
    "/var/log",
    "/tmp",
    "/root",
)
COMMANDS = (
    ["journalctl", "--all", "--output=export", "--no-pager"],
    ["systemctl", "show", "flask-*"],
    ["systemctl", "cat", "flask-*"],
)


def readable(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:  # a process that has ended
        return b""


def main() -> int:
    text = base64.b64decode(sys.argv[1])
    found = [f"the command line in {path}" for path in glob.glob("/proc/[0-9]*/cmdline") if text in readable(path)]
    for command in COMMANDS:
        output = subprocess.run(command, check=False, capture_output=True).stdout
        found += [f"the output of {' '.join(command)}"] if text in output else []
    for tree in TREES:
        paths = [os.path.join(directory, name) for directory, _names, names in os.walk(tree) for name in names]
        files = [path for path in paths if os.path.isfile(path) and not os.path.islink(path)]
        found += [path for path in files if not path.endswith(".secrets") and text in readable(path)]
    print("\n".join(found))
    return 1 if found else 0


sys.exit(main())
