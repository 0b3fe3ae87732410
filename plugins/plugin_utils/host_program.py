# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs that a host runs without Ansible, each an archive that Python runs: a main file, and the rooms of module_utils that it imports."""

from __future__ import annotations

import functools
import hashlib
import io
import typing as t
import zipfile
from pathlib import Path, PurePosixPath

_COLLECTION = Path(__file__).parents[2]
# The part of a room that only modules of Ansible have.
_LEFT_OUT = ("host/module.py",)
_PACKAGE = "flaskops"
_PLUGINS = "ansible_collections/flaskops/stack/plugins"
# The oldest time that a zip archive knows: equal contents make equal archives.
_TIME = (1980, 1, 1, 0, 0, 0)
_ID_DIGITS = 16


class HostProgram(t.NamedTuple):
    """The main file of a program, as a path in the collection, and the rooms of module_utils that it needs."""

    main: str
    rooms: tuple[str, ...]
    # The name under which the main file imports module_utils.
    package: str = _PACKAGE
    # More files of that package, by path.
    more: tuple[tuple[str, bytes], ...] = ()
    # The modules that the main file runs.
    modules: tuple[str, ...] = ()


ACME = HostProgram("roles/nginx_site/files/acme.py", ("config_tree", "host", "nginx", "tls"))
METRICS_PROGRAM = HostProgram("roles/flask_metrics/files/metrics.py", ("app", "host", "instance", "release", "tls"))
TRIAL = HostProgram("roles/uwsgi_service/files/trial.py", ("app", "host", "instance", "release"))
# Modules as they stand, with another base.
KEPT = HostProgram(
    "roles/flask_app/files/kept.py",
    ("app", "config_tree", "host", "instance", "nginx", "release", "tls"),
    f"{_PLUGINS}/module_utils",
    (("host/module.py", b"from .kept_module import KeptModule as HostModule\n"),),
    ("flask_release", "host_look", "uwsgi_instance"),
)


@functools.cache
def host_program(program: HostProgram) -> bytes:
    """Return a program as an archive that Python runs (zipapp)."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in sorted(_contents(program).items()):
            # Not compressed: controllers have zlib, zlib-ng or Apple's, and each makes other bytes of the same contents.
            archive.writestr(zipfile.ZipInfo(name, _TIME), content, zipfile.ZIP_STORED)
    return packed.getvalue()


@functools.cache
def program_id(program: HostProgram) -> str:
    """Return the name of a program, made of its contents. To pack them takes ten times as long."""
    digest = hashlib.sha256()
    for name, content in sorted(_contents(program).items()):
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:_ID_DIGITS]


def _contents(program: HostProgram) -> dict[str, bytes]:
    library = _COLLECTION / "plugins/module_utils"
    names = sorted(str(path.relative_to(library)) for room in program.rooms for path in (library / room).glob("*.py"))
    contents = {f"{program.package}/{name}": (library / name).read_bytes() for name in names if name not in _LEFT_OUT}
    contents |= {f"{program.package}/{name}": content for name, content in program.more}
    contents |= {f"{_PLUGINS}/modules/{name}.py": (_COLLECTION / f"plugins/modules/{name}.py").read_bytes() for name in program.modules}
    packages = {str(parent) for name in contents for parent in PurePosixPath(name).parents} - {"."}
    contents |= {f"{package}/__init__.py": b"" for package in packages}
    return {**contents, "__main__.py": (_COLLECTION / program.main).read_bytes()}
