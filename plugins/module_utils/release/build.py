# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Releases and virtualenvs on a host: what is there, and building what is missing.

Both are immutable once they are complete. Whatever installs or runs foreign code runs as the application's user, in a directory
that is handed over to root afterwards, so nothing of a package ever runs as root and nothing built is writable by the application.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import grp
import hashlib
import json
import os
import pwd
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
import typing as t
import zlib
from concurrent.futures import ThreadPoolExecutor

from ..host.as_user import CommandError, environment, run, run_hooks
from ..host.files import fsync, link_atomically, partials, plain_umask, read_link, read_text, sync_filesystem, write_atomically
from . import new_venv

App = t.Mapping[str, t.Any]
# Written last: a virtualenv without it was never finished. Its scripts carry its path, so it cannot be renamed into place.
COMPLETE = ".flaskops-complete"
# Times of files lie in the twenty years from 2000-01-01: never in the future.
_FIRST_DATE, _DATES = 946_684_800, 631_152_000
# Each takes a processor and some memory.
_AT_A_TIME = 4
# What requirements without a version were resolved to, as constraints.
LOCK = "requirements.lock"
_PROBE = (
    "import json, sys, sysconfig; print(json.dumps({'path': sys.executable, 'version': sys.version.split()[0],"
    " 'tag': f'{sys.implementation.name}-{sys.version_info[0]}.{sys.version_info[1]}-{sysconfig.get_platform()}'}))"
)


class BuildError(Exception):
    """A release that cannot be built; the message says why."""


