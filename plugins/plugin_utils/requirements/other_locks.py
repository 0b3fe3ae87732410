# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the locks whose packages say themselves what they are for: poetry.lock, pdm.lock, Pipfile.lock and pylock.toml (PEP 751)."""

from __future__ import annotations

import re
import typing as t

from ...module_utils.app.package_names import normal_name
from ..source.tree import SourceError
from .locked import Lines, Wanted, holds, require
from .values import table, tables, text, texts

Package = dict[str, t.Any]


def read_poetry_lock(lock: dict[str, t.Any], directory: str, wanted: Wanted) -> Lines:
    """Return what the groups ``main`` and those that are asked for need; each package has its groups and markers since Poetry 2.0.

    :raises SourceError: for a lock of an earlier version
    """
    lines = Lines()
    require("extras", wanted.extras, table(lock.get("extras")), "poetry.lock")
    require("groups", wanted.groups, _all_groups(lock), "poetry.lock")
    for package in tables(lock.get("package")):
        if "groups" not in package:
            raise SourceError(
                "requirements", "poetry.lock is from a Poetry before 2.0, which did not say what a package is for", "run `poetry lock`"
            )
        markers = package.get("markers")
        for group in texts(package["groups"]):
            marker = markers.get(group) if isinstance(markers, dict) else markers
            # A package that only extras need has them in its marker.
            if normal_name(group) in ("main", *wanted.groups) and wanted.applies(marker):
                _add_of_poetry(lines, package, directory)
    return lines


def _all_groups(lock: dict[str, t.Any]) -> list[str]:
    """Return the groups of all packages of a lock."""
    return [group for package in tables(lock.get("package")) for group in texts(package.get("groups"))]


def _add_of_poetry(lines: Lines, package: Package, directory: str) -> None:
    source, name = table(package.get("source")), text(package.get("name"))
    kind, url = text(source.get("type")), text(source.get("url"))
    hashes = [text(file.get("hash")) for file in tables(package.get("files"))]
    if kind == "git":
        lines.from_repository(name, url, text(source.get("resolved_reference")), text(source.get("subdirectory")))
    elif kind in ("directory", "file"):
        lines.from_source(directory, url)
    elif kind == "url":
        lines.from_url(name, url, hashes)
    else:
        lines.from_index(name, text(package.get("version")), hashes, url)


def read_pdm_lock(lock: dict[str, t.Any], directory: str, wanted: Wanted) -> Lines:
    """Return what the groups ``default`` and those that are asked for need; extras are groups here."""
    lines, groups = Lines(), {"default", *wanted.groups, *wanted.extras}
    for kind, asked in (("extras", wanted.extras), ("groups", wanted.groups)):
        require(kind, asked, _all_groups(lock), "pdm.lock")
    for package in tables(lock.get("package")):
        if not groups & set(map(normal_name, texts(package.get("groups")) or ["default"])) or not wanted.applies(package.get("marker")):
            continue
        name, hashes = text(package.get("name")), [text(file.get("hash")) for file in tables(package.get("files"))]
        if "git" in package:
            lines.from_repository(name, text(package["git"]), text(package.get("revision")), text(package.get("subdirectory")))
        elif "path" in package:
            lines.from_source(directory, text(package["path"]))
        elif "url" in package:
            lines.from_url(name, text(package["url"]), hashes)
        else:
            lines.from_index(name, text(package.get("version")), hashes)
    return lines


def read_pipfile_lock(lock: dict[str, t.Any], directory: str, wanted: Wanted) -> Lines:
    """Return what the section ``default`` and those that are asked for as groups need."""
    lines = Lines()
    require("extras", wanted.extras, (), "Pipfile.lock")
    sections = {normal_name(name): name for name in lock}
    require("groups", wanted.groups, lock, "Pipfile.lock")
    indexes = {text(index.get("name")): text(index.get("url")) for index in tables(table(lock.get("_meta")).get("sources"))}
    for section in ("default", *wanted.groups):
        for name, package in table(lock.get(sections.get(section))).items():
            package = table(package)
            if not wanted.applies(package.get("markers")):
                continue
            hashes = texts(package.get("hashes"))
            if "git" in package:
                lines.from_repository(name, text(package["git"]), text(package.get("ref")), text(package.get("subdirectory")))
            elif "path" in package:
                lines.from_source(directory, text(package["path"]))
            elif "file" in package:
                lines.from_url(name, text(package["file"]), hashes)
            else:
                lines.from_index(name, text(package.get("version")).removeprefix("=="), hashes, indexes.get(text(package.get("index")), ""))
    return lines


def read_pylock(lock: dict[str, t.Any], directory: str, wanted: Wanted) -> Lines:
    """Return what a lock file of the standard needs (PyPA specifications, "pylock.toml Specification")."""
    lines = Lines()
    require("extras", wanted.extras, texts(lock.get("extras")), "pylock.toml")
    require("groups", wanted.groups, texts(lock.get("dependency-groups")), "pylock.toml")
    for package in tables(lock.get("packages")):
        name, files = text(package.get("name")), [table(package.get("sdist")), *tables(package.get("wheels"))]
        if not _is_wanted(text(package.get("marker")), lock, wanted):
            continue
        hashes = [f"{kind}:{value}" for file in files for kind, value in table(file.get("hashes")).items()]
        repository, archive, local = (table(package.get(kind)) for kind in ("vcs", "archive", "directory"))
        if repository:
            lines.from_repository(
                name, text(repository.get("url")), text(repository.get("commit-id")), text(repository.get("subdirectory"))
            )
        elif archive.get("url"):
            lines.from_url(name, text(archive["url"]), [f"{kind}:{value}" for kind, value in table(archive.get("hashes")).items()])
        elif archive or local:
            lines.from_source(directory, text((archive or local).get("path")))
        else:
            lines.from_index(name, text(package.get("version")), hashes, text(package.get("index")))
    return lines


def _is_wanted(marker: str, lock: dict[str, t.Any], wanted: Wanted) -> bool:
    """Return whether a marker of pylock.toml holds: it may ask for extras and groups, as in ``'prod' in dependency_groups``."""
    groups = wanted.groups or tuple(map(normal_name, texts(lock.get("default-groups"))))

    def answer(match: re.Match[str]) -> str:
        asked = {"extras": wanted.extras, "dependency_groups": groups}[match.group(3)]
        is_so = (normal_name(match.group(1)) in asked) != bool(match.group(2))
        # A marker that always holds, and one that never does, since older versions of `packaging` know neither of the two names.
        return "python_version >= '0'" if is_so else "python_version < '0'"

    plain = re.sub(r"""['"]([^'"]*)['"]\s+(not\s+)?in\s+(extras|dependency_groups)""", answer, marker)
    return holds(plain, wanted.markers)
