# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fetch the source of an application to the controller; hosts need no access to repositories or indexes of code.

Everything fetched is kept in a cache directory of the controller, locked per source, so that parallel hosts of a play fetch once.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import lzma
import os
import re
import shutil
import subprocess
import sys
import tarfile
import typing as t
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from .tree import DirTree, FileTree, GitTree, SourceError, Tree, git

_DOWNLOAD_TIMEOUT = 60  # seconds without a byte
_FULL_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def fetch(source: Mapping[str, t.Any], search: Sequence[Path], cache: Path, run: Path) -> Tree:
    """Return the tree that ``source`` describes.

    :param source: a complete ``source`` dict of ``app_keys``, other than ``prebuilt``
    :param search: directories that relative paths are looked up in, in order
    :param cache: directory that outlives the run
    :param run: directory that lasts for one run; what moves (a branch) is looked up once for each
    :raises SourceError: when it cannot be had
    """
    if "path" in source:
        return _from_path(source, search)
    if "git" in source:
        return _from_git(source, search, cache, run)
    if "archive" in source:
        return _from_archive(source, search, cache)
    return _from_package(source, cache)


def _from_path(source: Mapping[str, t.Any], search: Sequence[Path]) -> Tree:
    root = _local(source["path"], search, "path")
    if not root.is_dir():
        raise SourceError("path", f"'{source['path']}' is not a directory", "name the directory of the code; `archive` takes a packed one")
    return DirTree(_inside(root, source["subdir"]), source["exclude"])


def _from_git(source: Mapping[str, t.Any], search: Sequence[Path], cache: Path, run: Path) -> Tree:
    url, version = source["git"], source["version"]
    if "://" not in url and ":" not in url:
        url = str(_local(url, search, "git"))
    mirror = cache / "git" / _digest(url)
    if version.startswith("-"):
        raise SourceError("version", f"'{version}' is not a version", "name a branch, tag or commit")
    with locked(mirror):
        commit = _commit(mirror, url, version, run)
    return GitTree(mirror, commit, source["subdir"])


def _commit(mirror: Path, url: str, version: str, run: Path) -> str:
    """Return the commit that ``version`` names, fetching what the mirror lacks."""
    memo = run / f"flaskops-git-{_digest(f'{url} {version}')}"
    if memo.exists():
        return memo.read_text()
    try:
        if not mirror.exists():
            subprocess.run(["git", "init", "--quiet", "--bare", str(mirror)], check=True, capture_output=True)
        known = _FULL_COMMIT.fullmatch(version) and _has(mirror, version)
        commit = version if known else _fetch_commit(mirror, url, version)
    except FileNotFoundError as error:
        raise SourceError("git", "the controller has no git", "install git on the controller") from error
    except subprocess.CalledProcessError as error:
        problem = f"'{_without_password(url)}' at '{version}' could not be fetched ({_without_password(_git_words(error))})"
        raise SourceError("git", problem, "check the URL, the version and the controller's access to it") from error
    memo.write_text(commit)
    return commit


def _fetch_commit(mirror: Path, url: str, version: str) -> str:
    try:
        git(mirror, "fetch", "--quiet", "--depth=1", url, version)
        return git(mirror, "rev-parse", "--verify", "FETCH_HEAD^{commit}").decode().strip()
    except subprocess.CalledProcessError:
        # Servers may refuse a bare commit id or an abbreviated one: look for it in the whole history.
        whole = ["--unshallow"] if (mirror / "shallow").exists() else []
        git(mirror, "fetch", "--quiet", "--tags", "--force", *whole, url, "+refs/*:refs/flaskops/*")
        return git(mirror, "rev-parse", "--verify", "--quiet", f"{version}^{{commit}}").decode().strip()


def _git_words(error: subprocess.CalledProcessError) -> str:
    """Return what git says is wrong: its first complaint, without the advice that follows."""
    lines = error.stderr.decode(errors="replace").strip().splitlines()
    complaints = [line for line in lines if line.startswith(("fatal:", "error:", "remote: "))]
    return (complaints or lines or ["there is no such branch, tag or commit"])[0]


def _has(mirror: Path, commit: str) -> bool:
    try:
        git(mirror, "cat-file", "-e", f"{commit}^{{tree}}")
    except subprocess.CalledProcessError:
        return False
    return True


