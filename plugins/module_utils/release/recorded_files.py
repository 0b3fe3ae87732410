# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files of installed packages by the list that pip has written of them (PyPA, "Recording installed projects").

The virtualenv belongs to root, but an application's build has made all that is in it. So no link in it is followed, and a package counts
only if every file that it lists is there and has the recorded hash.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import hashlib
import io
import itertools
import os
import re
import stat
import typing as t

from ..app.package_names import normal_name
from ..host.trees import ABSENT, DIRECTORY, FILE, blocks, opened, subdirectories

_RECORD, _SUFFIX = "RECORD", ".dist-info"
# The recorded source of a package that came from no index, which may be another one for the same version.
_DIRECT = "direct_url.json"
_PYTHON = re.compile(r"python\d+\.\d+t?")
# Lists and scripts are far smaller.
_MOST_BYTES = 16 * 2**20
# So many lines may the lists of a virtualenv have together, and so many bytes in memory.
_MOST_LINES, _MOST_TOGETHER = 400_000, 96 * 2**20
_DEEPEST = 100
# Files of the virtualenv itself, and of the pip in it.
_OF_VIRTUALENVS = re.compile(r"pyvenv\.cfg|lib64(/.*)?|bin/(python|activate|Activate|pip)[^/]*")
_INSTALLERS = {"pip", "setuptools", "wheel", "distribute"}
_COMPILED = re.compile(r"(?P<directory>(?:.*/)?)__pycache__/(?P<stem>[^/]+?)\.[^./]+(\.opt-[12])?\.pyc")


class RecordedFile(t.NamedTuple):
    """A file of a package: its path in the virtualenv, the hash, and the content that it gets in another virtualenv if it names its own."""

    path: str
    digest: str
    rewritten: bytes | None = None


class RecordedPackage(t.NamedTuple):
    """A package with all its files. ``information`` is the path of its metadata."""

    name: str
    information: str
    files: tuple[RecordedFile, ...]

    @property
    def version(self) -> str:
        """Return the version in the name of the directory of metadata."""
        return os.path.basename(self.information).removesuffix(_SUFFIX).partition("-")[2]

    @property
    def list_path(self) -> str:
        return f"{self.information}/{_RECORD}"


@contextlib.contextmanager
def directory_in(top: int, path: str, make: bool = False) -> t.Iterator[int]:
    """Open a directory below another one, and no link on the way.

    :param make: whether directories that are missing are made
    """
    with contextlib.ExitStack() as stack:
        here = top
        for name in path.split("/") if path else []:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, 0o755, dir_fd=here)
            here = stack.enter_context(opened(name, DIRECTORY, here))
        yield here


def by_directory(files: t.Iterable[RecordedFile]) -> t.Iterator[tuple[str, list[RecordedFile]]]:
    """Yield each directory with the files in it."""
    ordered = sorted(files, key=lambda file: os.path.split(file.path))
    for directory, inner in itertools.groupby(ordered, lambda file: os.path.dirname(file.path)):
        yield directory, list(inner)


def packages_directory(venv: int) -> str:
    """Return the path of the directory of packages in a virtualenv, empty if there are several or none."""
    try:
        with opened("lib", DIRECTORY, venv) as library:
            found = [name for name in subdirectories(library) if _PYTHON.fullmatch(name)]
    except OSError:
        return ""
    return f"lib/{found[0]}/site-packages" if len(found) == 1 else ""


def recorded_packages(venv: str, new: str) -> list[RecordedPackage]:
    """Return those packages of a virtualenv that can be taken into a new one, in the order of their names.

    :param new: the path of the new virtualenv
    """
    with opened(venv, DIRECTORY) as top:
        listed = _all_listed(top)
        owners: dict[str, list[str]] = {}
        for package in listed:
            for file in package.files:
                owners.setdefault(file.path, []).append(package.name)
        # Two packages with one file: nobody knows which of the two pip would write last.
        shared = {name for names in owners.values() if len(names) > 1 for name in names}
        whole = [package for package in listed if package.name not in shared | _INSTALLERS]
        moved = (_moved(package, top, venv, new) for package in whole)
        return sorted(filter(None, moved))


def _all_listed(venv: int) -> list[RecordedPackage]:
    """Return the packages in a virtualenv, none where their lists are more than root reads: a build can make any number of packages."""
    listed: list[RecordedPackage] = []
    lines, size = 0, 0
    for package in _listed(venv):
        listed.append(package)
        lines += len(package.files)
        size += sum(len(file.path) + len(file.digest) for file in package.files)
        if lines > _MOST_LINES or size > _MOST_TOGETHER:
            return []
    return listed