@functools.cache  # one interpreter for many applications
def python_info(command: str) -> dict[str, str] | None:
    """Return path, version and tag of an interpreter, ``None`` if the host has none of that name."""
    path = shutil.which(command)
    if path is None:
        return None
    done = subprocess.run([path, "-I", "-c", _PROBE], check=False, capture_output=True, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else None


def inspect(app: App) -> dict[str, t.Any]:
    """Return what the host has of an application: interpreter, finished releases and virtualenvs, and the links."""
    root = app["root"]
    return {
        "python": python_info(app["python"]),
        "releases": _names(f"{root}/releases"),
        "virtualenvs": [name for name in _names(f"{root}/venvs") if os.path.exists(f"{root}/venvs/{name}/{COMPLETE}")],
        "next": _target(f"{root}/next"),
        "current": _target(f"{root}/current"),
    }


def _names(directory: str) -> list[str]:
    """Return the finished entries of a directory; unfinished ones begin with a dot."""
    try:
        return sorted(entry.name for entry in os.scandir(directory) if entry.is_dir() and not entry.name.startswith("."))
    except FileNotFoundError:
        return []


def _target(link: str) -> str:
    return os.path.basename(read_link(link) or "")


def release_record(root: str, release: str) -> dict[str, t.Any]:
    """Return what was recorded when a release was built."""
    text = read_text(f"{root}/releases/{release}.json")
    return json.loads(text) if text else {}


def read_lock(root: str, virtualenv: str) -> str | None:
    """Return the constraints of a finished virtualenv, ``None`` if the host has none."""
    venv = f"{root}/venvs/{virtualenv}"
    return read_text(f"{venv}/{LOCK}") if os.path.exists(f"{venv}/{COMPLETE}") else None


class Built(t.NamedTuple):
    """What became of one of many releases."""

    made: list[str]
    # Why it cannot be built, empty where it is.
    problem: str
    seconds: float


def build_all(apps: t.Sequence[App], archives: t.Mapping[str, str]) -> list[Built]:
    """Build the releases of many applications, some at a time; those that can be are, also beside one that cannot. See :func:`build`."""

    def one(app: App) -> Built:
        began = time.monotonic()
        try:
            made, problem = build(app, archives.get(app["name"])), ""
        except (BuildError, CommandError, OSError) as error:
            made, problem = [], str(error)
        return Built(made, problem, time.monotonic() - began)

    # The umask is the process's: it is set before there are threads, who then find it so.
    with plain_umask(), ThreadPoolExecutor(min(os.cpu_count() or 1, _AT_A_TIME)) as pool:
        return list(pool.map(one, apps))


@plain_umask()
def build(app: App, archive: str | None) -> list[str]:
    """Build what is missing of a release and make it the one to be switched to next; return what was made.

    :param app: ``name``, ``user``, ``root``, ``python``, ``uwsgi``, ``gevent``, ``hooks``, ``environment``, ``release`` (a plan of the controller)
        and ``lock`` (constraints of a host that has built the virtualenv)
    :param archive: the packed tree, ``None`` if the host has the release
    :raises BuildError: if the tree cannot be a release; nothing unfinished is left
    :raises CommandError: if a command fails; nothing unfinished is left
    """
    root, plan = app["root"], app["release"]
    release, venv = f"{root}/releases/{plan['id']}", f"{root}/venvs/{plan['virtualenv']}"
    made: list[str] = []
    sweep(root)
    tree = release if os.path.isdir(release) else f"{root}/releases/.{plan['id']}"
    try:
        if tree != release:
            _unpack(app, archive, tree)
        if not os.path.exists(f"{venv}/{COMPLETE}"):
            _build_virtualenv(app, venv, tree)
            made.append(venv)
        if tree != release:
            _finish_release(app, venv, tree, release)
            made.append(release)
    except BaseException:
        if venv in made or not os.path.exists(f"{venv}/{COMPLETE}"):
            shutil.rmtree(venv, ignore_errors=True)
        if tree != release:
            shutil.rmtree(tree, ignore_errors=True)
        raise
    if link_atomically(f"releases/{plan['id']}", f"{root}/next"):
        made.append(f"{root}/next")
    return made


def sweep(root: str) -> None:
    """Remove the trees and files of runs that were killed while they made or removed them; the lock says that nobody is at it.

    Two directories are ours alone. Beside them somebody may keep files of their own, so there it takes a name that only we give.
    """
    releases, venvs = f"{root}/releases", f"{root}/venvs"
    left = [f"{place}/{name}" for place in (releases, venvs) for name in _entries(place) if name.startswith(".")]
    left += [f"{releases}/{name}" for name in _entries(releases) if name.endswith(".json") and not os.path.isdir(f"{releases}/{name[:-5]}")]
    for path in [*left, *partials(root)]:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)


def _entries(directory: str) -> list[str]:
    return os.listdir(directory) if os.path.isdir(directory) else []


def remove_release(root: str, release: str) -> None:
    """Remove a release with its record."""
    _remove_tree(f"{root}/releases/{release}")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{root}/releases/{release}.json")


def remove_virtualenv(root: str, virtualenv: str) -> None:
    """Remove a virtualenv."""
    _remove_tree(f"{root}/venvs/{virtualenv}")


def _remove_tree(tree: str) -> None:
    """Remove a tree, its name first: a run that is killed meanwhile leaves nothing that passes for whole."""
    aside = os.path.join(os.path.dirname(tree), f".{os.path.basename(tree)}")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        os.rename(tree, aside)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        aside = tree  # overlayfs renames no directory of a lower layer
    shutil.rmtree(aside, ignore_errors=True)


