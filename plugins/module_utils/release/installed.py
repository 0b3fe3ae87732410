# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The packages in a virtualenv, read from the files that installers write, without running anything that is in it."""

from __future__ import annotations

import errno
import os
import re
import stat
import typing as t

from ..app.package_names import normal_name
from ..host.trees import ABSENT, DIRECTORY, FILE, TreeError, opened, subdirectories
from .pins import is_pin

# Metadata has the name and the version in its first lines, and a description of any length behind them.
_HEADER_BYTES = 65536
# No virtualenv has so many packages; a hostile one could have root read without an end.
_MOST = 10_000
# The recorded source of a package that came from no index (PyPA, "Recording the Direct URL Origin of installed distributions").
_DIRECT = "direct_url.json"
# pip freeze leaves these out, the last three for Pythons whose virtualenvs begin with them (pip 25.1, commands/freeze.py).
_OF_INSTALLERS, _BUNDLED, _BUNDLED_BEFORE = {"pip"}, {"setuptools", "distribute", "wheel"}, (3, 12)
_PYTHON = re.compile(r"[a-z]+(\d+)\.(\d+)t?")


class Distribution(t.NamedTuple):
    """An installed package; ``direct`` says that it came from a path or an address and not from an index."""

    name: str
    version: str
    direct: bool


def installed(venv: str) -> list[Distribution]:
    """Return the packages in a virtualenv, but for those that pip itself does not list.

    The virtualenv may be a user's. Nothing in it is followed or waited for, and what cannot be understood is passed over.

    :raises TreeError: if there are more of them than any virtualenv has
    """
    found: list[Distribution] = []
    with opened(venv, DIRECTORY) as top, opened("lib", DIRECTORY, top) as library:
        for python in subdirectories(library):
            version = _PYTHON.fullmatch(python)
            if version:
                left_out = _OF_INSTALLERS | (_BUNDLED if (int(version[1]), int(version[2])) < _BUNDLED_BEFORE else set())
                listed = _in_packages(library, f"{python}/site-packages")
                found += [distribution for distribution in listed if normal_name(distribution.name) not in left_out]
    return found


def pins(distributions: t.Iterable[Distribution]) -> list[tuple[str, str]]:
    """Return the normalized names and the pins of packages in order. Paths and addresses of this host mean nothing to another one."""
    lines = {normal_name(one.name): f"{one.name}=={one.version}" for one in distributions if not one.direct}
    return [(name, line) for name, line in sorted(lines.items()) if is_pin(line)]


def _in_packages(library: int, path: str) -> t.Iterator[Distribution]:
    try:
        python, packages = path.split("/")
        with opened(python, DIRECTORY, library) as inner, opened(packages, DIRECTORY, inner) as place:
            names = [name for name in os.listdir(place) if name.endswith((".dist-info", ".egg-info"))]
            if len(names) > _MOST:
                raise TreeError(f"the virtualenv has more than {_MOST:,} packages; have the requirements install fewer")
            yield from filter(None, (_distribution(name, place) for name in names))
    except OSError as error:
        if error.errno not in ABSENT:
            raise


def _distribution(name: str, packages: int) -> Distribution | None:
    """Return the package that a directory describes, or the file that distutils wrote."""
    try:
        directory = os.open(name, DIRECTORY, dir_fd=packages)
    except OSError as error:
        if error.errno != errno.ENOTDIR:
            return None
        return _described(_header(name, packages), False)
    try:
        direct = _header(_DIRECT, directory) is not None
        return _described(_header("METADATA" if name.endswith(".dist-info") else "PKG-INFO", directory), direct)
    finally:
        os.close(directory)


def _header(name: str, directory: int) -> str | None:
    """Return the beginning of a file, ``None`` where there is no regular one."""
    try:
        with opened(name, FILE, directory) as file:
            if stat.S_ISREG(os.fstat(file).st_mode):
                return os.read(file, _HEADER_BYTES).decode(errors="replace")
    except OSError as error:
        if error.errno not in ABSENT:
            raise
    return None


def _described(header: str | None, direct: bool) -> Distribution | None:
    """Return the package with the name and the version in a header (PyPA, "Core metadata specifications")."""
    lines = (header or "").partition("\n\n")[0].splitlines()
    fields = dict(reversed([(key.lower(), value.strip()) for key, colon, value in (line.partition(":") for line in lines) if colon]))
    name, version = fields.get("name"), fields.get("version")
    return Distribution(name, version, direct) if name and version else None
