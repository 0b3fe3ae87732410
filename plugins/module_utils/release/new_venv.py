# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Virtualenvs with pip, without the time that ``python -m venv`` takes to run pip out of its own wheel."""

from __future__ import annotations

# For the interpreter of the virtualenv, whatever its version; argument: the directory.
# The wheels are those that ensurepip would install, and unpacked they are what it would have made; where one of them cannot be found,
# ensurepip does it.
_MAKE = r"""
import os, sys, sysconfig, venv, zipfile

def bundled():
    try:
        import ensurepip
    except ImportError:
        return []
    places = [sysconfig.get_config_var("WHEEL_PKG_DIR"), os.path.join(os.path.dirname(ensurepip.__file__), "_bundled")]
    names = ["pip"] if sys.version_info >= (3, 12) else ["pip", "setuptools"]
    for place in places:
        files = os.listdir(place) if place and os.path.isdir(place) else []
        found = [[os.path.join(place, file) for file in files if file.startswith(name + "-") and file.endswith(".whl")] for name in names]
        if all(len(wheels) == 1 for wheels in found) and "pip-%s-" % ensurepip.version() in found[0][0]:
            return [wheels[0] for wheels in found]
    return []

target, wheels = sys.argv[1], bundled()
venv.main(["--without-pip", target] if wheels else [target])
if wheels:
    scheme = "venv" if "venv" in sysconfig.get_scheme_names() else "posix_prefix"
    packages = sysconfig.get_path("purelib", scheme, {"base": target, "platbase": target})
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(packages)
            info = os.path.dirname(next(name for name in archive.namelist() if name.endswith(".dist-info/RECORD")))
        with open(os.path.join(packages, info, "INSTALLER"), "w") as file:
            file.write("pip\n")
        scripts = ["pip", "pip3", "pip%d.%d" % sys.version_info[:2]] if info.startswith("pip-") else []
        with open(os.path.join(packages, info, "RECORD"), "a") as file:
            file.write("%s/INSTALLER,,\n" % info)
            file.writelines("../../../bin/%s,,\n" % script for script in scripts)
        for script in scripts:
            path = os.path.join(target, "bin", script)
            with open(path, "w") as file:
                file.write("#!%s/bin/python3\nimport sys\nfrom pip._internal.cli.main import main\n\nsys.exit(main())\n" % target)
            os.chmod(path, 0o755)
"""


def command(python: str, directory: str) -> list[str]:
    """Return the command that makes a virtualenv."""
    return [python, "-I", "-c", _MAKE, directory]