def _unpack(app: App, archive: str | None, tree: str) -> None:
    """Unpack the shipped tree beside the releases, owned by the application's user until it is built."""
    if archive is None:
        raise BuildError("the release is neither on the host nor shipped")
    os.mkdir(tree, 0o755)
    try:
        with tarfile.open(archive) as tar:
            outside = _leading_out(tar.getmembers())
            if outside:
                raise BuildError(f"the source has what would lead out of the release: {', '.join(outside)}. Remove it or exclude it")
            # Checked above: the filters of PEP 706 are not in the Python of every supported distribution.
            tar.extractall(tree, **({"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}))
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise BuildError(f"the shipped source is damaged ({error}); run again") from error
    _give(tree, pwd.getpwnam(app["user"]).pw_uid, grp.getgrnam(app["user"]).gr_gid)


def _leading_out(members: t.Sequence[tarfile.TarInfo]) -> list[str]:
    """Return the members that are no file or link, or whose place or target is outside of the tree or behind one of its links."""
    links = {os.path.normpath(member.name) for member in members if member.issym()}
    return [member.name for member in members if not _stays_inside(member, links)]


def _stays_inside(member: tarfile.TarInfo, links: t.Collection[str]) -> bool:
    if not (member.isreg() or member.issym()) or ".." in member.name.split("/"):
        return False
    places = [member.name, *([os.path.join(os.path.dirname(member.name), member.linkname)] if member.issym() else [])]
    for place in places:
        parts = place.split("/")
        parents = {os.path.normpath("/".join(parts[:count])) for count in range(1, len(parts))}
        if os.path.normpath(place).startswith(("/", "..")) or parents & set(links):
            return False
    return True


def _build_virtualenv(app: App, venv: str, tree: str) -> None:
    """Make a virtualenv with the requirements of a tree and uWSGI.

    The host that builds first resolves requirements without a version; what it chose constrains the others.
    """
    plan = app["release"]
    _empty_virtualenv(app, venv, tree)
    with tempfile.NamedTemporaryFile("w", dir=venv, suffix=".txt") as chosen:
        _rewrite(chosen, app["lock"] or "")
        os.fchmod(chosen.fileno(), 0o644)
        install = [*_pip(venv), "install", *(["--constraint", chosen.name] if app["lock"] else [])]
        if plan["requirements"]:
            _run(app, [*install, "--requirement", plan["requirements"]], tree)
        if plan["package"]:
            # The virtualenv keeps what the package needs; the package itself is the release.
            _run(app, [*install, f"./{plan['package']}"], tree)
            _run(app, [*_pip(venv), "uninstall", "--yes", _distribution(plan["package"])], tree)
        frozen = _run(app, [*_pip(venv), "freeze"], tree)
        _install_uwsgi(app, venv, tree)
        if gevent := _not_in(frozen, app["gevent"]):
            # What the requirements have chosen stays, or pip says what does not fit.
            _rewrite(chosen, _constraints(frozen))
            _run(app, [*_pip(venv), "install", "--constraint", chosen.name, *gevent], tree)
    _give(venv, 0, 0)
    write_atomically(f"{venv}/{LOCK}", _constraints(frozen), 0o644)
    # What says that it is complete may not outlive a power cut that takes what it is said of.
    sync_filesystem(venv)
    write_atomically(f"{venv}/{COMPLETE}", "", 0o644)


def _empty_virtualenv(app: App, venv: str, tree: str) -> None:
    """Make a virtualenv with pip in it."""
    user = pwd.getpwnam(app["user"])
    # The second one is slow and works wherever virtualenvs do, or says why not.
    commands = [new_venv.command(app["python"], venv), [app["python"], "-m", "venv", venv]]
    for command in commands:
        shutil.rmtree(venv, ignore_errors=True)
        os.mkdir(venv, 0o755)
        os.chown(venv, user.pw_uid, user.pw_gid)
        try:
            _run(app, command, tree)
            return
        except CommandError:
            if command is commands[-1]:
                raise


def _rewrite(file: t.IO[str], text: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(text)
    file.flush()


def _not_in(frozen: str, pins: t.Sequence[str]) -> list[str]:
    """Return the pins of packages that the requirements have not brought: an application's own version stays."""
    there = {_normal(re.split(r"==| @ ", line)[0]) for line in frozen.splitlines()}
    return [pin for pin in pins if _normal(pin.partition("==")[0]) not in there]


def _normal(name: str) -> str:
    """Return the one spelling of a package's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _install_uwsgi(app: App, venv: str, tree: str) -> None:
    """Install uWSGI. The sources of its wheel would be compiled, which is what one takes the wheel to do without.

    :raises CommandError: naming the remedy where there is no wheel
    """
    package = app["uwsgi"]
    if not package.lower().startswith("py"):
        _run(app, [*_pip(venv), "install", package], tree)
        return
    try:
        _run(app, [*_pip(venv), "install", "--only-binary", "pyuwsgi", package], tree)
    except CommandError as error:
        if "No matching distribution" not in str(error):
            raise
        python = _run(
            app, [f"{venv}/bin/python", "-c", "import platform; print(platform.python_version(), 'on', platform.machine())"], tree
        )
        raise CommandError(
            f"there is no wheel of {package} for Python {python.strip()}. Set uwsgi.package to uwsgi==2.0.31, which is compiled on the"
            f" host, or to a pyuwsgi that has one, or python to another interpreter.\n{error}"
        ) from error


def _constraints(frozen: str) -> str:
    """Return the lines of ``pip freeze`` that can constrain another installation; paths of this host cannot."""
    return "".join(f"{line}\n" for line in frozen.splitlines() if re.match(r"[A-Za-z0-9._-]+==\S+$", line))


def _finish_release(app: App, venv: str, tree: str, release: str) -> None:
    """Turn an unpacked tree into the release: installed if it is a package, built by its hooks, compiled, owned by root."""
    plan = app["release"]
    if plan["package"]:
        file = plan["package"].partition("[")[0]
        _run(app, [*_pip(venv), "install", "--no-deps", "--no-compile", "--target", ".", f"./{file}"], tree)
        os.unlink(f"{tree}/{file}")
    run_hooks("build", app, tree, venv)
    # An immutable tree needs no check of its sources. A file of another Python version in it is no reason to stop.
    compileall = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", ".", "-p", release, "."]
    with contextlib.suppress(CommandError):
        _run(app, [f"{venv}/bin/python", *compileall], tree)
    _date_by_content(tree)
    _give(tree, 0, 0)
    record = {key: plan[key] for key in ("id", "virtualenv", "callable", "revision")}
    write_atomically(f"{release}.json", json.dumps(record, sort_keys=True) + "\n", 0o644)
    # The same holds for its name; and whatever leads to the name comes after it.
    sync_filesystem(tree)
    os.rename(tree, release)
    fsync(os.path.dirname(release))


def _date_by_content(tree: str) -> None:
    """Give every file a time that follows from its content.

    Flask and nginx make entity tags of time and size: a file that changed must have another time, the same file on another host or
    in the next release must not.
    """
    for directory, _names, files in os.walk(tree):
        for path in (os.path.join(directory, name) for name in files):
            if not os.path.islink(path):
                with open(path, "rb") as file:
                    digest = hashlib.sha256(file.read()).digest()
                seconds = _FIRST_DATE + int.from_bytes(digest[:4], "big") % _DATES
                os.utime(path, (seconds, seconds))


def _pip(venv: str) -> list[str]:
    return [f"{venv}/bin/python", "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"]


def _run(app: App, command: list[str], directory: str) -> str:
    return run(app["user"], command, directory, environment(f"{app['root']}/shared"))


def _distribution(package: str) -> str:
    """Return the name of the distribution in a file's name (binary distribution format, PEP 427 and PEP 625)."""
    return package.partition("[")[0].split("-")[0]


def _give(root: str, user: int, group: int) -> None:
    """Hand a tree over, links themselves and not what they point to, and let nobody else write to it."""
    for directory, names, files in os.walk(root):
        for path in (os.path.join(directory, name) for name in ["", *names, *files]):
            os.chown(path, user, group, follow_symlinks=False)
            if not os.path.islink(path):
                os.chmod(path, os.stat(path).st_mode & 0o755)
