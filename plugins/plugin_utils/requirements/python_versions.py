# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Versions of Python as Poetry writes them (its documentation, "Dependency specification"), in the words of PEP 440."""

from __future__ import annotations

import re

_VERSION = re.compile(r"(\^|~|~=|>=|<=|>|<|==|=|!=)?\s*(\d+(?:\.\d+)*)(\.\*)?")


def specifier_of_poetry(constraint: str) -> str:
    """Return a constraint as a specifier of PEP 440, empty if it has alternatives, which a specifier cannot say, or none."""
    parts = [_VERSION.fullmatch(part.strip()) for part in re.split(r"\s*,\s*|(?<=[\d*])\s+(?=[\^~<>=!\d])", constraint.strip())]
    return ",".join(_specifier(part[1] or "", part[2], bool(part[3])) for part in parts if part) if all(parts) else ""


def _specifier(operator: str, version: str, open_end: bool) -> str:
    numbers = [int(number) for number in version.split(".")]
    if operator == "^":
        return f">={version},<{numbers[0] + 1}"
    if operator == "~":
        return f">={version},<" + (f"{numbers[0]}.{numbers[1] + 1}" if len(numbers) > 1 else f"{numbers[0] + 1}")
    # A version alone is exactly this one, and people who write 3.11 mean its patches too.
    series = ".*" if open_end or (operator in ("", "=") and len(numbers) < 3) else ""
    return f"{'==' if operator in ('', '=') else operator}{version}{series}"
