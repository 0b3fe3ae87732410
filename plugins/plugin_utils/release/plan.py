# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The parts of an application's release on one host, and the names that follow from them."""

from __future__ import annotations

import dataclasses
import posixpath
import re
import typing as t
from collections.abc import Mapping
from email.parser import HeaderParser

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion

from ...module_utils.app.layout import PROJECT_DIRECTORY, Release, ReleaseRecord
from ...module_utils.app.orders import DeclaredRequirements, PinnedPackages
from ..identity import content_id
from ..requirements.callables import default_callable
from ..requirements.declared import Declared, declared, python_of_lock
from ..requirements.imports import USUAL_INSTANCE_PATH, import_path, instance_path
from ..requirements.lines import is_include, joined, read_requirements
from ..requirements.locked import NOMINAL, Markers
from ..requirements.pinned import options, pinned
from ..requirements.project import Project
from ..source.package import FileTree, wheel_metadata
from ..source.tree import SourceError, Tree

# Part of every id: raised when a release or virtualenv is built differently from equal inputs.
_BUILD_VERSION = 2
# No version of Python has had more releases than 23.
_MOST_PATCHES = 50


@dataclasses.dataclass(frozen=True)
class ReleasePlan:
    """A release as it must be on a host."""

    name: str
    id: str
    virtualenv_id: str
    # The file that pip reads, or what to install in its place.
    requirements: str | None
    declared: DeclaredRequirements | None
    package: str | None
    callable: str
    revision: str
    digest: str
    # The directory of the release in which Flask looks for files of its instance folder.
    instance_path: str
    # Directories of the release that Python imports from, separated by colons.
    imports: str
    # Whether the requirements of the source have hashes, which pin versions.
    hashed: bool
    # Whether versions are left open.
    open_versions: bool
    # Packages that a new virtualenv may take over from the one before.
    pinned: PinnedPackages

    def release(self, root: str) -> Release:
        """Return the release as later roles need it."""
        return ReleaseRecord(self.id, self.virtualenv_id, self.callable, self.revision, self.imports).release(root)


def prebuilt_release(source: Mapping[str, t.Any]) -> Release:
    """Return the release that code is which something else put on the host; it has no id of ours."""
    return Release("", source["prebuilt"], source["virtualenv"], "", source["version"])


def plan_release(app: Mapping[str, t.Any], tree: Tree, python: str, markers: Markers = NOMINAL) -> ReleasePlan:
    """Return the release that ``tree`` makes with the interpreter of a host.

    :param python: implementation and version of the host's interpreter, such as ``cpython-3.13``
    :param markers: what the interpreter says for environment markers (PEP 508)
    :raises SourceError: for requirements or an entry point that the source does not have
    """
    package = _package(app, tree) if isinstance(tree, FileTree) else None
    found = Declared("") if isinstance(tree, FileTree) else declared(app, tree, markers)
    _check_python(tree, python, app, found.file)
    wants = _package_requires(tree, package or "") if isinstance(tree, FileTree) else _source_wants(tree, found)
    virtualenv_id = _virtualenv_id(app, python, wants)
    project = found.order["project"] if found.order else ""
    imports = ":".join([import_path(app["wsgi"], tree) or ".", PROJECT_DIRECTORY]) if project else import_path(app["wsgi"], tree)
    callable_name = "" if package else default_callable(app["wsgi"], tree)
    # The callable is recorded with the release, for runs that do not have the source.
    code = {"code": tree.digest, "package": package, "hooks": app["hooks"]["build"], "callable": callable_name}
    instance = instance_path(app["wsgi"], imports)
    more = {"imports": imports, "project": project, "shared": sorted(app["shared_paths"]), "instance": instance}
    # Only where they differ from what most releases have, since every other release keeps its name.
    code.update({key: value for key, value in more.items() if value not in ("", [], USUAL_INSTANCE_PATH)})
    hashed = any("--hash" in line for line in wants)
    release = content_id("release", {"build": _BUILD_VERSION, "virtualenv": virtualenv_id, **code})
    return ReleasePlan(
        name=app["name"],
        id=release,
        virtualenv_id=virtualenv_id,
        requirements=found.file if found.file and not found.order else None,
        declared=found.order,
        package=package,
        callable=callable_name,
        revision=tree.revision,
        digest=tree.digest,
        instance_path=instance,
        imports=imports,
        hashed=hashed,
        open_versions=not hashed or bool(app["extra_requirements"]),
        pinned=_pinned_packages(app, python, markers, *([], []) if isinstance(tree, FileTree) else _whole_lines(tree, found)),
    )


