# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Packages that a new virtualenv takes over from a former one of the same application, since pip would install the very same again.

pip decides what is installed, as ever: it finds the metadata of these packages in the new virtualenv, takes them for installed, and resolves
and installs the rest. The metadata of a package whose version is left open are put there when pip has resolved it to that version. Afterwards
root puts the files of the packages beside their metadata, as hard links to those of the former virtualenv. Both are root's, and nobody edits a
file in them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import tempfile
import typing as t

from ..app.layout import AppRoot
from ..app.orders import ReleaseOrder
from ..host.trees import DIRECTORY, FILE, TreeError, blocks, opened
from .recorded_files import RecordedFile, RecordedPackage, by_directory, directory_in, packages_directory, recorded_packages
from .store import by_age, discard, is_complete
from .virtualenv_record import VirtualenvRecord, read_record

_METADATA, _LIST = "METADATA", "RECORD"
# The first pip that resolves without installing, and reports the outcome, came with this Python to every distribution.
_OLDEST_TO_REPORT = (3, 11)
# A program that works for the application's user. Its arguments are the report of pip, the file of constraints to write, the directory of
# metadata by name and version, and the directory of packages. A package from an address is left out.
_OFFER = r"""
import json, os, re, shutil, sys

report, constraints, metadata, packages = sys.argv[1:]
with open(report, encoding="utf-8") as file:
    resolved = [item["metadata"] for item in json.load(file)["install"] if not item["is_direct"]]
with open(constraints, "w", encoding="utf-8") as file:
    file.writelines("%s==%s\n" % (package["name"], package["version"]) for package in resolved)
for package in resolved:
    place = os.path.join(metadata, re.sub("[-_.]+", "-", package["name"]).lower(), package["version"])
    if os.path.isdir(place):
        shutil.copytree(place, packages, dirs_exist_ok=True)
"""


class Kept:
    """The packages of a former virtualenv that pip may take for installed in a new one.

    :param former: the path of the former virtualenv
    :param place: the path of its packages, from the virtualenv
    :param metadata: a directory with a directory for each version of a package that has its metadata and nothing else
    :param pinned: names of the packages whose version pip need not resolve
    """

    def __init__(
        self,
        former: str = "",
        place: str = "",
        packages: t.Iterable[RecordedPackage] = (),
        metadata: str = "",
        pinned: t.AbstractSet[str] = frozenset(),
    ) -> None:
        self.former, self._place, self._metadata, self._pinned = former, place, metadata, pinned
        self._packages = {package.name: package for package in packages}

    def __bool__(self) -> bool:
        return bool(self._packages)

    def version(self, name: str) -> str:
        """Return the version of a package that pip may take for installed before it resolves anything, empty for any other package."""
        return self._packages[name].version if name in self._pinned and name in self._packages else ""

    def offer(self, names: t.Iterable[str], venv: str) -> list[list[str]]:
        """Return the commands after which pip takes packages for installed in a virtualenv.

        :param names: normalized names, of which those count that are kept
        """
        offered = [self._packages[name] for name in sorted(set(names)) if self.version(name)]
        return [["cp", "-r", *(f"{_metadata_of(one, self._metadata)}/." for one in offered), f"{venv}/{self._place}"]] if offered else []

    def resolved(self, install: t.Sequence[str], venv: str, home: str) -> list[list[str]]:
        """Return the commands that install packages as one command of pip does, which resolves versions that are left open.

        They resolve first, and install afterwards what is not kept in the resolved version.

        :param install: the command
        :param home: a directory of the application's user
        """
        version = re.search(r"python(\d+)\.(\d+)", self._place)
        if not version or set(self._packages) <= self._pinned or (int(version[1]), int(version[2])) < _OLDEST_TO_REPORT:
            return [[*install]]
        report, constraints = f"{home}/resolved.json", f"{home}/resolved.txt"
        offer = [f"{venv}/bin/python", "-I", "-S", "-c", _OFFER, report, constraints, self._metadata, f"{venv}/{self._place}"]
        return [[*install, "--dry-run", "--report", report], offer, [*install, "--constraint", constraints]]

    def put_into(self, venv: str) -> None:
        """Put the files of packages into a new virtualenv of root's, if pip has left their metadata there.

        :raises TreeError: if another package has a file of the same path and another content
        """
        if not self._packages:
            return
        with opened(self.former, DIRECTORY) as source, opened(venv, DIRECTORY) as target:
            for package in self._packages.values():
                if _take_away_metadata(package, target):
                    _put(package, source, target)


