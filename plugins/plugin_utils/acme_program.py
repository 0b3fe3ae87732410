# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The program that gets certificates on a host: one file of Python, packed from the role's own part and what it imports of the collection."""

from __future__ import annotations

import functools
import hashlib
import io
import typing as t
import zipfile
from pathlib import Path

from ..module_utils.tls.places import ACME_PROGRAM

_COLLECTION = Path(__file__).parents[2]
_MAIN = _COLLECTION / "roles/nginx_site/files/acme.py"
_ROOMS = ("config_tree", "host", "nginx", "tls")
# The part of a room that only modules of Ansible have.
_LEFT_OUT = ("host/module.py",)
_PACKAGE = "flaskops"
# The oldest time that a zip archive knows: equal contents make equal archives.
_TIME = (1980, 1, 1, 0, 0, 0)


@functools.cache
def acme_program() -> bytes:
    """Return the program as an archive that Python runs (zipapp)."""
    library = _COLLECTION / "plugins/module_utils"
    names = sorted(str(path.relative_to(library)) for room in _ROOMS for path in (library / room).glob("*.py"))
    contents = {f"{_PACKAGE}/{name}": (library / name).read_bytes() for name in names if name not in _LEFT_OUT}
    packages = [_PACKAGE, *(f"{_PACKAGE}/{room}" for room in _ROOMS)]
    contents |= {f"{package}/__init__.py": b"" for package in packages}
    contents["__main__.py"] = _MAIN.read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in sorted(contents.items()):
            archive.writestr(zipfile.ZipInfo(name, _TIME), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def digests(program: bytes) -> dict[str, t.Any]:
    """Return the SHA-256 of the files by which a host is seen to have the program."""
    return {ACME_PROGRAM: hashlib.sha256(program).hexdigest()}
