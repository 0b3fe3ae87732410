# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names of Python packages in the one spelling that is compared."""

from __future__ import annotations

import re


def normal_name(name: str) -> str:
    """Return the normalized name of a package (PEP 503); of a longer text, one with every name in it normalized."""
    return re.sub(r"[-_.]+", "-", name).lower()


def required_name(requirement: str) -> str:
    """Return the normalized name of the package that a requirement is on (PEP 508), empty if it begins with none."""
    return normal_name(re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0])
