# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Virtualenvs of releases: made with pip, filled with the requirements and uWSGI, then given to root."""

from __future__ import annotations

import os
import pwd
import tempfile
import typing as t

from ..app.layout import AppRoot
from ..app.orders import ReleaseOrder
from ..app.uwsgi_package import COMPILED, is_wheel
from ..host.cage import StepError
from ..host.command import CommandError
from ..host.files import exchange, sync_filesystem, write_atomically
from ..host.trees import copy_from_user, remove
from .declared_files import declared_files
from .installation import constraints_of, first_installations, install_the_rest, rewrite
from .kept import Kept, kept_packages
from .shared_paths import share_of_virtualenv
from .store import discard, forget_virtualenv, read_constraints, was_complete
from .virtualenv_record import VirtualenvRecord, wanted_record, write_record
from .workshop import Workshop

# pip says the first of an index that does not answer, and then the second as well.
_NOT_REACHED, _NOTHING_FOUND = "Retrying (", "No matching distribution"
# Words of pip about a package that it cannot find, check, read or build, whatever else is in the virtualenv: it builds packages apart from it.
_WHATEVER_IS_KEPT = (
    _NOT_REACHED,
    _NOTHING_FOUND,
    "DO NOT MATCH THE HASHES",
    "--require-hashes mode",
    "Could not open requirements file",
    "Invalid requirement",
    "metadata-generation-failed",
    "subprocess-exited-with-error",
    "Failed to build",
)
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

    Where somebody has removed parts of a virtualenv, an instance may still run with the rest of it. The rest stays in its place until another one
    is whole, with the versions of the former one.
    """
    places, plan = AppRoot(app["root"]), app["release"]
    venv = places.virtualenv(plan["virtualenv_id"])
    if was_complete(places.root, plan["virtualenv_id"]):
        workshop = workshop.with_apart(venv, places.virtualenv_apart(plan["virtualenv_id"]))
        app = {**app, "constraints": app["constraints"] or read_constraints(places.root, plan["virtualenv_id"])}
    else:
        forget_virtualenv(places.root, plan["virtualenv_id"])
    record = wanted_record(app)
    if not _make_with_kept_packages(app, venv, workshop, record):
        _make(app, venv, workshop, Kept())
    write_record(app, record)
    # Flush the virtualenv before its mark: after a power cut the mark must never stand beside a half-written virtualenv.
    sync_filesystem(venv)
    write_atomically(places.constraints(plan["virtualenv_id"]), constraints_of(app, venv), 0o644)


def _make_with_kept_packages(app: ReleaseOrder, venv: str, workshop: Workshop, record: VirtualenvRecord) -> bool:
    """Make a virtualenv with packages of a former one, and return whether that was possible.

    :raises CommandError: for what would fail as well if everything was built anew
    """
    try:
        with kept_packages(app, record) as kept:
            if kept:
                _make(app, venv, workshop, kept)
            return bool(kept)
    except StepError as error:
        # An index that does not answer is asked once, a limit counts once, and what cannot be built is built once.
        if not error.ended_itself or any(words in line for line in error.lines for words in _WHATEVER_IS_KEPT):
            raise
    except OSError:
        pass  # it is met again, and told, unless it comes from what was kept
    return False


def _make(app: ReleaseOrder, venv: str, workshop: Workshop, kept: Kept) -> None:
    """Make a virtualenv of root's."""
    required = app["release"]["pinned"]["required"]
    # Beside the virtualenv, where its user reads it and makes no names.
    with tempfile.NamedTemporaryFile("w", dir=AppRoot(app["root"]).virtualenvs, prefix=".chosen-", suffix=".txt") as chosen:
        rewrite(chosen, app["constraints"] or "")
        os.fchmod(chosen.fileno(), 0o644)
        with declared_files(app) as declared:
            first = first_installations(app, venv, chosen.name, declared, kept, workshop.home)
            _fill(app, venv, workshop, [*kept.offer(required, venv), *first])
        install_the_rest(app, venv, workshop, chosen, kept)
    _replace_by_copy(app, venv, workshop, kept)


def _fill(app: ReleaseOrder, venv: str, workshop: Workshop, installations: t.Sequence[t.Sequence[str]]) -> None:
    """Make a virtualenv with pip in it, and run the commands that install something into it; uWSGI comes last, if at all.

    :raises CommandError: naming the remedy if there is no wheel of uWSGI
    """
    user = pwd.getpwnam(app["user"])
    # The second one is slow and works wherever virtualenvs do, or says why not.
    options = ["--system-site-packages"] if app["system_site_packages"] else []
    makers = [venv_command(app["python"], venv, *options), [app["python"], "-I", "-m", "venv", venv, *options]]
    place = workshop.outside(venv)
    for maker in makers:
        discard(place)
        os.mkdir(place, 0o755)
        os.chown(place, user.pw_uid, user.pw_gid)
        try:
            workshop.run_each([maker, *installations])
            return
        except StepError as error:
            of_uwsgi = error.step == len(installations) and app["uwsgi"] in installations[-1]
            if of_uwsgi and is_wheel(app["uwsgi"]) and _lacks_wheel(error.lines):
                raise _no_wheel(app["uwsgi"], venv, workshop, error) from error
            if error.step != 0 or maker is makers[-1]:
                raise


def _lacks_wheel(lines: t.Sequence[str]) -> bool:
    """Return whether an index that answers has no wheel, by all that pip has written: a message has the last lines only."""
    return any(_NOTHING_FOUND in line for line in lines) and not any(_NOT_REACHED in line for line in lines)


def _no_wheel(package: str, venv: str, workshop: Workshop, error: CommandError) -> CommandError:
    show = "import platform; print(platform.python_version(), 'on', platform.machine())"
    python = workshop.run([f"{venv}/bin/python", "-I", "-c", show])
    return CommandError(
        f"there is no wheel of {package} for Python {python.strip()}. Set uwsgi.package to {COMPILED}, which is compiled on the"
        f" host, or to a pyuwsgi that has one, or python to another interpreter.\n{error.message}",
        error.lines,
    )


def _replace_by_copy(app: ReleaseOrder, venv: str, workshop: Workshop, kept: Kept) -> None:
    """Put a copy that was root's from the beginning into the place of a virtualenv whose files its user may still have open."""
    place = workshop.outside(venv)
    copy = AppRoot(app["root"]).unfinished_virtualenv(app["release"]["virtualenv_id"])
    discard(copy)
    copy_from_user(place, copy, pwd.getpwnam(app["user"]).pw_uid)
    kept.put_into(copy)
    share_of_virtualenv(app, copy)
    remove(place)
    if place != venv:
        # The marks of the former virtualenv are beside it still.
        sync_filesystem(copy)
        if exchange(copy, venv):
            discard(copy)
            return
        remove(venv)
    os.rename(copy, venv)
