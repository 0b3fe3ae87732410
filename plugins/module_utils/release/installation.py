# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The commands that fill the virtualenv of a release, and the versions in it as another host needs them."""

from __future__ import annotations

import typing as t

from ..app.orders import ReleaseOrder
from ..app.package_names import normal_name, required_name
from ..app.uwsgi_package import WHEEL, is_wheel
from .declared_files import DeclaredFiles
from .installed import Distribution, installed, pins
from .kept import Kept
from .workshop import Workshop, pip


def first_installations(app: ReleaseOrder, venv: str, constraints: str, declared: DeclaredFiles, kept: Kept, home: str) -> list[list[str]]:
    """Return the commands that install what the source and the description require, and uWSGI unless it is kept, into an empty virtualenv.

    :param constraints: the path of a file with the versions that another host has chosen
    :param home: a directory of the application's user
    """
    plan, install = app["release"], [*pip(venv), "install"]
    required = ["--requirement", plan["requirements"]] if plan["requirements"] else []
    required += ["--requirement", declared.resolved] if declared.resolved else []
    required += ["--constraint", declared.constraints] if declared.constraints else []
    required += [f"./{plan['package']}"] if plan["package"] else []
    required += [] if plan["hashed"] else app["extra_requirements"]
    # pip takes no constraints without hashes where requirements have some.
    chosen = ["--constraint", constraints] if app["constraints"] and not plan["hashed"] else []
    resolving = [[*install, *chosen, *required]] if plan["hashed"] else kept.resolved([*install, *chosen, *required], venv, home)
    commands = [
        *([[*install, "--no-deps", "--require-hashes", "--requirement", declared.locked]] if declared.locked else []),
        *(resolving if required else []),
        *([[*install, "--no-deps", "--requirement", declared.loose]] if declared.loose else []),
    ]
    if plan["package"]:
        # The virtualenv keeps what the package needs; the package itself is the release.
        commands.append([*pip(venv), "uninstall", "--yes", _distribution(plan["package"])])
    return [*commands, *([] if kept.version(required_name(app["uwsgi"])) else [_uwsgi(app, venv)])]


def _uwsgi(app: ReleaseOrder, venv: str) -> list[str]:
    """Return the command that installs uWSGI."""
    # The sources of uWSGI's wheel would be compiled, which is what one takes the wheel to do without.
    wheel = ["--only-binary", WHEEL] if is_wheel(app["uwsgi"]) else []
    return [*pip(venv), "install", *wheel, app["uwsgi"]]


def install_the_rest(app: ReleaseOrder, venv: str, workshop: Workshop, chosen: t.IO[str], kept: Kept) -> None:
    """Install what pip takes in a later call only, with the versions of what is installed already.

    :param chosen: a file that pip reads
    """
    place = workshop.outside(venv)
    # Without a look at it, pip would start only to find that a kept uWSGI is there. A requirement may have brought another version.
    if (version := kept.version(name := required_name(app["uwsgi"]))) and (name, version) not in _versions(place):
        workshop.run(_uwsgi(app, venv))
    # If one requirement has a hash, pip wants a hash of every one, so those of the description are installed afterwards.
    apart = app["extra_requirements"] if app["release"]["hashed"] else []
    if apart:
        # Another host has chosen versions of these too.
        _install_beside(apart, app["constraints"] or constraints_of(app, place), venv, workshop, chosen)
    # Keep the versions that the requirements have chosen; if gevent does not fit them, pip says so.
    if app["gevent"] and (gevent := not_in(installed(place), app["gevent"])):
        # Only now, since pip prefers what is there to the newest version.
        offered = kept.offer(map(required_name, gevent), venv)
        _install_beside(gevent, constraints_of(app, place), venv, workshop, chosen, offered)


def _versions(venv: str) -> list[tuple[str, str]]:
    """Return the normalized names and the versions of what is installed."""
    return [(normal_name(one.name), one.version) for one in installed(venv)]


def _install_beside(
    wanted: t.Sequence[str], constraints: str, venv: str, workshop: Workshop, chosen: t.IO[str], before: t.Sequence[list[str]] = ()
) -> None:
    rewrite(chosen, constraints)
    workshop.run_each([*before, [*pip(venv), "install", "--constraint", chosen.name, *wanted]])


def rewrite(file: t.IO[str], text: str) -> None:
    """Replace the content of a file that pip reads next."""
    file.seek(0)
    file.truncate()
    file.write(text)
    file.flush()


def not_in(there: t.Iterable[Distribution], wanted: t.Sequence[str]) -> list[str]:
    """Return the pins of packages that are not installed yet: a version that the application has chosen stays."""
    names = {normal_name(distribution.name) for distribution in there}
    return [pin for pin in wanted if required_name(pin) not in names]


def constraints_of(app: ReleaseOrder, venv: str) -> str:
    """Return what a virtualenv has, as constraints for another host. The description says itself which uWSGI that is."""
    return "".join(f"{pin}\n" for name, pin in pins(installed(venv)) if name != required_name(app["uwsgi"]))


def _distribution(package: str) -> str:
    """Return the name of the distribution in a file's name (binary distribution format, PEP 427 and PEP 625)."""
    return package.partition("[")[0].split("-")[0]
