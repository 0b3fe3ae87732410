# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Packages in a virtualenv as pip leaves them, without pip."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

SITE = "lib/python3.13/site-packages"
SCRIPT = "../../../bin/hello"


def recorded(text: str) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def install(venv: Path, name: str, version: str, files: Mapping[str, str], site: str = SITE) -> Path:
    """Write a package into a virtualenv and return the directory of its metadata.

    :param files: contents by path below the directory of packages; those of bytecode are recorded without a hash
    """
    information = venv / site / f"{name}-{version}.dist-info"
    texts = {f"{information.name}/METADATA": f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n", **files}
    rows = [f"{path},{'' if path.endswith('.pyc') else recorded(text)},{len(text)}" for path, text in texts.items()]
    texts[f"{information.name}/RECORD"] = "\n".join([*rows, f"{information.name}/RECORD,,"]) + "\n"
    for path, text in texts.items():
        place = Path(os.path.normpath(venv / site / path))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return information


def everything(venv: Path) -> dict[str, str]:
    """Return the contents of all files below a directory, and where links lead."""
    return {
        str(path.relative_to(venv)): path.readlink() if path.is_symlink() else path.read_text()
        for path in venv.rglob("*")
        if not path.is_dir()
    }