@contextlib.contextmanager
def kept_packages(app: ReleaseOrder, wanted: VirtualenvRecord) -> t.Iterator[Kept]:
    """Find what can be taken over; its metadata are there to be read as long as the block lasts.

    A run that is killed leaves a directory that the next one sweeps.
    """
    places = AppRoot(app["root"])
    found = _former(app, wanted)
    if found is None:
        yield Kept()
        return
    former, names = found
    packages = recorded_packages(former, places.virtualenv(app["release"]["virtualenv_id"]))
    # A package that is pinned now, and was not pinned in this way, is another one.
    packages = [package for package in packages if package.name in names or package.name not in wanted.packages]
    with opened(former, DIRECTORY) as top:
        place = packages_directory(top)
        # Beside the virtualenvs, where the application's user reads and makes no names.
        metadata = tempfile.mkdtemp(prefix=".kept-", dir=places.virtualenvs)
        try:
            os.chmod(metadata, 0o755)
            for package in packages:
                _write_metadata(package, top, metadata)
            yield Kept(former, place, packages, metadata, names)
        finally:
            discard(metadata)


def _former(app: ReleaseOrder, wanted: VirtualenvRecord) -> tuple[str, set[str]] | None:
    """Return the virtualenv that has most of the packages that are wanted, the newest of several, and the names of these packages."""
    places, best = AppRoot(app["root"]), None
    for name in by_age(places.virtualenvs):
        record = read_record(app["root"], name) if is_complete(app["root"], name) else None
        if record and record.origin == wanted.origin:
            names = {package for package, pin in record.packages.items() if wanted.packages.get(package) == pin}
            if len(names) > (len(best[1]) if best else 0):
                best = places.virtualenv(name), names
    return best


def _write_metadata(package: RecordedPackage, former: int, directory: str) -> None:
    """Write what pip needs of a package to take it for installed, and to remove it if it installs another version."""
    place = f"{_metadata_of(package, directory)}/{os.path.basename(package.information)}"
    os.makedirs(place)
    with directory_in(former, package.information) as information:
        os.link(_METADATA, f"{place}/{_METADATA}", src_dir_fd=information, follow_symlinks=False)
    with open(f"{place}/{_LIST}", "w", encoding="utf-8") as file:
        file.write(_list_of_metadata(package))


def _metadata_of(package: RecordedPackage, directory: str) -> str:
    return f"{directory}/{package.name}/{package.version}"


def _list_of_metadata(package: RecordedPackage) -> str:
    name = os.path.basename(package.information)
    return "".join(f"{name}/{file},,\n" for file in (_METADATA, _LIST))


def _take_away_metadata(package: RecordedPackage, venv: int) -> bool:
    """Remove the metadata that pip has been offered from a virtualenv, and return whether they were still there."""
    try:
        with directory_in(venv, package.information) as information:
            if set(os.listdir(information)) != {_METADATA, _LIST} or not _has(_LIST, information, _list_of_metadata(package).encode()):
                return False
            for file in (_METADATA, _LIST):
                os.unlink(file, dir_fd=information)
    except FileNotFoundError:
        return False
    return True


def _put(package: RecordedPackage, former: int, venv: int) -> None:
    for directory, files in by_directory(package.files):
        with directory_in(former, directory) as source, directory_in(venv, directory, make=True) as target:
            for file in files:
                _put_file(file, source, target)


def _put_file(file: RecordedFile, source: int, target: int) -> None:
    name = os.path.basename(file.path)
    try:
        if file.rewritten is None:
            os.link(name, name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
        else:
            mode = os.stat(name, dir_fd=source, follow_symlinks=False).st_mode & 0o755
            descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=target)
            with open(descriptor, "wb") as new:
                new.write(file.rewritten)
    except FileExistsError:
        with opened(name, FILE, source) as there:
            wanted = file.rewritten if file.rewritten is not None else b"".join(blocks(there, os.fstat(there).st_size))
        if not _has(name, target, wanted):
            raise TreeError(errno.EEXIST, "Two packages have a file of this path", file.path) from None


def _has(name: str, directory: int, content: bytes) -> bool:
    """Return whether there is a regular file with this content."""
    with opened(name, FILE, directory) as file:
        status = os.fstat(file)
        return stat.S_ISREG(status.st_mode) and status.st_size == len(content) and b"".join(blocks(file, status.st_size)) == content
