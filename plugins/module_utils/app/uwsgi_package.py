# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The two packages that bring uWSGI, and how a requirement on one of them is told from the other."""

from __future__ import annotations

# The names of PyPI: uWSGI as a wheel, and its sources, which a host compiles.
WHEEL, SOURCES = "pyuwsgi", "uwsgi"
# The requirement for a Python or a processor without a wheel.
COMPILED = f"{SOURCES}==2.0.31"


def is_wheel(requirement: str) -> bool:
    """Return whether a requirement on uWSGI is one on its wheel."""
    return requirement.lower().startswith(WHEEL)
