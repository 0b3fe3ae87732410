# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The version of Python that a project notes for tools which install interpreters: pyenv, uv, Pipenv, asdf, mise and Heroku.

Such a note binds nobody, as ``Requires-Python`` does, so a host with another version is told and not refused.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from ..source.tree import Tree

# By file: the pattern of the line that has the version of CPython.
_NOTES = {
    ".python-version": re.compile(r"^\s*(?:cpython[-@])?(3\.\d+)", re.MULTILINE),
    "runtime.txt": re.compile(r"^\s*python-(3\.\d+)", re.MULTILINE),
    "Pipfile": re.compile(r"^\s*python_(?:full_)?version\s*=\s*[\"'](3\.\d+)", re.MULTILINE),
    ".tool-versions": re.compile(r"^\s*python\s+(3\.\d+)", re.MULTILINE),
}


def noted_python_warning(app: Mapping[str, t.Any], tree: Tree, python: str) -> str:
    """Return a sentence about a note of another version than the host's, empty where there is none.

    :param python: implementation and version of the host's interpreter, such as ``cpython-3.13``
    """
    minor = python.split("-")[1]
    for file, pattern in _NOTES.items():
        noted = pattern.search((tree.read(file) or b"").decode(errors="replace"))
        if noted:
            if noted[1] == minor:
                return ""
            return (
                f"{app['name']}: {file} of the source names Python {noted[1]}, and the application gets {minor}, which `python: {app['python']}`"
                f" is on the host. Set `python` to an interpreter of the host with that version, or correct the file."
            )
    return ""
