# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read requirements files of a source tree the way pip reads them, as far as the controller has to know what they ask for."""

from __future__ import annotations

import codecs
import posixpath
import re
import shlex
import typing as t

from ..source.tree import SourceError, Tree

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# As in a Python file (PEP 263): pip looks for it in the comments of the first two lines.
_CODING = re.compile(rb"#.*coding[:=]\s*([-\w.]+)")
_INCLUDE = re.compile(r"(-r|-c|--requirement|--constraint)[\s=]*(\S.*)")
_EDITABLE = re.compile(r"(?:-e|--editable)[\s=]*(.*)")
_PACKED = (".whl", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz")


class RequirementsFile(t.NamedTuple):
    """A requirements file, or one that another includes. A file of constraints installs nothing."""

    name: str
    lines: list[str]
    constraints: bool


class Local(t.NamedTuple):
    """A requirement on a path: the path as it was written, its extras, and the requirement without ``-e``."""

    path: str
    extras: list[str]
    editable: bool
    plain: str


def at_the_top(found: Local, file: str, tree: Tree) -> Local:
    """Return a requirement on a path as pip finds it, which runs at the top of the source.

    In a repository with many projects, a file has such paths from its own directory, where people run pip.

    :param file: the requirements file
    """
    moved = posixpath.normpath(posixpath.join(posixpath.dirname(file), found.path))
    if _can_be_installed(posixpath.normpath(found.path), tree) or not _can_be_installed(moved, tree):
        return found
    path = moved if moved == "." else f"./{moved}"
    return found._replace(path=path, plain=found.plain.replace(found.path, path, 1))


def _can_be_installed(path: str, tree: Tree) -> bool:
    """Return whether pip could install a path: a file of the source, or a directory with a project."""
    if path.startswith(("../", "/", "~")) or path == "..":
        return False
    return path in tree.names() or any(tree.has(posixpath.join(path, name)) for name in ("pyproject.toml", "setup.py"))


def read_requirements(tree: Tree, name: str | None) -> list[RequirementsFile]:
    """Return a requirements file and all files of the source that it includes, without comments.

    :param name: path in the tree, ``None`` for no requirements
    :raises SourceError: for a file that is included, but not in the tree, or that includes itself
    """
    files: list[RequirementsFile] = []
    includes: dict[str, list[str]] = {}
    todo, seen = [(name, False)] if name else [], set()
    while todo:
        current, constraints = todo.pop()
        seen.add(current)
        content = None if current.startswith("../") else tree.read(current)
        if content is None:
            raise SourceError("requirements", f"'{current}' is included, but not in the source", "add the file to the source")
        lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in _text(current, content).splitlines()]
        for line in lines:
            if included := _included(line):
                inner = posixpath.normpath(posixpath.join(posixpath.dirname(current), included.path))
                _require_slashes(line, current, tree, inner)
                includes.setdefault(current, []).append(inner)
                todo += [(inner, constraints or included.constraints)] if inner not in seen else []
        files.append(RequirementsFile(current, lines, constraints))
    _require_no_circle(includes)
    return files


def _require_no_circle(includes: t.Mapping[str, list[str]]) -> None:
    """Refuse files that include each other, which pip reads without an end or refuses.

    :param includes: the files that each file includes
    :raises SourceError: for the first one that includes itself
    """
    for name in includes:
        reached, todo = set[str](), list(includes[name])
        while todo and name not in reached:
            current = todo.pop()
            todo += [] if current in reached else includes.get(current, [])
            reached.add(current)
        if name in reached:
            more = "" if name in includes[name] else f" by way of '{includes[name][0]}'"
            raise SourceError("requirements", f"'{name}' includes itself{more}", "remove one of the lines with -r or -c")


def _require_slashes(line: str, file: str, tree: Tree, included: str) -> None:
    """Refuse an include with a path of Windows, of which pip leaves the backslashes out.

    :raises SourceError: for a path that is not there
    """
    if re.search(r"\\\w", line) and not tree.has(included):
        says = f"'{line}' in {file} has a path as Windows writes it"
        raise SourceError("requirements", says, "write / in the place of \\, which is right on Windows too")


def _text(name: str, content: bytes) -> str:
    """Return the text of a file, which PowerShell writes as UTF-16; pip goes by the byte order mark too.

    :raises SourceError: for a file that pip could not decode
    """
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content.decode(encoding, errors="replace").lstrip("\ufeff")
    noted = next(filter(None, map(_CODING.match, content.split(b"\n")[:2])), None)
    try:
        if b"\0" in content:
            raise ValueError("it has NUL bytes, as UTF-16 without a byte order mark")
        return content.decode(noted[1].decode() if noted else "utf-8")
    except (ValueError, LookupError) as error:
        raise SourceError("requirements", f"'{name}' is no text in UTF-8 ({error})", "save it as UTF-8") from error


def is_include(line: str) -> bool:
    """Return whether a line includes a file of the source."""
    return _included(line) is not None


class _Included(t.NamedTuple):
    """A file that a line includes, by its path from the file with the line."""

    path: str
    constraints: bool


def _included(line: str) -> _Included | None:
    """Return the file of the source that a line includes, ``None`` where it includes none."""
    include = _INCLUDE.match(line)
    if not include:
        return None
    try:
        # pip takes options apart as a shell does, so a path with spaces is in quotes.
        path = shlex.split(include[2])[0]
    except (ValueError, IndexError):
        path = include[2].split()[0]
    return None if "://" in path else _Included(path, include[1] in ("-c", "--constraint"))


def joined(lines: t.Iterable[str]) -> list[str]:
    """Return lines with those that a backslash continues, without empty ones."""
    text = "\n".join(lines)
    return [line.strip() for line in re.sub(r"\\\s*\n", " ", text).splitlines() if line.strip()]


def local(line: str) -> Local | None:
    """Return the path that a requirement is on, ``None`` for one from an index, a URL or a repository."""
    editable = _EDITABLE.fullmatch(line)
    if line.startswith("-") and not editable:
        return None
    whole = (editable.group(1) if editable else line).strip()
    if whole[:1] in ("'", '"') and whole[-1:] == whole[:1]:
        whole = whole[1:-1]
    # A marker, and options of a requirement such as --hash.
    target = re.split(r"\s+--|;", whole)[0].strip()
    target = re.sub(r"^[A-Za-z0-9._-]+\s*(\[[^\]]*\])?\s*@\s*(?=file:|\.|/)", "", target)
    path, extras = re.fullmatch(r"(.*?)(?:\[([^\]]*)\])?", re.sub(r"[#?].*", "", target)).groups()  # type: ignore[union-attr]
    if path.startswith("file:"):
        path = re.sub(r"^//(localhost)?(?=/)", "", path.removeprefix("file:")) or "."
    elif "://" in path or re.match(r"(git|hg|svn|bzr)\+|[A-Za-z0-9._-]+\s*@", path):
        return None
    looks_like_a_path = path in (".", "..") or "/" in path or path.endswith(_PACKED)
    # pip fills in variables of the environment, which nobody knows here.
    if not (editable or target.startswith("file:") or looks_like_a_path) or "${" in path:
        return None
    # Without -e a bare word would be a package of an index.
    plain = whole if looks_like_a_path or target.startswith("file:") else f"./{whole}"
    return Local(path, [extra.strip() for extra in (extras or "").split(",") if extra.strip()], bool(editable), plain)
