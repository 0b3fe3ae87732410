# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Requirements that a host could not install, or that would not last: refused on the controller, with what to write instead."""

from __future__ import annotations

import posixpath
import re
import typing as t
from collections.abc import Iterator, Mapping
from email.parser import HeaderParser

from ...module_utils.app.uwsgi_package import COMPILED, is_wheel
from ..description.validate import shown
from ..source.package import FileTree, wheel_metadata
from ..source.tree import SourceError, Tree
from ..uwsgi.packages import DEFAULT_UWSGI, OLDEST_UWSGI
from .lines import Local, RequirementsFile, at_the_top, joined, local
from .locked import applies_somewhere
from .not_for_pip import never_for_pip
from .project import Project

App = Mapping[str, t.Any]
_WHEEL = "put a wheel of it into the source and name that, such as ./vendor/common-1.0-py3-none-any.whl"
_UWSGI = re.compile(r"(?i:(?:py)?uwsgi)(?![A-Za-z0-9._-])")


def check_lines(app: App, tree: Tree, files: list[RequirementsFile]) -> Iterator[SourceError]:
    """Yield what is wrong with the requirements of a source tree, one problem for each line.

    :param app: a complete description
    :param files: its requirements file with those that it includes
    """
    for file in files:
        for line in joined(file.lines):
            found = local(line)
            if applies_somewhere(line) and (problem := never_for_pip(line, file.name)):
                yield problem
            elif found is not None and applies_somewhere(line):
                yield from _check_local(app, tree, f"{shown(line)} in {file.name}", at_the_top(found, file.name, tree))
            elif re.match(r"(-f|--find-links)[\s=]*\.\./", line):
                yield _error(f"{shown(line)} in {file.name} leads out of the source", "put the directory into the source")
            elif not file.constraints:
                yield from _check_uwsgi_line(app, line, file.name)


def check_project(app: App, tree: Tree, directory: str) -> Iterator[SourceError]:
    """Yield what is wrong with a project that is installed beside its requirements.

    :param directory: as pip takes it, such as ``.``
    """
    yield from _check_project(app, "the project", Project(tree, directory), [])


def _error(problem: str, remedy: str) -> SourceError:
    return SourceError("requirements", problem, remedy)


def _check_local(app: App, tree: Tree, what: str, found: Local) -> Iterator[SourceError]:
    """Yield what is wrong with a requirement on a path."""
    path = posixpath.normpath(found.path)
    if path.startswith(("/", "~")) or path == ".." or path.startswith("../"):
        whole = "leave out source.subdir, and write `requirements` and `wsgi` with it, or " if app["source"]["subdir"] else ""
        yield _error(f"{what} leads out of the source, and only the source goes to the host", f"{whole}{_WHEEL}")
    elif any(path == place or path.startswith(f"{place}/") for place in tree.empty_submodules()):
        pass  # The submodule is told, with what to do about it.
    elif not tree.has(path):
        yield _error(
            f"{what} names '{path}', which is not in the source", "correct the path, which starts at the top of the source, or add it"
        )
    elif path not in tree.names():
        yield from _check_project(app, what, Project(tree, path), found.extras)


def _check_project(app: App, what: str, project: Project, extras: list[str]) -> Iterator[SourceError]:
    """Yield what is wrong with a project in the source that the requirements install."""
    if not project.is_installable:
        says = f"{what} is a directory without pyproject.toml and setup.py, which pip cannot install"
        yield _error(says, "remove the line, as modules at the top of the source are found without it, or add a pyproject.toml")
        return
    if project.problem:
        yield _error(f"{what} cannot be installed: {project.problem}", "correct it")
        return
    yield from _check_version(app, what, project)
    for requirement in project.dependencies(extras):
        yield from _check_uwsgi_dependency(app, requirement, f"which {what} depends on")


def _check_version(app: App, what: str, project: Project) -> Iterator[SourceError]:
    """Refuse a project whose version nobody could tell on the host."""
    source = project.version_source()
    if source is None or (source.variable and any(name.startswith(source.variable) for name in app["build_env"])):
        return
    place = posixpath.normpath(project.directory)
    kept = source.tool != "poetry-dynamic-versioning" and project.tree.has(posixpath.join(place, "PKG-INFO"))
    if not kept and not any(name.startswith(".git/") for name in project.tree.names()):
        table, _dot, last = source.key.rpartition(".")
        remedy = f'write {last} = "0.1" below [{table}] in pyproject.toml' if source.key else "write the version into the project"
        given = f', or `build_env: {{{source.variable}: "0.1"}}`' if source.variable else ""
        says = f"{what} has its version from the history by {source.tool}, and no history goes to the host"
        yield _error(says, f"{remedy}{given}, or {_WHEEL}")


def _check_uwsgi_line(app: App, line: str, file: str) -> Iterator[SourceError]:
    """Refuse a second uWSGI in the requirements: it would be compiled, or be another than the one that runs."""
    requirement = re.split(r"\s+--", line)[0].strip()
    ours = app["uwsgi"]["package"]
    if not _UWSGI.match(requirement) or not applies_somewhere(requirement) or _plain(requirement) == _plain(ours):
        return
    wanted = requirement.partition(";")[0].strip()
    says = f"{shown(requirement)} in {file} is a second uWSGI beside uwsgi.package, {shown(ours)}"
    pinned = re.fullmatch(r"(?i:(?:py)?uwsgi)\s*==\s*([0-9]+(?:\.[0-9]+)*)(?:\.post[0-9]+)?", wanted)
    can_be = pinned and tuple(map(int, pinned.group(1).split("."))) >= OLDEST_UWSGI
    keep = f'; for that very one write `uwsgi: {{package: "{_plain(wanted)}"}}` too' if can_be else ""
    yield _error(says, f"remove the line, as uwsgi.package brings uWSGI{keep}")


def check_package(app: App, tree: FileTree) -> Iterator[SourceError]:
    """Yield what is wrong with the dependencies of a package from an index, where they are known."""
    metadata = wheel_metadata(tree.file)
    extras = re.search(r"\[(.*)\]", app["source"]["package"])
    asked = [name.strip() for name in extras.group(1).split(",")] if extras else []
    for requirement in HeaderParser().parsestr(metadata or "").get_all("Requires-Dist") or []:
        yield from _check_uwsgi_dependency(app, requirement, "which the package depends on", asked)


def _check_uwsgi_dependency(app: App, requirement: str, why: str, extras: list[str] | None = None) -> Iterator[SourceError]:
    """Refuse a dependency on the uWSGI that is compiled where uwsgi.package is the wheel, and the other way round."""
    ours = app["uwsgi"]["package"]
    if not _UWSGI.match(requirement) or is_wheel(requirement) == is_wheel(ours) or not applies_somewhere(requirement, extras or []):
        return
    says = f"{shown(ours)} and {shown(requirement)}, {why}, are two uWSGIs in one virtualenv"
    other = DEFAULT_UWSGI if is_wheel(requirement) else COMPILED
    yield SourceError("uwsgi.package", says, f'write `uwsgi: {{package: "{other}"}}`, or remove the dependency')


def _plain(requirement: str) -> str:
    return re.sub(r"\s+", "", requirement.partition(";")[0]).lower()
