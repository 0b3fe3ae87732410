# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which uWSGI and gevent are installed, and how a version is read."""

from __future__ import annotations

import re

from ...module_utils.app.uwsgi_package import WHEEL

# Released wheels for every CPython the supported Debian releases ship, so that a server needs no compiler.
DEFAULT_UWSGI = f"{WHEEL}==2.0.30.post1"
OLDEST_UWSGI = (2, 0, 21)
# gevent with all it needs, of one date; wheels for the same Pythons, and for that of Ubuntu 22.04, which has no wheel of the newest zope.interface.
GEVENT = (
    "gevent==26.9.0",
    "greenlet==3.5.6",
    "zope.event==6.2",
    'zope.interface==8.7; python_version >= "3.11"',
    'zope.interface==8.6; python_version < "3.11"',
)


def package_version(package: str) -> tuple[int, ...]:
    """Return the version of uWSGI that a requirement pins, empty if it pins none."""
    pinned = re.fullmatch(r"(?i:(?:py)?uwsgi)\s*===?\s*(\d+(?:\.\d+)*)(?:\.post\d+)?", package.strip())
    return tuple(map(int, pinned.group(1).split("."))) if pinned else ()
