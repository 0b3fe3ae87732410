# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Install the requirements of a release into its virtualenv."""

from __future__ import annotations

import typing as t

from ..app.orders import ReleaseOrder
from .pins import is_pin
from .workshop import Workshop, pip


def install_requirements(app: ReleaseOrder, venv: str, workshop: Workshop, chosen: t.IO[str]) -> str:
    """Install what the source and the description require, and return what is installed then, as ``pip freeze`` prints it.

    :param chosen: a file that pip reads, with the versions that another host has chosen; other versions may be in it afterwards
    """
    plan, install = app["release"], [*pip(venv), "install"]
    source = ["--requirement", plan["requirements"]] if plan["requirements"] else []
    source += [f"./{plan['package']}"] if plan["package"] else []
    # If one requirement has a hash, pip wants a hash of every one, so those of the description are installed afterwards.
    apart = app["extra_requirements"] if plan["hashed"] else []
    together = source if plan["hashed"] else [*source, *app["extra_requirements"]]
    if together:
        workshop.run([*install, *(["--constraint", chosen.name] if app["constraints"] else []), *together])
    if plan["package"]:
        # The virtualenv keeps what the package needs; the package itself is the release.
        workshop.run([*pip(venv), "uninstall", "--yes", _distribution(plan["package"])])
    frozen = _frozen(app, venv, workshop)
    if apart:
        rewrite(chosen, constraints_of(frozen))
        workshop.run([*install, "--constraint", chosen.name, *apart])
        frozen = _frozen(app, venv, workshop)
    return frozen


def _frozen(app: ReleaseOrder, venv: str, workshop: Workshop) -> str:
    """Return what is installed, without the packages of the distribution, which are not of this virtualenv."""
    return workshop.run([*pip(venv), "freeze", *(["--local"] if app["system_site_packages"] else [])])


def rewrite(file: t.IO[str], text: str) -> None:
    """Replace the content of a file that pip reads next."""
    file.seek(0)
    file.truncate()
    file.write(text)
    file.flush()


def constraints_of(frozen: str) -> str:
    """Return the lines of ``pip freeze`` that can constrain another installation; paths of this host cannot."""
    return "".join(f"{line}\n" for line in frozen.splitlines() if is_pin(line))


def _distribution(package: str) -> str:
    """Return the name of the distribution in a file's name (binary distribution format, PEP 427 and PEP 625)."""
    return package.partition("[")[0].split("-")[0]
