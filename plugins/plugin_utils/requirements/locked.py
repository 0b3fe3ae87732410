# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Packages as a lock names them, and the lines with which pip installs them.

A lock is read as data on the controller, for the interpreter of one host: nothing of the project runs for it, and a host needs no other
tool than pip. The hashes of a package from an index say which files may be installed, whatever index the host asks.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Iterable, Mapping

from packaging.markers import Marker

from ...module_utils.app.package_names import normal_name
from ..description.validate import shown
from ..source.tree import SourceError
from .values import text

# The values of a host in the names of PEP 508, "Environment Markers".
Markers = Mapping[str, str]
# In place of those of a host while none has been asked: the check of a source reads a lock without them.
NOMINAL: Markers = {
    "os_name": "posix",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "implementation_name": "cpython",
    "python_version": "3.13",
    "python_full_version": "3.13.0",
    "implementation_version": "3.13.0",
    "platform_release": "",
    "platform_version": "",
}
_PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
_PYPI = ("https://pypi.org/simple", "https://pypi.python.org/simple")


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The extras and the groups of dependencies that a description asks for, and the interpreter that they are for.

    The names of both are in the one spelling that is compared (PEP 685 and PEP 735).
    """

    extras: tuple[str, ...]
    groups: tuple[str, ...]
    markers: Markers

    def __init__(self, extras: Iterable[str], groups: Iterable[str], markers: Markers) -> None:
        for name, value in {
            "extras": tuple(map(normal_name, extras)),
            "groups": tuple(map(normal_name, groups)),
            "markers": markers,
        }.items():
            object.__setattr__(self, name, value)

    def applies(self, marker: object) -> bool:
        """Return whether a marker holds on the host, with one of the extras or without."""
        return holds(text(marker), self.markers, ("", *self.extras))


def holds(marker: str, markers: Markers, extras: Iterable[str] = ("",)) -> bool:
    """Return whether a marker (PEP 508) holds for one of some extras; an empty one always does.

    :raises SourceError: for one that cannot be read
    """
    if not marker.strip():
        return True
    try:
        parsed = Marker(marker)
        return any(parsed.evaluate({**markers, "extra": extra}) for extra in extras)
    # Errors of `packaging` are ValueErrors; it does not expect a name as `extras` in a comparison, or a thousand parentheses.
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        words = str(error).partition("\n")[0]
        raise SourceError("requirements", f"the marker {shown(marker)} cannot be read ({words})", "make the lock anew") from error


def applies_somewhere(requirement: str, extras: Iterable[str] = ()) -> bool:
    """Return whether the marker of a requirement lets it be installed on some supported host."""
    marker = re.split(r"\s--", requirement.partition(";")[2])[0]
    try:
        return any(
            holds(marker, {**NOMINAL, "python_version": python, "python_full_version": f"{python}.0"}, ("", *extras)) for python in _PYTHONS
        )
    except SourceError:
        return True  # pip says what is wrong with it


@dataclasses.dataclass
class Lines:
    """The lines of what a lock wants: those with hashes, and those that can have none, such as a commit of a repository."""

    hashed: list[str] = dataclasses.field(default_factory=list)
    loose: list[str] = dataclasses.field(default_factory=list)
    # Indexes beside the one that the host asks.
    indexes: list[str] = dataclasses.field(default_factory=list)

    def from_index(self, name: str, version: str, hashes: Iterable[str], index: str = "") -> None:
        if not name or not version:
            raise SourceError(
                "requirements", f"the lock has the package '{name}' without a {'version' if name else 'name'}", "make the lock anew"
            )
        self._add(f"{name}=={version}", hashes)
        if index.startswith("https://") and index.rstrip("/") not in _PYPI:
            self.indexes.append(f"--extra-index-url {index}")

    def from_url(self, name: str, url: str, hashes: Iterable[str]) -> None:
        self._add(f"{name} @ {url}", hashes)

    def from_repository(self, name: str, url: str, commit: str, subdirectory: str = "") -> None:
        address = url if url.startswith("git+") else f"git+{url}"
        # The short form of ssh is no URL.
        address = re.sub(r"^git\+([^/@]+@[^/:]+):(?!\d+/)", r"git+ssh://\1/", address)
        self.loose.append(f"{name} @ {address}@{commit}" + (f"#subdirectory={subdirectory}" if subdirectory else ""))

    def from_source(self, directory: str, path: str) -> None:
        """Add a path in the source, relative to the directory of the lock."""
        normal = posixpath.normpath(posixpath.join(directory, path))
        self.loose.append(normal if normal.startswith(("../", "/")) or normal in (".", "..") else f"./{normal}")

    def _add(self, requirement: str, hashes: Iterable[str]) -> None:
        known = sorted({each for each in hashes if ":" in each})
        if known:
            self.hashed.append(" ".join([requirement, *(f"--hash={each}" for each in known)]))
        else:
            self.loose.append(requirement)

    def all(self) -> tuple[list[str], list[str]]:
        """Return the lines with hashes and those without, in one order for equal locks."""
        hashed = [*dict.fromkeys(self.indexes), *sorted(set(self.hashed))] if self.hashed else []
        loose = [*dict.fromkeys(self.indexes), *sorted(set(self.loose))] if self.loose else []
        return hashed, loose


def require(kind: str, asked: Iterable[str], there: Iterable[str], file: str) -> None:
    """Require that a lock has the extras or the groups that a description asks for.

    :param kind: ``extras`` or ``groups``, the key of the description
    :raises SourceError: for the first one that it does not have
    """
    known = {normal_name(name) for name in there}
    missing = [name for name in asked if normal_name(name) not in known]
    if missing:
        raise SourceError(kind, f"'{missing[0]}' is not in {file}", "name one of the project, or make the lock anew")