def _from_archive(source: Mapping[str, t.Any], search: Sequence[Path], cache: Path) -> Tree:
    location, wanted = source["archive"], source.get("sha256")
    if re.match(r"https?://", location):
        file = cache / "archives" / f"{wanted}"
        with locked(file):
            if not file.exists():
                _download(location, file)
    else:
        file = _local(location, search, "archive")
    if not file.is_file():
        raise SourceError("archive", f"'{_without_password(location)}' is not a file", "name a .tar, .tar.gz, .tar.xz or .zip file")
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if wanted and found != wanted:
        if file.parent == cache / "archives":
            file.unlink()
        raise SourceError(
            "sha256",
            f"'{_without_password(location)}' has the checksum {found}, not {wanted}",
            "correct the checksum if you trust the file",
        )
    unpacked = cache / "trees" / found
    with locked(unpacked):
        if not unpacked.exists():
            _unpack(file, unpacked, location)
    return DirTree(_inside(_single_directory(unpacked), source["subdir"]), source["exclude"], f"sha256:{found[:12]}")


def _download(url: str, target: Path) -> None:
    partial = target.with_suffix(".partial")
    try:
        with urllib.request.urlopen(url, timeout=_DOWNLOAD_TIMEOUT) as answer, open(partial, "wb") as file:
            shutil.copyfileobj(answer, file)
    except (OSError, urllib.error.URLError) as error:
        raise SourceError(
            "archive", f"'{_without_password(url)}' could not be downloaded ({error})", "check the URL and the controller's network"
        ) from error
    os.replace(partial, target)


def _unpack(file: Path, target: Path, location: str) -> None:
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        if zipfile.is_zipfile(file):
            _unzip(file, partial)
        else:
            with tarfile.open(file) as tar:
                # PEP 706: refuses members that would leave the directory.
                tar.extractall(partial, filter="data")
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError, RuntimeError, zlib.error, lzma.LZMAError) as error:
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SourceError(
            "archive",
            f"'{_without_password(location)}' could not be unpacked ({words})",
            "pack it as .tar.gz or .zip, with paths inside it only",
        ) from error
    os.replace(partial, target)


def _unzip(file: Path, target: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            # zipfile drops leading slashes and .. itself; what it does not keep is the executable bit.
            path = Path(archive.extract(member, target))
            if (member.external_attr >> 16) & 0o100 and path.is_file():
                path.chmod(0o755)


def _single_directory(root: Path) -> Path:
    """Return the one directory an archive consists of, as release archives do, or ``root``."""
    entries = list(root.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else root


def _from_package(source: Mapping[str, t.Any], cache: Path) -> Tree:
    requirement = source["package"].replace(" ", "")
    name = re.sub(r"\[.*\]", "", requirement)
    folder = cache / "packages" / name
    with locked(folder):
        if not folder.exists():
            _pip_download(name, folder)
    return FileTree(next(folder.iterdir()), name.replace("==", " "))


def _pip_download(requirement: str, folder: Path) -> None:
    """Download one distribution file: the wheel that fits every platform, else the sdist."""
    partial = folder.with_suffix(".partial")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-input", "--disable-pip-version-check"]
    attempts = (["--only-binary=:all:", "--platform=any", "--python-version=3.11"], ["--no-binary=:all:"])
    words = ""
    for options in attempts:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        done = subprocess.run([*pip, *options, f"--dest={partial}", requirement], check=False, capture_output=True, text=True)
        if done.returncode == 0 and any(partial.iterdir()):
            os.replace(partial, folder)
            return
        words = words or next((line for line in done.stderr.splitlines() if line.startswith("ERROR")), done.stderr.strip())
    if "No module named pip" in words:
        raise SourceError("package", "the controller's Python has no pip to fetch it with", f"install pip for {sys.executable}")
    raise SourceError(
        "package", f"'{requirement}' could not be downloaded ({words})", "check its name and version and the controller's package index"
    )


def wheel_metadata(file: Path) -> str | None:
    """Return the metadata of a wheel; ``None`` for an sdist, whose requirements are known only when it is built."""
    if file.suffix != ".whl":
        return None
    with zipfile.ZipFile(file) as wheel:
        name = next(name for name in wheel.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        return wheel.read(name).decode()


def _local(path: str, search: Sequence[Path], key: str) -> Path:
    expanded = Path(path).expanduser()
    for directory in search:
        if (directory / expanded).exists():
            return (directory / expanded).resolve()
    looked = ", ".join(str(directory) for directory in search) if not expanded.is_absolute() else "the controller"
    raise SourceError(
        key, f"'{path}' does not exist (looked in {looked})", "correct the path; a relative one starts at the inventory's directory"
    )


def _inside(root: Path, subdir: str) -> Path:
    inner = root / PurePosixPath(subdir)
    if not inner.is_dir():
        raise SourceError("subdir", f"'{subdir}' is not a directory of the source", "name a directory of it")
    return inner


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _without_password(text: str) -> str:
    return re.sub(r"(://)[^/\s]+@", r"\1***@", text)


@contextlib.contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the lock of one place of the cache; its directory is made."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(target.with_name(f".{target.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
