# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The requirements that a source declares: the file in which they stand, and the lines that pip is to install on one host."""

from __future__ import annotations

import posixpath
import typing as t
from collections.abc import Callable, Mapping

from ...module_utils.app.orders import DeclaredRequirements
from ...module_utils.app.package_names import normal_name
from ..source.tree import SourceError, Tree
from .hashed import has_hashes, is_apart
from .imports import entry_directory
from .lines import RequirementsFile, at_the_top, is_include, joined, local, read_requirements
from .locked import Lines, Markers, Wanted
from .other_locks import read_pdm_lock, read_pipfile_lock, read_poetry_lock, read_pylock
from .project import Project
from .unlocked import check_unlocked
from .uv_lock import members_of, read_uv_lock
from .values import Unreadable, parse, table, tables, text, texts, usual_name

App = Mapping[str, t.Any]
_LOCKS: dict[str, Callable[[dict[str, t.Any], str, Wanted], Lines]] = {
    "pylock.toml": read_pylock,
    "uv.lock": read_uv_lock,
    "poetry.lock": read_poetry_lock,
    "pdm.lock": read_pdm_lock,
    "Pipfile.lock": read_pipfile_lock,
}
_PROJECTS = ("pyproject.toml", "setup.py", "setup.cfg")
# The files that are looked for, in this order. A lock beside a requirements.txt is for others, since pip reads that file.
ORDER = ("requirements.txt", *_LOCKS, *_PROJECTS)


class Declared(t.NamedTuple):
    """The file that declares the requirements of a source (empty if none does), and what follows from it.

    ``file`` is what pip reads itself where there is no ``order``.
    """

    file: str
    order: DeclaredRequirements | None = None

    @property
    def is_lock_or_project(self) -> bool:
        return usual_name(posixpath.basename(self.file)) in (*_LOCKS, *_PROJECTS)

    def lines(self) -> list[str]:
        """Return all lines of the order."""
        order = self.order
        return [*order["constraints"], *order["locked"], *order["resolved"], *order["loose"]] if order else []


def declaring_file(app: App, tree: Tree) -> str:
    """Return the file that declares the requirements of a source, empty if none does.

    :raises SourceError: for one that is named and not there
    """
    named = app.get("requirements")
    if named is None:
        found = next((name for name in ORDER if tree.read(name) is not None and _declares(name, tree, app)), "")
        return (_member_of_entry(app["wsgi"], tree) or found) if found == "uv.lock" else found
    if tree.read(named) is None:
        raise SourceError("requirements", f"'{named}' is not in the source", "name a file of the source, or remove the key")
    return named


def declared(app: App, tree: Tree, markers: Markers) -> Declared:
    """Return what is to be installed for a source.

    :param markers: of the interpreter of the host
    :raises SourceError: for a file that cannot be read, or that lacks what the description asks for
    """
    file = declaring_file(app, tree)
    directory, name = posixpath.split(file)
    wanted = Wanted(app["extras"], app["groups"], markers)
    if (kind := usual_name(name)) in _LOCKS:
        hashed, loose = _LOCKS[kind](_read(tree, file), directory, wanted).all()
        project = _project(tree, directory, name)
        # Some locks name the project itself, which goes into the release.
        return Declared(file, _order(locked=hashed, loose=[line for line in loose if line != project], project=project))
    if name in _PROJECTS:
        lock = _lock_of_workspace(tree, directory) if name == "pyproject.toml" and directory else ""
        return (
            _of_member(tree, lock, directory, wanted)
            if lock
            else Declared(file, _of_project(Project(tree, directory or "."), directory, wanted, app["build_env"]))
        )
    for key in ("extras", "groups"):
        if app[key]:
            says = f"is there, but {'the requirements are in ' + file if file else 'the source declares no requirements'}, which has none"
            raise SourceError(key, says, "remove it, or name the pyproject.toml or the lock in `requirements`")
    return Declared(file, _as_pip_finds_it(tree, read_requirements(tree, file)) if file else None)


def _order(**parts: t.Any) -> DeclaredRequirements:
    return t.cast(DeclaredRequirements, {"constraints": [], "locked": [], "resolved": [], "loose": [], "project": "", **parts})


def _declares(name: str, tree: Tree, app: App) -> bool:
    """Return whether a file that was found by its name says anything of requirements."""
    if name == "pyproject.toml":
        project = Project(tree)
        asked = (app["groups"] and project.at("dependency-groups")) or (app["extras"] and project.at("project.optional-dependencies"))
        return bool(project.problem) or bool(project.dependencies()) or "dependencies" in project.dynamic or bool(asked)
    if name == "setup.py":
        return Project(tree).setup_py_declares()
    return name != "setup.cfg"  # which setuptools reads beside another file only


def _read(tree: Tree, file: str) -> dict[str, t.Any]:
    try:
        return parse(posixpath.basename(file), (tree.read(file) or b"").decode(errors="replace"))
    except Unreadable as error:
        raise SourceError("requirements", f"'{file}' {error}", "make the lock anew") from error


