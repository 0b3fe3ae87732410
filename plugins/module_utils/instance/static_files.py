# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Put the files of static routes where nginx may read them.

A build may have left a link in place of a directory, and prebuilt code belongs to somebody who may change it at any time. So nothing is
reached through a link that others than root could have made, and nobody gets a file published that he could not read himself.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import typing as t

from ..host.inner_links import leading_out
from ..host.root_paths import is_roots
from ..host.trees import DIRECTORY, FILE, MOST_BYTES, blocks, opened, others, walk

# A path with more links than this leads in a circle.
_MOST_LINKS = 40
_PUBLIC_MODE = 0o644
# Root looks where each symbolic link of a route leads.
_MOST_PUBLISHED_LINKS = 10_000


class UnpublishableError(OSError):
    """A directory that cannot be published."""

    remedy = "correct the route"


class MissingDirectoryError(UnpublishableError):
    """A route serves files from a directory that the release does not have."""

    remedy = "correct the route, or add the files to the source"


class MissingPageError(MissingDirectoryError):
    """A route names a page that its directory does not have."""

    remedy = "correct fallback, or have a build hook make the page"


class MissingErrorPageError(MissingDirectoryError):
    """A release does not have a page that nginx is to send."""

    remedy = "correct error_pages or maintenance.page, or add the page to the source or have a build hook make it"


class OutwardLinkError(UnpublishableError):
    """A link in a static directory that leads out of it."""

    remedy = "have a file in place of the link, or a link to one inside of the directory"


class LinkedDirectoryError(MissingDirectoryError):
    """A route serves files from a directory that is reached through a link."""

    remedy = "write the path that the link leads to, or have a directory in its place"


class PrivateFileError(UnpublishableError):
    """A file that is not for all to read."""

    remedy = "make it readable for all, or take it out of the directory"


class _Source(t.NamedTuple):
    """A directory that is open, and whether root alone can change anything in it and on the way to it."""

    descriptor: int
    trusted: bool


def publish(release: str, directory: str, route: str, target: str) -> dict[str, str]:
    """Repeat the tree of regular files of a directory below ``target``, without names that begin with a dot, and return its symbolic links.

    Files of root in directories of root become hard links, which take no space; all others are copied. The caller makes the symbolic links when
    it knows those of all routes (:func:`publish_links`): they are returned with their targets, by the path below ``target``.

    :param release: absolute path of the code
    :param directory: path inside it
    :param route: path of the route, for messages
    :param target: a path where root alone makes names
    :raises MissingDirectoryError: for a directory that the release does not have or only through a link
    :raises UnpublishableError: for a file that others may not read, a link that leads out of the directory, or more than fits
    """
    left = MOST_BYTES
    links: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        source = _open_inside(_open_release(release, stack), directory, f"the route {route}", stack)
        trusted = {"": source.trusted}
        for descriptor, path in walk(source.descriptor, "", changing=True, hidden=False):
            status = os.fstat(descriptor)
            # A parent comes before what is in it.
            trusted[path] = trusted[os.path.dirname(path)] and is_roots(status)
            place = os.path.join(target, path) if path else target
            os.makedirs(place, mode=0o755, exist_ok=True)
            for name in others(descriptor):
                if name.startswith("."):
                    continue
                if (leads := _link_target(name, descriptor)) is not None:
                    links[os.path.join(path, name)] = leads
                else:
                    shown = os.path.join(directory, path, name)
                    left -= _publish_file(name, _Source(descriptor, trusted[path]), f"{place}/{name}", shown, left)

    _require_inner(links, f"'{directory}' of the route {route}")
    return links


