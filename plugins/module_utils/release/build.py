# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Build releases: unpack the source, make the virtualenv, run the build hooks, compile, and hand everything over to root.

Releases and virtualenvs are immutable once they are complete. Foreign code is installed and run as the application's user, in a directory
that root copies afterwards: no package code runs as root, and the application cannot write to what was built. Where no foreign code works
in a release, its tree is root's from the beginning and nothing is copied.
"""

from __future__ import annotations

import contextlib
import grp
import io
import json
import os
import pwd
import tarfile
import tempfile
import time
import typing as t
import zlib
from concurrent.futures import ThreadPoolExecutor

from ..app.commands import cage, end_those_of_killed_runs, run_hooks
from ..app.layout import PROJECT_DIRECTORY, AppRoot, ReleaseRecord
from ..app.links import point
from ..app.orders import ReleaseOrder
from ..host.causes import known_cause, with_cause
from ..host.command import CommandError
from ..host.files import fsync, plain_umask, sync_filesystem, write_atomically
from ..host.inner_links import leading_out
from ..host.known_causes import BUILD
from ..host.trees import SENT_DATE, copy_from_user, give_to_user, settle
from .build_constraints import build_constraints
from .bytecode import compile_tree
from .shared_paths import share
from .store import BuildError, discard, is_complete, remove_virtualenv, sweep, was_complete
from .virtualenv import build_virtualenv
from .workshop import Workshop, pip

# Each takes a processor and some memory.
_AT_A_TIME = 4


class Built(t.NamedTuple):
    """The outcome of building one of many releases."""

    made: list[str]
    # Why it cannot be built, empty on success.
    problem: str
    seconds: float


def build_all(apps: t.Sequence[ReleaseOrder], archives: t.Mapping[str, str | bytes]) -> list[Built]:
    """Build the releases of many applications, some at a time. A build that fails does not keep the others from being built.

    :param archives: packed trees by application, each a path or the bytes
    """

    def one(app: ReleaseOrder) -> Built:
        began = time.monotonic()
        try:
            made, problem = build(app, archives.get(app["name"])), ""
        except (BuildError, CommandError) as error:
            made, problem = [], str(error)
        except OSError as error:
            made, problem = [], with_cause(known_cause([str(error)], BUILD), str(error))
        except Exception as error:  # whatever foreign code has left that nobody has foreseen
            made, problem = [], f"{type(error).__name__}: {error}"
        return Built(made, problem, time.monotonic() - began)

    # umask is per process, so set it once, before the threads start.
    with plain_umask(), ThreadPoolExecutor(min(os.cpu_count() or 1, _AT_A_TIME)) as pool:
        return list(pool.map(one, apps))


@plain_umask()
def build(app: ReleaseOrder, archive: str | bytes | None) -> list[str]:
    """Build the virtualenv and the release if the host lacks them, point ``next`` to the release, and return the paths that were made.

    :param archive: the packed tree as a path or as bytes, ``None`` if the host has the release
    :raises BuildError: if the tree cannot become a release; nothing unfinished is left
    :raises CommandError: if a command fails; nothing unfinished is left
    """
    places, plan = AppRoot(app["root"]), app["release"]
    release, virtualenv_id = places.release(plan["id"]), plan["virtualenv_id"]
    venv = places.virtualenv(virtualenv_id)
    made: list[str] = []
    sweep(places.root)
    tree = release if os.path.isdir(release) else places.unfinished_release(plan["id"])
    was_there = was_complete(places.root, virtualenv_id)
    try:
        if tree != release or not is_complete(places.root, virtualenv_id):
            end_those_of_killed_runs(app, "build")
            with _workshop(app, tree) as workshop:
                _make_missing(app, archive, workshop, tree, made)
    except BaseException:
        # An instance may run with one that was there before, whatever is left of it.
        if not was_there and (venv in made or not is_complete(places.root, virtualenv_id)):
            remove_virtualenv(places.root, virtualenv_id)
        discard(places.virtualenv_apart(virtualenv_id))
        if tree != release:
            discard(tree)
            discard(places.unfinished_copy(plan["id"]))
        raise
    if point(places.next, release):
        made.append(places.next)
    return made


def _make_missing(app: ReleaseOrder, archive: str | bytes | None, workshop: Workshop, tree: str, made: list[str]) -> None:
    """Make the virtualenv or the release or both, and add what is whole to ``made``."""
    places, plan = AppRoot(app["root"]), app["release"]
    release = places.release(plan["id"])
    complete = is_complete(places.root, plan["virtualenv_id"])
    # Installers build what requirements name by path in its place.
    others_write = not complete or plan["package"] is not None or bool(app["hooks"]["build"]) or bool(_project(app))
    if tree != release:
        _unpack(archive, tree)
        if others_write:
            give_to_user(tree, pwd.getpwnam(app["user"]).pw_uid, grp.getgrnam(app["user"]).gr_gid)
        else:
            settle(tree)
    if not complete:
        build_virtualenv(app, workshop)
        made.append(places.virtualenv(plan["virtualenv_id"]))
    if tree != release:
        _publish(app, workshop, _taken(app, workshop, tree) if others_write else tree)
        made.append(release)


@contextlib.contextmanager
def _workshop(app: ReleaseOrder, tree: str) -> t.Iterator[Workshop]:
    """Make an empty HOME for a build: what running instances write to ``shared/`` must not steer what is installed."""
    places = AppRoot(app["root"])
    home = tempfile.mkdtemp(prefix=".home-", dir=places.releases)
    try:
        user = pwd.getpwnam(app["user"])
        os.chown(home, user.pw_uid, user.pw_gid)
        # The minus sign: the virtualenv is not there yet, or is complete already.
        writable = [home, *(f"-{path}" for path in (tree, places.virtualenv(app["release"]["virtualenv_id"]), places.build_cache))]
        with build_constraints(app) as tools:
            # /tmp may be small, in memory, or allow no programs, and what is built is on the disk of the release in any case.
            yield Workshop(cage(app, "build", writable), home, tree, {"TMPDIR": home, **app["build_environment"], **tools})
    finally:
        discard(home)


def _unpack(archive: str | bytes | None, tree: str) -> None:
    """Unpack the shipped tree beside the releases."""
    if archive is None:
        raise BuildError("the release is neither on the host nor shipped")
    os.mkdir(tree, 0o755)
    try:
        with tarfile.open(archive) if isinstance(archive, str) else tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            members = tar.getmembers()
            outside = _leading_out(members)
            if outside:
                raise BuildError(f"the source has what would lead out of the release: {', '.join(outside)}. Remove it or exclude it")
            for member in members:
                member.mtime = SENT_DATE
            # Checked above: the filters of PEP 706 are not in the Python of every supported distribution.
            tar.extractall(tree, **({"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}))
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise BuildError(f"the shipped source is damaged ({error}); run again") from error


def _leading_out(members: t.Sequence[tarfile.TarInfo]) -> list[str]:
    """Return the members that are no file or link, or whose place is outside of the tree or behind a link, and the links that lead out.

    A path that is there twice counts too: a file would be written through a link of the same path.
    """
    links = {os.path.normpath(member.name): member.linkname for member in members if member.issym()}
    wrong, seen = set(leading_out(links)), set()
    found = []
    for member in members:
        place = os.path.normpath(member.name)
        kind = member.isreg() or member.issym()
        if not kind or place in wrong or place in seen or not _stays_inside(member.name, links):
            found.append(member.name)
        seen.add(place)
    return found


def _stays_inside(name: str, links: t.Container[str]) -> bool:
    """Return whether a path leads to a place below the tree, and through none of its links."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    above = ("/".join(parts[:count]) for count in range(1, len(parts)))
    return bool(parts) and not name.startswith("/") and ".." not in parts and not any(path in links for path in above)