def _listed(venv: int) -> t.Iterator[RecordedPackage]:
    """Yield the packages in a virtualenv; where a list cannot be understood, a file of it has no path."""
    place = packages_directory(venv)
    if not place:
        return
    with directory_in(venv, place) as packages:
        for name in subdirectories(packages):
            if name.endswith(_SUFFIX):
                yield _package(name, place, packages)


def _package(name: str, place: str, packages: int) -> RecordedPackage:
    information = f"{place}/{name}"
    files: list[RecordedFile] = []
    try:
        with opened(name, DIRECTORY, packages) as directory:
            text = _small(_RECORD, directory).decode()
        for path, digest, _size in itertools.islice(csv.reader(io.StringIO(text, newline="")), _MOST_LINES + 1):
            inner = os.path.normpath(f"{place}/{path}")
            is_none = path.startswith("/") or inner.startswith("../") or "\0" in path
            files.append(RecordedFile("" if is_none else inner, digest))
    except (OSError, ValueError, csv.Error):
        files.append(RecordedFile("", ""))
    return RecordedPackage(normal_name(name.removesuffix(_SUFFIX).partition("-")[0]), information, tuple(files))


def _moved(package: RecordedPackage, venv: int, old: str, new: str) -> RecordedPackage | None:
    """Return a package as it is in another virtualenv, ``None`` if it is not as pip has installed it, or cannot be moved."""
    paths = {file.path for file in package.files}
    needed = {f"{package.information}/{name}" for name in ("METADATA", _RECORD)}
    if not needed <= paths or f"{package.information}/{_DIRECT}" in paths:
        return None
    if any(not path or path.count("/") > _DEEPEST or _OF_VIRTUALENVS.fullmatch(path) for path in paths):
        return None
    found: list[RecordedFile] = []
    try:
        for directory, files in by_directory(file for file in package.files if file.path != package.list_path):
            with directory_in(venv, directory) as place:
                for file in files:
                    moved = _checked(file, place, paths, old.encode(), new.encode())
                    if moved is None:
                        return None
                    found.append(moved)
    except OSError as error:
        if error.errno not in ABSENT:
            raise
        return None
    listed = RecordedFile(package.list_path, "", _list(package.information, found))
    return package._replace(files=(*found, listed))


def _checked(file: RecordedFile, directory: int, paths: t.Container[str], old: bytes, new: bytes) -> RecordedFile | None:
    """Return a file with what it gets in the new virtualenv, ``None`` if it has another content than its hash says, or names its place."""
    with opened(os.path.basename(file.path), FILE, directory) as descriptor:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
            return None
        compiled = _COMPILED.fullmatch(file.path)
        if not file.digest and compiled:
            # Nobody records hashes of bytecode, which Python ignores unless it is of this very source.
            return file if f"{compiled['directory']}{compiled['stem']}.py" in paths else None
        digest, names_its_place = _read(descriptor, status.st_size, old)
        if file.digest != digest:
            return None
        if not names_its_place:
            return file
        text = os.pread(descriptor, _MOST_BYTES, 0)
        if os.path.dirname(file.path) != "bin" or not text.startswith(b"#!") or len(text) != status.st_size:
            return None
        rewritten = text.replace(old, new)
        return file._replace(digest=_written(hashlib.sha256(rewritten)), rewritten=rewritten)


def _read(file: int, size: int, old: bytes) -> tuple[str, bool]:
    """Return the hash of a file as a list has it, and whether the path of the virtualenv is in it."""
    digest, found, end = hashlib.sha256(), False, b""
    for block in blocks(file, size):
        digest.update(block)
        found = found or old in end + block
        end = block[-len(old) :]
    return _written(digest), found


def _written(digest: t.Any) -> str:
    return "sha256=" + base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")


def _list(information: str, files: t.Iterable[RecordedFile]) -> bytes:
    """Return the list of a package's files for the new virtualenv. Sizes are optional, and nobody needs them."""
    packages = os.path.dirname(information)
    text = io.StringIO()
    rows = [(os.path.relpath(file.path, packages), file.digest, "") for file in files]
    csv.writer(text, lineterminator="\n").writerows([*rows, (f"{os.path.basename(information)}/{_RECORD}", "", "")])
    return text.getvalue().encode()


def _small(name: str, directory: int) -> bytes:
    """Return the content of a small file of root's.

    :raises ValueError: if it is something else
    """
    with opened(name, FILE, directory) as file:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
            raise ValueError
        return b"".join(blocks(file, status.st_size))
