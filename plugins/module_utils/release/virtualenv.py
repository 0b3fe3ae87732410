# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Virtualenvs of releases: made with pip, filled with the requirements and uWSGI, then given to root."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import tempfile
import typing as t

from ..app.layout import AppRoot
from ..app.orders import ReleaseOrder
from ..host.command import CommandError
from ..host.files import sync_filesystem, write_atomically
from ..host.trees import copy_from_user, remove
from .installation import constraints_of, install_requirements, rewrite
from .store import discard
from .workshop import Workshop, pip

# A program for the interpreter of the virtualenv, whatever its version; its arguments are the directory and options of venv.
# It unpacks the wheels that ensurepip would install, with the same result in less time. If a wheel cannot be found, ensurepip does the work.
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

target, options, wheels = sys.argv[1], sys.argv[2:], bundled()
venv.main([*options, "--without-pip", target] if wheels else [*options, target])
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


def venv_command(python: str, directory: str, *options: str) -> list[str]:
    """Return the command that makes a virtualenv.

    :param options: of the module venv
    """
    return [python, "-I", "-c", _MAKE, directory, *options]


def build_virtualenv(app: ReleaseOrder, workshop: Workshop) -> None:
    """Make a virtualenv with the requirements of the tree that is built, and with uWSGI.

    The host that builds first resolves requirements without a version; the other hosts install the same versions.
    """
    places, plan = AppRoot(app["root"]), app["release"]
    venv, mark = places.virtualenv(plan["virtualenv_id"]), places.constraints(plan["virtualenv_id"])
    with contextlib.suppress(FileNotFoundError):
        os.unlink(mark)
    _empty_virtualenv(app, venv, workshop)
    # Beside the virtualenv, where its user reads it and makes no names.
    with tempfile.NamedTemporaryFile("w", dir=places.virtualenvs, prefix=".chosen-", suffix=".txt") as chosen:
        rewrite(chosen, app["constraints"] or "")
        os.fchmod(chosen.fileno(), 0o644)
        frozen = install_requirements(app, venv, workshop, chosen)
        _install_uwsgi(app, venv, workshop)
        if gevent := _not_in(frozen, app["gevent"]):
            # Keep the versions that the requirements have chosen; if gevent does not fit them, pip says so.
            rewrite(chosen, constraints_of(frozen))
            workshop.run([*pip(venv), "install", "--constraint", chosen.name, *gevent])
    _replace_by_copy(app, venv)
    # Flush the virtualenv before its mark: after a power cut the mark must never stand beside a half-written virtualenv.
    sync_filesystem(venv)
    write_atomically(mark, constraints_of(frozen), 0o644)


def _empty_virtualenv(app: ReleaseOrder, venv: str, workshop: Workshop) -> None:
    """Make a virtualenv with pip in it."""
    user = pwd.getpwnam(app["user"])
    # The second one is slow and works wherever virtualenvs do, or says why not.
    options = ["--system-site-packages"] if app["system_site_packages"] else []
    commands = [venv_command(app["python"], venv, *options), [app["python"], "-I", "-m", "venv", venv, *options]]
    for command in commands:
        discard(venv)
        os.mkdir(venv, 0o755)
        os.chown(venv, user.pw_uid, user.pw_gid)
        try:
            workshop.run(command)
            return
        except CommandError:
            if command is commands[-1]:
                raise


def _replace_by_copy(app: ReleaseOrder, venv: str) -> None:
    """Put a copy that was root's from the beginning into the place of a virtualenv whose files its user may still have open."""
    copy = AppRoot(app["root"]).unfinished_virtualenv(app["release"]["virtualenv_id"])
    discard(copy)
    copy_from_user(venv, copy, pwd.getpwnam(app["user"]).pw_uid)
    remove(venv)
    os.rename(copy, venv)


def _not_in(frozen: str, pins: t.Sequence[str]) -> list[str]:
    """Return the pins of packages that are not installed yet: a version that the application has chosen stays."""
    there = {_normal(re.split(r"==| @ ", line)[0]) for line in frozen.splitlines()}
    return [pin for pin in pins if _normal(pin.partition("==")[0]) not in there]


def _normal(name: str) -> str:
    """Return the normalized name of a package (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _install_uwsgi(app: ReleaseOrder, venv: str, workshop: Workshop) -> None:
    """Install uWSGI. The sources of its wheel would be compiled, which is what one takes the wheel to do without.

    :raises CommandError: naming the remedy if there is no wheel
    """
    package = app["uwsgi"]
    if not package.lower().startswith("py"):
        workshop.run([*pip(venv), "install", package])
        return
    try:
        workshop.run([*pip(venv), "install", "--only-binary", "pyuwsgi", package])
    except CommandError as error:
        if "No matching distribution" not in str(error):
            raise
        show = "import platform; print(platform.python_version(), 'on', platform.machine())"
        python = workshop.run([f"{venv}/bin/python", "-I", "-c", show])
        raise CommandError(
            f"there is no wheel of {package} for Python {python.strip()}. Set uwsgi.package to uwsgi==2.0.31, which is compiled on the"
            f" host, or to a pyuwsgi that has one, or python to another interpreter.\n{error}"
        ) from error
