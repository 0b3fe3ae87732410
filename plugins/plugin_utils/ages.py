# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long something took or has been there, for people."""

from __future__ import annotations

from ..module_utils.host.clock import DAY


def age(seconds: float) -> str:
    """Return a time in its largest unit, rounded down, such as ``3 h``."""
    for unit, length in (("d", DAY), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{max(0, int(seconds))} s"