def python_of_lock(tree: Tree, file: str) -> str:
    """Return the versions of Python that a lock is for (PEP 440), empty for any other file."""
    is_lock = usual_name(posixpath.basename(file)) in ("pylock.toml", "uv.lock")
    return text(_read(tree, file).get("requires-python")) if is_lock else ""


def _project(tree: Tree, directory: str, lock: str) -> str:
    """Return the directory of a project beside its lock if it is a package, as pip installs it."""
    project = Project(tree, directory or ".")
    _require_readable(project)
    return _place(directory) if project.is_package and lock != "Pipfile.lock" else ""


def _lock_of_workspace(tree: Tree, directory: str) -> str:
    """Return the lock of the workspace of uv that a directory is a member of, empty if it is in none.

    uv keeps one lock for all members, in the directory of the workspace.
    """
    above = directory
    while above:
        above = posixpath.dirname(above)
        lock = posixpath.join(above, "uv.lock")
        if tree.read(lock) is not None:
            return lock if posixpath.relpath(directory, above or ".") in members_of(_read(tree, lock)) else ""
    return ""


def _member_of_entry(wsgi: str, tree: Tree) -> str:
    """Return the pyproject.toml of the member of a workspace that an entry point lies in, empty for none and for one that needs nothing."""
    directory = entry_directory(wsgi, tree)
    needing = members_of(_read(tree, "uv.lock"), only_needing=True) if directory else []
    while directory and directory not in needing:
        directory = posixpath.dirname(directory)
    file = posixpath.join(directory, "pyproject.toml")
    return file if directory and tree.read(file) is not None else ""


def _of_member(tree: Tree, lock: str, directory: str, wanted: Wanted) -> Declared:
    """Return what one member of a workspace needs."""
    workspace = posixpath.dirname(lock)
    member = posixpath.relpath(directory, workspace or ".")
    hashed, loose = read_uv_lock(_read(tree, lock), workspace, wanted, member).all()
    return Declared(lock, _order(locked=hashed, loose=loose, project=_project(tree, directory, "uv.lock")))


def _of_project(project: Project, directory: str, wanted: Wanted, build_env: t.Container[str]) -> DeclaredRequirements:
    """Return what a project without a lock needs: as it says, or as its build tool finds out on the host."""
    _require_readable(project)
    place, extras = _place(directory), f"[{','.join(wanted.extras)}]" if wanted.extras else ""
    groups = [line for group in wanted.groups for line in _group(project, group, ())]
    check_unlocked(project, [*project.standard_dependencies(wanted.extras), *groups], build_env)
    if not project.is_plain or (wanted.extras and "optional-dependencies" in project.dynamic):
        return _order(resolved=[f"{place}{extras}", *groups])
    missing = [extra for extra in wanted.extras if not project.has_extra(extra)]
    if missing:
        raise SourceError(
            "extras", f"'{missing[0]}' is no extra of the project", "name one of project.optional-dependencies in pyproject.toml"
        )
    return _order(resolved=[*project.standard_dependencies(wanted.extras), *groups], project=place if project.is_package else "")


def _require_readable(project: Project) -> None:
    """Require that the metadata of a project can be read.

    :raises SourceError: if they cannot
    """
    if problem := project.problem:
        raise SourceError("requirements", problem, "correct it, or name another file of the source in `requirements`")


def _place(directory: str) -> str:
    """Return a directory of the source as pip takes it for a path."""
    return f"./{directory}" if directory else "."


def _group(project: Project, name: str, above: tuple[str, ...]) -> list[str]:
    """Return the requirements of a dependency group with those that it includes (PEP 735)."""
    entries = {normal_name(group): items for group, items in table(project.at("dependency-groups")).items()}
    if name in above or not isinstance(entries.get(name), list):
        says = "includes itself" if name in above else "is no group of the project"
        raise SourceError("groups", f"'{name}' {says}", "name one of dependency-groups in pyproject.toml")
    inner = [normal_name(text(item.get("include-group"))) for item in tables(entries[name])]
    return texts(entries[name]) + [line for each in inner for line in _group(project, each, (*above, name))]


def _as_pip_finds_it(tree: Tree, files: list[RequirementsFile]) -> DeclaredRequirements | None:
    """Return the lines of requirements files where pip cannot read them as they are, ``None`` where it can.

    An editable installation remembers the place of a tree, which is moved when it is built; pip takes paths from the top of the source; and
    a directory has no hash.
    """
    lines = {file.constraints: [] for file in files} | {False: [], True: []}
    for file in files:
        lines[file.constraints] += [line for line in joined(file.lines) if not is_include(line)]
    written = {line: (found, file.name) for file in files for line in joined(file.lines) if (found := local(line)) is not None}
    paths = {line: at_the_top(found, name, tree) for line, (found, name) in written.items() if line in lines[False]}
    apart = {line for line in lines[False] if is_apart(line)} if has_hashes(lines[False]) else set()
    if not apart and not any(found.editable or found != written[line][0] for line, found in paths.items()):
        return None
    plain = {line: paths[line].plain if line in paths else line for line in lines[False]}
    rest = [plain[line] for line in lines[False] if line not in apart]
    return _order(constraints=lines[True], resolved=rest, loose=[plain[line] for line in lines[False] if line in apart])
