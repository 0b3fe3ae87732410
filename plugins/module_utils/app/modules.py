# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Answers about a module that a release could not import: whether the release has it elsewhere, requires it, or hides another one with it.

They are about modules without a dot in their name: where Python does not find ``shop.wsgi``, it has found the package ``shop``.
"""

from __future__ import annotations

import itertools
import os
import re
import sys
import typing as t

from ..host.causes import Facts
from ..host.files import names_in, read_text
from ..host.known_causes import GONE, PACKAGES
from .package_names import normal_name

# The directories of a project that are looked into, and how deep.
_DEPTH, _MOST_DIRECTORIES = 3, 300
_REQUIREMENTS = re.compile(r"requirements.*\.(txt|in)|.*requirements\.(txt|in)|pyproject\.toml|setup\.cfg")
# Modules that others import by these names, whatever lies beside the entry point.
_OF_OTHERS = {
    *sys.stdlib_module_names,
    *("blinker", "click", "flask", "itsdangerous", "jinja2", "markupsafe", "werkzeug"),
    *("celery", "dotenv", "gevent", "jwt", "redis", "requests", "sqlalchemy", "wtforms", "yaml"),
}
_ENTRY = re.compile(r"^module\s*=\s*([\w.]+)", re.MULTILINE)


def facts_of_packages() -> Facts:
    """Return the answers that need no look at the release, as while it is built and its files are its user's."""
    return {"gone": lambda name: GONE.get(name, ""), "packaged": lambda name: PACKAGES.get(name, "")}


def facts_of_release(release: str, ini: str = "") -> Facts:
    """Return the answers about a complete release, whose files are root's.

    :param release: its directory
    :param ini: the text of the instance's uWSGI ini
    """
    entry = _ENTRY.search(ini)
    first = entry[1].partition(".")[0] if entry else ""
    return {
        **facts_of_packages(),
        "elsewhere": lambda name: _directory_of(release, name),
        "entry": lambda name: first if name == first else "",
        "declared": lambda name: _declaring_file(release, name),
        "hidden": lambda name: _hiding(release, name),
    }


def _directory_of(release: str, module: str) -> str:
    """Return the directory below the release, relative to it, that has a module; empty if none has."""
    found = (
        os.path.relpath(directory, release)
        for directory, names in _directories(release)
        if directory != release and (f"{module}.py" in names or module in names)
    )
    return next(found, "")


def _hiding(release: str, module: str) -> str:
    """Return the file or directory of a project that is imported in place of a module that others need, empty if none is."""
    if module not in _OF_OTHERS:
        return ""
    for place in ("", "src/"):
        names = names_in(f"{release}/{place}") if os.path.isdir(f"{release}/{place}") else []
        if f"{module}.py" in names:
            return f"{place}{module}.py"
        if module in names:
            return f"the directory {place}{module}"
    return ""


def _directories(release: str) -> t.Iterator[tuple[str, list[str]]]:
    """Yield directories of a project with the names in them, without those that begin with a dot."""
    for directory, subdirs, names in itertools.islice(os.walk(release), _MOST_DIRECTORIES):
        depth = os.path.relpath(directory, release).count("/") + 1
        yield directory, [*names, *subdirs]
        subdirs[:] = sorted(name for name in subdirs if not name.startswith(".")) if depth < _DEPTH else []


def _declaring_file(release: str, module: str) -> str:
    """Return the file of requirements that names a package like the module, empty if none does."""
    for name in sorted(names_in(release)):
        if _REQUIREMENTS.fullmatch(name) and _requires(f"{release}/{name}", module):
            return name
    return ""


def _requires(path: str, module: str) -> bool:
    wanted = re.compile(rf"^[\s\"'\[]*{normal_name(PACKAGES.get(module, module))}(?![a-z0-9-])", re.MULTILINE)
    try:
        return wanted.search(normal_name(read_text(path) or "")) is not None
    except OSError:
        return False
