# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sources from a package index."""

from __future__ import annotations

import errno
import functools
import hashlib
import os
import re
import resource
import shutil
import subprocess
import sys
import tarfile
import typing as t
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from .bounds import MOST_BYTES
from .cache import locked, without_password
from .tree import SourceError, Tree, add_file, tar_writer

_PIP_SDIST = Path(__file__).with_name("pip_sdist.py")
# A description of a megabyte would be a book.
_MOST_METADATA_BYTES = 8 * 1024**2


class FileTree(Tree):
    """A single distribution file (wheel or sdist) with what it requires."""

    def __init__(self, file: Path, revision: str) -> None:
        self.file, self._revision = file, revision

    @functools.cached_property
    def digest(self) -> str:
        with open(self.file, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @property
    def revision(self) -> str:
        return self._revision

    def read(self, path: str) -> bytes | None:
        return None

    def write_tar(self, target: Path) -> None:
        with tar_writer(target) as tar:
            info = tarfile.TarInfo(self.file.name)
            info.mode = 0o644
            with open(self.file, "rb") as file:
                add_file(tar, info, file, self.file.name)


def from_package(source: Mapping[str, t.Any], cache: Path) -> Tree:
    requirement = source["package"].replace(" ", "")
    name = re.sub(r"\[.*\]", "", requirement)
    folder = cache / "packages" / name
    with locked(folder):
        if not folder.exists():
            _pip_download(name, folder)
    return FileTree(next(folder.iterdir()), name.replace("==", " "))


def _pip_download(requirement: str, folder: Path) -> None:
    """Download one distribution file: the wheel that fits every platform, else the sdist. Nothing of either is run."""
    partial = folder.with_name(f"{folder.name}.partial")
    # Without -P a module in the working directory could pass for one that pip imports.
    python, common = (
        [sys.executable, "-P"],
        ["--quiet", "--no-deps", "--no-input", "--disable-pip-version-check", "--ignore-requires-python"],
    )
    attempts = (
        [*python, "-m", "pip", "download", *common, "--only-binary=:all:", "--platform=any", "--python-version=3.11"],
        [*python, str(_PIP_SDIST), *common, "--no-binary=:all:"],
    )
    words = ""
    for command in attempts:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        wanted = [*command, f"--dest={partial}", requirement]
        done = subprocess.run(wanted, check=False, capture_output=True, text=True, preexec_fn=_bound_files)
        if done.returncode == 0 and any(partial.iterdir()):
            os.replace(partial, folder)
            return
        # The first of two such refusals lists the versions that there are.
        words = words if words and "No matching distribution" in done.stderr else _words(done.stderr)
    if "No module named 'pip'" in words or "No module named pip" in words:
        raise SourceError("package", "the controller's Python has no pip to fetch it with", f"install pip for {sys.executable}")
    if os.strerror(errno.EFBIG) in words:
        says = f"the file of '{requirement}' has more than {MOST_BYTES // 1024**3} GiB"
        raise SourceError("package", says, "name another version, or see what the controller's package index offers")
    raise SourceError(
        "package",
        f"'{requirement}' could not be downloaded ({without_password(words)})",
        "check its name and version and the controller's package index",
    )


def _bound_files() -> None:
    """Have this process, which is to become pip, write no larger file than a source may be: an index may offer one without an end."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    most = MOST_BYTES if hard == resource.RLIM_INFINITY else min(MOST_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def _words(stderr: str) -> str:
    """Return the complaint of pip, or the last line of a traceback."""
    lines = [line for line in stderr.splitlines() if line.strip()] or ["pip gave no reason"]
    return next((line for line in lines if line.startswith("ERROR") and line.strip() != "ERROR: Exception:"), lines[-1])


def wheel_metadata(file: Path) -> str | None:
    """Return the metadata of a wheel; ``None`` for an sdist, whose requirements are known only when it is built.

    :raises SourceError: if it has none
    """
    if file.suffix != ".whl":
        return None
    try:
        with zipfile.ZipFile(file) as wheel:
            name = next(name for name in wheel.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
            if wheel.getinfo(name).file_size <= _MOST_METADATA_BYTES:
                return wheel.read(name).decode()
    except (zipfile.BadZipFile, StopIteration, RuntimeError, EOFError, zlib.error, UnicodeError):
        pass
    raise SourceError("package", f"'{file.name}' is a wheel without metadata that can be read", "ask its author for another version")