def _pinned_packages(
    app: Mapping[str, t.Any], python: str, markers: Markers, requirements: list[str], constraints: list[str]
) -> PinnedPackages:
    """Return the packages of which a virtualenv gets exactly one version.

    :param requirements: those of the source, and ``constraints`` too
    """
    told = options([*requirements, *constraints])
    inputs = {"python": python, "refresh": app["requirements_refresh"], "system": app["system_site_packages"], "options": told}
    return {
        "basis": content_id("packages", {"build": _BUILD_VERSION, **inputs}),
        "required": pinned([*requirements, *app["extra_requirements"], app["uwsgi"]["package"]], constraints, markers),
        "beside": pinned(app["uwsgi"]["gevent"], [], markers),
    }


def _whole_lines(tree: Tree, found: Declared) -> tuple[list[str], list[str]]:
    """Return the requirements and the constraints of a source, each in one line."""
    if found.order:
        order = found.order
        return [*order["locked"], *order["resolved"], *order["loose"]], order["constraints"]
    files = read_requirements(tree, found.file or None)
    lines = [
        [line for file in files if file.constraints is kind for line in joined(file.lines) if not is_include(line)]
        for kind in (False, True)
    ]
    return lines[0], lines[1]


def _virtualenv_id(app: Mapping[str, t.Any], python: str, wants: list[str]) -> str:
    """Return the id of the virtualenv with everything that is installed beside the code.

    :param wants: what the source requires
    """
    inputs = {"python": python, "uwsgi": app["uwsgi"]["package"], "wants": wants, "refresh": app["requirements_refresh"]}
    if app["uwsgi"]["gevent"]:
        inputs["gevent"] = app["uwsgi"]["gevent"]
    # Only where they are asked for, since every other virtualenv keeps its name.
    inputs.update({key: app[key] for key in ("extra_requirements", "build_constraints", "system_site_packages") if app[key]})
    return content_id("virtualenv", {"build": _BUILD_VERSION, **inputs})


def _source_wants(tree: Tree, found: Declared) -> list[str]:
    """Return everything the requirements of a source say, with the files they include.

    A requirement on a path of the source is as new as the source, so it brings the tree's digest in.
    """
    lines = found.lines() if found.order else [line for file in read_requirements(tree, found.file or None) for line in file.lines]
    wants: list[str] = []
    for line in lines:
        if not is_include(line) and _is_local(line):
            wants.append(f"tree {tree.digest}")
        if line:
            wants.append(line)
    return wants


def _is_local(line: str) -> bool:
    """Return whether a requirement is a path of the source: ``.``, ``./lib[extra]``, ``lib.whl``, ``name @ file:./lib``, ``-e .``."""
    target = re.split(r"\s+@\s+", line)[-1]
    if re.match(r"(-e|--editable)\b|file:", target):
        return True
    if line.startswith("-") or "://" in target:
        return False
    path = re.split(r"[\s;\[]", target)[0]
    return path in (".", "..") or "/" in path or path.endswith((".whl", ".zip", ".tar.gz"))


def _package(app: Mapping[str, t.Any], tree: FileTree) -> str:
    """Return what pip installs: the file with the extras that were asked for."""
    extras = re.search(r"\[.*\]", app["source"]["package"].replace(" ", ""))
    return tree.file.name + (extras.group(0) if extras else "")


def _check_python(tree: Tree, python: str, app: Mapping[str, t.Any], declaring: str) -> None:
    """Refuse a wheel or a project that is for other versions of Python; pip on the host does so with a source distribution.

    :param python: implementation and version of the host's interpreter; the last part of the version is unknown, so any may fit
    :param declaring: the file that declares the requirements
    """
    if isinstance(tree, FileTree):
        key, what, other = "package", f"'{tree.revision}'", "another version of the package"
        wanted = HeaderParser().parsestr(wheel_metadata(tree.file) or "").get("Requires-Python", "")
    else:
        key, what, other = "python", "the project", "another version of the project"
        beside = posixpath.dirname(app.get("requirements") or "") or "."
        wanted = Project(tree, beside).requires_python or Project(tree).requires_python or python_of_lock(tree, declaring)
    minor = python.split("-")[1]
    try:
        fits = any(SpecifierSet(wanted).contains(f"{minor}.{patch}", prereleases=True) for patch in range(_MOST_PATCHES))
    except (InvalidSpecifier, InvalidVersion):
        return  # pip says what is wrong with it
    if not fits:
        says = f"{what} needs Python {wanted}, and the host's is {minor}"
        raise SourceError(key, says, f"name another interpreter of the host in `python`, or {other}")


def _package_requires(tree: FileTree, package: str) -> list[str]:
    """Return what the package depends on, so that versions with equal dependencies share a virtualenv."""
    metadata = wheel_metadata(tree.file)
    if metadata is None:
        return [f"sdist {tree.digest}"]
    extras = re.search(r"\[.*\]", package)
    return sorted(HeaderParser().parsestr(metadata).get_all("Requires-Dist") or []) + [extras.group(0) if extras else ""]
