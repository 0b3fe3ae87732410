# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs that a host runs without Ansible: each is one file of Python, packed from a role's own part and what it imports of the collection."""

from __future__ import annotations

import functools
import io
import typing as t
import zipfile
from pathlib import Path

_COLLECTION = Path(__file__).parents[2]
# The part of a room that only modules of Ansible have.
_LEFT_OUT = ("host/module.py",)
_PACKAGE = "flaskops"
# The oldest time that a zip archive knows: equal contents make equal archives.
_TIME = (1980, 1, 1, 0, 0, 0)


class HostProgram(t.NamedTuple):
    """The main file of a program, as a path in the collection, and the rooms of module_utils that it needs."""

    main: str
    rooms: tuple[str, ...]


ACME = HostProgram("roles/nginx_site/files/acme.py", ("config_tree", "host", "nginx", "tls"))
METRICS_PROGRAM = HostProgram("roles/flask_metrics/files/metrics.py", ("app", "host", "instance", "release", "tls"))
TRIAL = HostProgram("roles/uwsgi_service/files/trial.py", ("app", "host", "instance", "release"))


@functools.cache
def host_program(program: HostProgram) -> bytes:
    """Return a program as an archive that Python runs (zipapp)."""
    library = _COLLECTION / "plugins/module_utils"
    names = sorted(str(path.relative_to(library)) for room in program.rooms for path in (library / room).glob("*.py"))
    contents = {f"{_PACKAGE}/{name}": (library / name).read_bytes() for name in names if name not in _LEFT_OUT}
    packages = [_PACKAGE, *(f"{_PACKAGE}/{room}" for room in program.rooms)]
    contents |= {f"{package}/__init__.py": b"" for package in packages}
    contents["__main__.py"] = (_COLLECTION / program.main).read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in sorted(contents.items()):
            archive.writestr(zipfile.ZipInfo(name, _TIME), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()