def has_public_names(directory: str) -> bool:
    """Return whether :func:`publish` finds something right in a directory: a file, a directory or a symbolic link that is not hidden."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(directory) as entries:
        return any(_is_public(entry) for entry in entries)
    return False


def _is_public(entry: os.DirEntry[str]) -> bool:
    kinds = (entry.is_file(follow_symlinks=False), entry.is_dir(follow_symlinks=False), entry.is_symlink())
    return any(kinds) and not entry.name.startswith(".")


def publish_links(public: str, links: t.Mapping[str, str]) -> None:
    """Make the symbolic links of all routes, but for those whose places other files of a route have taken.

    :param public: the directory of all published files
    :param links: the targets by path below it
    :raises OutwardLinkError: if one leads out of the directory through links of another route
    """
    made = {place: leads for place, leads in links.items() if not os.path.lexists(f"{public}/{place}")}
    _require_inner(made, "the directory of all static routes")
    for place, leads in made.items():
        os.symlink(leads, f"{public}/{place}")


def _require_inner(links: t.Mapping[str, str], where: str) -> None:
    if len(links) > _MOST_PUBLISHED_LINKS:
        raise OutwardLinkError(f"{where} has more than {_MOST_PUBLISHED_LINKS:,} symbolic links")
    outward = leading_out(links)
    if outward:
        raise OutwardLinkError(f"{where} has the symbolic link '{outward[0]}' to '{links[outward[0]]}', which leads out of it")


def _link_target(name: str, directory: int) -> str | None:
    """Return where a symbolic link leads, ``None`` for anything else."""
    try:
        return os.readlink(name, dir_fd=directory)
    except OSError:
        return None


def require_page(target: str, route: t.Mapping[str, str]) -> None:
    """Require that the page which a route answers lost paths with has been published.

    :param target: where the files of the route were published
    :param route: ``path`` and ``directory``, and ``fallback`` if there is such a page
    :raises MissingPageError: if it has not
    """
    page = route.get("fallback")
    if page and not os.path.isfile(f"{target}/{page}"):
        raise MissingPageError(f"'{page}', the fallback of the route {route['path']}, is no file of '{route['directory']}' in the release")


def publish_page(release: str, page: str, name: str, target: str) -> None:
    """Publish a page that nginx sends in place of its own, and the ``.json`` beside it if there is one.

    :param page: its path in the release
    :param name: the status that it is for, or ``closed``
    :param target: the path of the published file without its ending
    :raises MissingErrorPageError: for a page that the release does not have, or that is a link
    :raises UnpublishableError: for a page that others may not read
    """
    os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
    directory, file = os.path.split(page)
    with contextlib.ExitStack() as stack:
        source = _open_release(release, stack)
        try:
            source = _open_inside(source, directory, f"the page for {name}", stack)
        except MissingDirectoryError as error:
            raise MissingErrorPageError(str(error)) from error
        for found, ending in ((file, "html"), (f"{os.path.splitext(file)[0]}.json", "json")):
            _publish_file(found, source, f"{target}.{ending}", os.path.join(directory, found), MOST_BYTES)
    if not os.path.isfile(f"{target}.html"):
        raise MissingErrorPageError(f"'{page}', the page for {name}, is no file of the release")


def _open_release(release: str, stack: contextlib.ExitStack) -> _Source:
    """Open the directory of the code; on the way there links count that root made where only root makes names."""
    here = stack.enter_context(opened("/", DIRECTORY))
    trusted, walked, links = True, "", 0
    todo = release.split("/")[::-1]
    while todo:
        name = todo.pop()
        if name in ("", "."):
            continue
        try:
            status = os.stat(name, dir_fd=here, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                links += 1
                if not trusted or not is_roots(status) or links > _MOST_LINKS:
                    raise LinkedDirectoryError(f"'{walked}/{name}' on the way to {release} is a symbolic link that is not root's")
                target = os.readlink(name, dir_fd=here)
                todo += target.split("/")[::-1]
                if target.startswith("/"):
                    here, walked = stack.enter_context(opened("/", DIRECTORY)), ""
                continue
            here = stack.enter_context(opened(name, DIRECTORY, here))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise MissingDirectoryError(f"{release} is not on this host") from error
        walked = os.path.normpath(f"{walked}/{name}")
        trusted = trusted and is_roots(os.fstat(here))
    return _Source(here, trusted)


def _open_inside(source: _Source, directory: str, whose: str, stack: contextlib.ExitStack) -> _Source:
    """Open a directory of the code, one component after the other and none of them through a link.

    :param whose: what wants the directory, for messages
    """
    walked: list[str] = []
    for name in (part for part in directory.split("/") if part not in ("", ".")):
        walked.append(name)
        shown = "/".join(walked)
        try:
            if name == "..":
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name)
            if stat.S_ISLNK(os.stat(name, dir_fd=source.descriptor, follow_symlinks=False).st_mode):
                leads = os.readlink(name, dir_fd=source.descriptor)
                raise LinkedDirectoryError(f"'{shown}' of {whose} is a symbolic link to '{leads}'")
            inner = stack.enter_context(opened(name, DIRECTORY, source.descriptor))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise MissingDirectoryError(f"'{directory}' of {whose} is not a directory of the release") from error
        source = _Source(inner, source.trusted and is_roots(os.fstat(inner)))
    return source


def _publish_file(name: str, source: _Source, target: str, shown: str, most: int) -> int:
    """Publish a regular file and return how many bytes were copied; whatever else has the name is left out.

    :param most: how many bytes may be
    """
    try:
        with opened(name, FILE, source.descriptor) as file:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode):
                return 0
            # A longer route may have put a file there.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(target)
            if source.trusted and is_roots(status) and stat.S_IMODE(status.st_mode) == _PUBLIC_MODE:
                with contextlib.suppress(OSError):  # prebuilt code on another file system
                    os.link(name, target, src_dir_fd=source.descriptor, follow_symlinks=False)
                    return 0
            _require_public(source, status, shown)
            if status.st_size > most:
                raise UnpublishableError(f"'{shown}' has {status.st_size:,} bytes, and {MOST_BYTES:,} are published of a release")
            _copy(file, status, target)
            return status.st_size
    except OSError as error:
        # A link, a socket, or a file that went meanwhile.
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.ENOENT) and not isinstance(error, UnpublishableError):
            return 0
        raise


def _require_public(source: _Source, status: os.stat_result, shown: str) -> None:
    """Refuse a file of somebody else that a hard link brought in: nobody publishes what he may not read.

    :raises PrivateFileError: for a file that not all may read, in a directory where others than its owner and root make names
    """
    directory = os.fstat(source.descriptor)
    is_closed = not directory.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    is_own = is_closed and directory.st_uid in (0, os.geteuid(), status.st_uid)
    if not status.st_mode & stat.S_IROTH and not is_own:
        raise PrivateFileError(f"not all may read '{shown}', and others than its owner may have put it there")


def _copy(file: int, status: os.stat_result, target: str) -> None:
    """Copy a file with its time, of which nginx makes entity tags."""
    copy = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(copy, "wb", closefd=False) as stream:
            for block in blocks(file, status.st_size):
                stream.write(block)
        os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
        os.fchmod(copy, _PUBLIC_MODE)
    finally:
        os.close(copy)
