# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Requirements on exactly one version: pip installs the same package for them whenever it is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...module_utils.app.package_names import normal_name, required_name
from ...module_utils.release.pins import is_pin
from ..source.tree import SourceError
from .locked import Markers, holds

_HASH = re.compile(r"hash[=\s]\s*(\S+)")
# Stands for a package that may come from an address, or is installed in a way of its own.
_OTHER = ""
_EXTRAS = re.compile(r"\s*\[[^\]]*\]")


def pinned(requirements: Iterable[str], constraints: Iterable[str], markers: Markers) -> dict[str, str]:
    """Return the pin of each package that is required in exactly one version, with the hashes that its files may have, by name.

    A package that a line takes from an address, or two lines in two versions, is none of them.

    :param requirements: each in one line
    :param constraints: lines that say which version of a package is installed if it is required
    :param markers: of the interpreter of the host
    """
    found: dict[str, set[str]] = {}
    for lines, required in ((requirements, True), (constraints, False)):
        for name, line in ((required_name(line), line) for line in lines if not line.startswith("-")):
            wanted, applies = _read(line, markers)
            if applies and (required or name in found):
                found.setdefault(name, set()).update(wanted)
    return {name: next(iter(pins)) for name, pins in sorted(found.items()) if len(pins) == 1 and _OTHER not in pins}


def options(lines: Iterable[str]) -> list[str]:
    """Return the lines that tell pip where and how to find packages, such as ``--index-url``, and those that include what is elsewhere."""
    return sorted({line for line in lines if line.startswith("-") and not re.match(r"(-e|--editable)\b", line)})


def _read(line: str, markers: Markers) -> tuple[set[str], bool]:
    """Return the pin of a line, if it has one, and whether the line counts on the host."""
    requirement, *more = re.split(r"\s+--", line)
    wanted, _semicolon, marker = requirement.partition(";")
    try:
        applies = holds(marker, markers)
    except SourceError:
        applies = True  # pip says what is wrong with it
    hashes = [_HASH.fullmatch(option.strip()) for option in more]
    plain = re.sub(r"\s+", "", _EXTRAS.sub("", wanted, count=1))
    if "@" in plain or "/" in plain or None in hashes:
        return {_OTHER}, applies
    if not is_pin(plain):
        return set(), applies
    name, _equals, version = plain.partition("==")
    return {" ".join([f"{normal_name(name)}=={version}", *sorted({found[1] for found in hashes if found})])}, applies
