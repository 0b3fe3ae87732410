# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PATH and PYTHONPATH of the processes of an application: the same in instances, in hooks and in builds."""

from __future__ import annotations

import os
import typing as t

from .layout import Release


def search_paths(release: Release, own: t.Mapping[str, str], programs: str) -> dict[str, str]:
    """Return PATH, and PYTHONPATH where there is one.

    pip puts the console scripts of what it installs into a directory (``--target``) into ``bin`` below it, which is why each directory of
    imports has its ``bin`` in PATH.

    :param own: the environment of the description; its PATH stays as it is, and a relative directory in its PYTHONPATH starts at the release
    :param programs: the directories of programs of the host, as in PATH
    """
    imported = _below(release.path, release.imports)
    modules = list(dict.fromkeys([*_below(release.path, own.get("PYTHONPATH", "")), *imported]))
    found = [f"{release.virtualenv_path}/bin", *(f"{place}/bin" for place in imported), programs]
    return {"PATH": own.get("PATH", ":".join(found)), **({"PYTHONPATH": ":".join(modules)} if modules else {})}


def _below(directory: str, paths: str) -> list[str]:
    """Return paths that are separated by colons as absolute ones."""
    return [os.path.normpath(os.path.join(directory, path)) for path in paths.split(":") if path]
