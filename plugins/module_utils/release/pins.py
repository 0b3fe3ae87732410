# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines such as ``flask==3.1.3``: what a host says that requirements were resolved to, and all that a controller believes of it."""

from __future__ import annotations

import re

# PEP 508, "Names".
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
# PEP 440: epoch, release, pre-release, post-release, development release, local version.
_VERSION = (
    r"(?i:v?(?:[0-9]+!)?[0-9]+(?:\.[0-9]+)*(?:[-_.]?(?:alpha|beta|preview|pre|rc|a|b|c)[-_.]?[0-9]*)?"
    r"(?:-[0-9]+|[-_.]?(?:post|rev|r)[-_.]?[0-9]*)?(?:[-_.]?dev[-_.]?[0-9]*)?(?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?)"
)
_PIN = re.compile(f"{_NAME}=={_VERSION}", re.ASCII)


def is_pin(line: str) -> bool:
    """Return whether a line names a package and one version of it, and nothing else that pip would obey."""
    return len(line) < 500 and _PIN.fullmatch(line) is not None
