"""Print a line for everything below some directories: python3 - PATH…. Two outputs are equal when nothing has changed."""

from __future__ import annotations

import hashlib
import os
import stat
import sys

# Failures are written down there.
IGNORED = {"history.jsonl"}


def line(path: str) -> str:
    """Return a line for a path, an empty one where it is gone meanwhile, as a socket of an instance that ends."""
    try:
        return told(path)
    except FileNotFoundError:
        return ""


def told(path: str) -> str:
    status = os.lstat(path)
    owner = f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid}"
    if stat.S_ISLNK(status.st_mode):
        return f"{path} {owner} -> {os.readlink(path)}"
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            return f"{path} {owner} {hashlib.sha256(file.read()).hexdigest()[:16]}"
    return f"{path} {owner}"


for root in sys.argv[1:]:
    lines = [line(root)] if os.path.lexists(root) else [f"{root} is not there"]
    for directory, names, files in os.walk(root):
        lines += [line(os.path.join(directory, name)) for name in [*names, *files] if name not in IGNORED]
    print("\n".join(sorted(filter(None, lines))))