def _taken(app: ReleaseOrder, workshop: Workshop, tree: str) -> str:
    """Install the release if it is a package, run its build hooks, and return a copy of the tree, which is root's from the beginning."""
    plan, venv = app["release"], AppRoot(app["root"]).virtualenv(app["release"]["virtualenv_id"])
    if plan["package"]:
        file = plan["package"].partition("[")[0]
        workshop.run([*pip(venv), "install", "--no-deps", "--no-compile", "--target", ".", f"./{file}"])
        os.unlink(f"{tree}/{file}")
    if project := _project(app):
        # The virtualenv has what the project needs.
        target = ["--no-deps", "--no-compile", "--target", PROJECT_DIRECTORY]
        workshop.run([*pip(venv), "install", *target, project])
    record = ReleaseRecord.from_dict(plan)
    if app["hooks"]["build"]:
        cache = _cache_of_hooks(app)
        more = {"XDG_CACHE_HOME": cache, "TMPDIR": workshop.home}
        run_hooks("build", app, workshop.within, record.release(app["root"])._replace(path=tree), workshop.home, more)
    copy = AppRoot(app["root"]).unfinished_copy(plan["id"])
    copy_from_user(tree, copy, pwd.getpwnam(app["user"]).pw_uid, dated=True)
    discard(tree)
    return copy


def _cache_of_hooks(app: ReleaseOrder) -> str:
    """Make the directory that build hooks find again in the next build, and return its path. A running application cannot write to it."""
    cache, user = AppRoot(app["root"]).build_cache, pwd.getpwnam(app["user"])
    # A directory of another user is of no use: the application's user may have another number now.
    if os.path.lexists(cache) and os.lstat(cache).st_uid != user.pw_uid:
        discard(cache)
    with contextlib.suppress(FileExistsError):
        os.mkdir(cache, 0o700)
        os.chown(cache, user.pw_uid, user.pw_gid)
    return cache


def _project(app: ReleaseOrder) -> str:
    """Return the directory of the project that goes into the release, empty for none."""
    declared = app["release"]["declared"]
    return declared["project"] if declared else ""


def _publish(app: ReleaseOrder, workshop: Workshop, tree: str) -> None:
    """Make a tree of root's the release: link what outlives it, compile it, record it, and give it its final name."""
    places, plan = AppRoot(app["root"]), app["release"]
    release = places.release(plan["id"])
    share(app, tree)
    compile_tree(workshop, f"{places.virtualenv(plan['virtualenv_id'])}/bin/python", tree, release)
    record = ReleaseRecord.from_dict(plan)
    write_atomically(places.release_record(plan["id"]), json.dumps(record._asdict(), sort_keys=True) + "\n", 0o644)
    # Flush the tree before the rename that publishes it; the link `next` is set only afterwards.
    sync_filesystem(tree)
    os.rename(tree, release)
    fsync(os.path.dirname(release))
