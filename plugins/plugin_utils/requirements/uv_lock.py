# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read uv.lock (uv's documentation, "Locking and syncing"): the packages that the project needs on one host."""

from __future__ import annotations

import posixpath
import typing as t
import urllib.parse

from ...module_utils.app.package_names import normal_name
from ..source.tree import SourceError
from .locked import Lines, Wanted, require
from .values import table, tables, text, texts

Package = dict[str, t.Any]


def members_of(lock: dict[str, t.Any], only_needing: bool = False) -> list[str]:
    """Return the directories of the projects of a workspace that share a lock, from the directory of the lock.

    :param only_needing: leave out those without dependencies
    """
    packages = [package for package in tables(lock.get("package")) if package.get("dependencies") or not only_needing]
    return [path for package in packages if (path := _own_path(package)) and not path.startswith("..")]


def read_uv_lock(lock: dict[str, t.Any], directory: str, wanted: Wanted, member: str = ".") -> Lines:
    """Return what a project needs; the project itself is not among it.

    :param lock: the content of the file
    :param directory: the directory of the file in the source
    :param member: the directory of the project, from that of the file
    :raises SourceError: if the lock does not have what it refers to
    """
    packages = tables(lock.get("package"))
    root = next((package for package in packages if _own_path(package) == member), None)
    if root is None:
        raise _no_project(members_of(lock), directory)
    todo = [*tables(root.get("dependencies")), *_asked(root, "optional-dependencies", wanted.extras)]
    todo += _asked(root, "dev-dependencies", wanted.groups)
    lines, seen = Lines(), set()
    while todo:
        dependency = todo.pop()
        if not wanted.applies(dependency.get("marker")):
            continue
        package = _package(packages, dependency, wanted)
        extras = list(map(normal_name, texts(dependency.get("extra"))))
        news = [extra for extra in ("", *extras) if (id(package), extra) not in seen]
        seen.update((id(package), extra) for extra in news)
        if "" in news:
            todo += tables(package.get("dependencies"))
            if package is not root:
                _add(lines, package, directory)
        optional = _by_name(package.get("optional-dependencies"))
        todo += [item for extra in news if extra for item in optional.get(extra, [])]
    return lines


def _no_project(members: list[str], directory: str) -> SourceError:
    """Return the problem of a lock that is not about the project in its directory."""
    files = [posixpath.join(directory, member, "pyproject.toml") for member in members]
    if not files:
        return SourceError(
            "requirements", "uv.lock is not about the project in its directory", "name the lock of the project, or run `uv lock`"
        )
    more = f", or that of another member ({', '.join(files[1:4])})" if files[1:] else ""
    return SourceError(
        "requirements",
        "uv.lock is that of a workspace, whose directory is no project itself",
        f"write `requirements: {files[0]}`, the file of a member{more}; the lock is read for that member",
    )


def _asked(root: Package, key: str, names: tuple[str, ...]) -> list[dict[str, t.Any]]:
    """Return the dependencies of extras or groups.

    :raises SourceError: if the lock has none of that name
    """
    there = _by_name(root.get(key))
    require("extras" if key == "optional-dependencies" else "groups", names, there, "uv.lock")
    return [item for name in names for item in there[name]]


def _by_name(value: object) -> dict[str, list[dict[str, t.Any]]]:
    """Return the dependencies of extras or groups by their names as they are compared."""
    return {normal_name(name): tables(dependencies) for name, dependencies in table(value).items()}


def _own_path(package: Package) -> str:
    source = table(package.get("source"))
    return next((text(source[kind]) for kind in ("virtual", "editable", "directory") if kind in source), "")


def _package(packages: list[Package], dependency: dict[str, t.Any], wanted: Wanted) -> Package:
    """Return the package that a dependency is on. Where several versions are locked, a dependency names its version, or markers choose."""
    same = [
        package
        for package in packages
        if package.get("name") == dependency.get("name")
        and all(package.get(key) == dependency[key] for key in ("version", "source") if key in dependency)
    ]
    if len(same) > 1:
        same = [one for one in same if any(wanted.applies(marker) for marker in texts(one.get("resolution-markers")) or [""])] or same
    if not same:
        raise SourceError("requirements", f"uv.lock has no package '{text(dependency.get('name'))}', which it needs", "run `uv lock`")
    return same[0]


def _add(lines: Lines, package: Package, directory: str) -> None:
    source, name = table(package.get("source")), text(package.get("name"))
    files = [table(package.get("sdist")), *tables(package.get("wheels"))]
    hashes = [text(file.get("hash")) for file in files]
    if "git" in source:
        url, _hash, commit = text(source["git"]).partition("#")
        address, _question, query = url.partition("?")
        lines.from_repository(name, address, commit, dict(urllib.parse.parse_qsl(query)).get("subdirectory", ""))
    elif "url" in source:
        lines.from_url(name, text(source["url"]), hashes)
    elif "registry" in source:
        lines.from_index(name, text(package.get("version")), hashes, text(source["registry"]))
    elif "virtual" not in source:  # a virtual project has dependencies, and nothing to install
        lines.from_source(directory, _own_path(package) or text(source.get("path")))
