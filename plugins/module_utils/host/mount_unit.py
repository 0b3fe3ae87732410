# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The name of the unit that mounts something at a path."""

from __future__ import annotations

import functools
import string

# The characters of a path that the name of its mount unit has as they are; a slash becomes a dash.
_PLAIN = frozenset(f"{string.ascii_letters}{string.digits}:_./")


@functools.cache  # each layout of an application asks for it
def mount_unit_of(path: str) -> str:
    """Return the name that the mount unit of an absolute path must have (systemd.unit(5), "String Escaping")."""
    name = path.strip("/")
    escaped = [
        f"\\x{byte:02x}" if chr(byte) not in _PLAIN or (not place and byte == 46) else chr(byte)
        for place, byte in enumerate(name.encode(errors="replace"))
    ]
    return "".join(escaped).replace("/", "-") + ".mount"
