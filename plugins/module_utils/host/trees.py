# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Work of root in trees that somebody else owned a moment ago, or still owns.

A process of that user may exchange a file for a link between two calls, so everything here goes by descriptors: a directory is opened
inside its parent and never through a link, and a file is looked at through the descriptor that is worked with.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import pwd
import stat
import typing as t

from . import lock
from .command import ANY_STATUS, run

# For a directory inside another one. Opening a named pipe that took its place does not wait.
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# Every level takes a descriptor while the levels below it are walked.
_DEEPEST = 128
# The files of a release may have this size together; each is read once.
MOST_BYTES = 8 * 2**30
_BLOCK = 2**20
# Times of files lie in the twenty years from 2000-01-01: never in the future.
_FIRST_DATE, _DATES = 946_684_800, 631_152_000
# A copied file keeps these bits of its mode: no setuid and setgid, and only the owner writes.
_KEPT_MODE = 0o755


class TreeError(OSError):
    """A tree that root does not work in; the message names the entry and says what to do."""


@contextlib.contextmanager
def opened(name: str, flags: int, directory: int | None = None) -> t.Iterator[int]:
    """Open something for as long as the block lasts."""
    descriptor = os.open(name, flags, dir_fd=directory)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def walk(directory: int, path: str, bottom_up: bool = False, changing: bool = False, hidden: bool = True) -> t.Iterator[tuple[int, str]]:
    """Yield a descriptor and the path of a directory and of every directory below it.

    Subdirectories are looked up after the caller has had their parent, unless it is ``bottom_up``.

    :param path: what messages call the directory
    :param changing: whether what is gone or no directory any more is passed over
    :param hidden: whether directories count whose names begin with a dot
    :raises TreeError: for directories inside each other without end
    """
    if path.count("/") > _DEEPEST:
        where = "/".join(path.split("/")[:4])
        raise TreeError(f"below '{where}' there are more than {_DEEPEST} directories inside each other; have nothing make so many")
    if not bottom_up:
        yield directory, path
    for name in subdirectories(directory):
        if name.startswith(".") and not hidden:
            continue
        try:
            inner = os.open(name, DIRECTORY, dir_fd=directory)
        except OSError as error:
            if changing and error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                continue
            raise
        try:
            yield from walk(inner, f"{path}/{name}" if path else name, bottom_up, changing, hidden)
        finally:
            os.close(inner)
    if bottom_up:
        yield directory, path


def subdirectories(directory: int) -> list[str]:
    """Return the names of directories in a directory; a link to one is none."""
    with os.scandir(directory) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))


def others(directory: int) -> list[str]:
    """Return the names of everything in a directory that is no directory."""
    with os.scandir(directory) as entries:
        return sorted(entry.name for entry in entries if not entry.is_dir(follow_symlinks=False))


def give_to_user(tree: str, user: int, group: int) -> None:
    """Hand a tree of root's over to a user.

    From the bottom up, modes before owners: the user gets a directory when root has done everything in it.
    """
    with opened(tree, DIRECTORY) as top:
        for directory, _path in walk(top, "", bottom_up=True):
            for name in others(directory):
                _give_entry(name, directory, user, group)
            os.fchmod(directory, os.fstat(directory).st_mode & _KEPT_MODE)
            os.fchown(directory, user, group)


def _give_entry(name: str, directory: int, user: int, group: int) -> None:
    if stat.S_ISREG(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
        with opened(name, FILE, directory) as file:
            os.fchmod(file, os.fstat(file).st_mode & _KEPT_MODE)
            os.fchown(file, user, group)
    else:
        os.chown(name, user, group, dir_fd=directory, follow_symlinks=False)


def take_from_user(tree: str, user: int) -> None:
    """Hand a tree over to root, links themselves and not what they point to, and let nobody else write to it.

    From the top down, each directory before anything is looked up in it: from then on the user can neither make nor exchange a name
    there, and what a process of his has made until then is found. Owners go before modes, which an owner could change back.

    :param user: whose all of it has to be
    :raises TreeError: for an entry of somebody else, which only a hard link brings into a tree
    """
    with opened(tree, DIRECTORY) as top:
        for directory, path in walk(top, ""):
            os.fchown(directory, 0, 0)
            os.fchmod(directory, os.fstat(directory).st_mode & _KEPT_MODE)
            for name in others(directory):
                _take_entry(name, directory, user, f"{path}/{name}".lstrip("/"))


def _take_entry(name: str, directory: int, user: int, path: str) -> None:
    """Take an entry of a directory that is root's already, so that the name stays what it is."""
    status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if status.st_uid != user:
        raise TreeError(
            f"'{path}' is a file of {_user_name(status.st_uid)} and not of {_user_name(user)}, who built the rest: a hard link."
            " Have the source and what it installs make files of their own"
        )
    if stat.S_ISREG(status.st_mode):
        with opened(name, FILE, directory) as file:
            os.fchown(file, 0, 0)
            os.fchmod(file, os.fstat(file).st_mode & _KEPT_MODE)
        return
    os.chown(name, 0, 0, dir_fd=directory, follow_symlinks=False)
    # The mode of a link means nothing. A named pipe or a socket cannot be opened without consequences.
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(name, status.st_mode & _KEPT_MODE, dir_fd=directory)


def _user_name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def date_by_content(tree: str) -> None:
    """Give every file of a tree of root's a time that follows from its content.

    Flask and nginx make entity tags of time and size: a file that changed must have another time, the same file on another host or
    in the next release must not.

    :raises TreeError: for more than there is time to read, such as a file that is one large hole
    """
    left = MOST_BYTES
    with opened(tree, DIRECTORY) as top:
        for directory, path in walk(top, ""):
            for name in others(directory):
                if stat.S_ISREG(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
                    left -= _date_file(name, directory, left, f"{path}/{name}".lstrip("/"))


def _date_file(name: str, directory: int, most: int, path: str) -> int:
    """Date a file and return its size."""
    with opened(name, FILE, directory) as file:
        size = os.fstat(file).st_size
        if size > most:
            raise TreeError(
                f"'{path}' has {size:,} bytes, and the files of a release may have {MOST_BYTES:,} together. Keep large data in shared/"
            )
        digest = hashlib.sha256()
        for block in blocks(file, size):
            digest.update(block)
        seconds = _FIRST_DATE + int.from_bytes(digest.digest()[:4], "big") % _DATES
        os.utime(file, (seconds, seconds))
    return size


def blocks(file: int, size: int) -> t.Iterator[bytes]:
    """Yield the content of a file up to a size; a file that grows meanwhile has no end."""
    while size > 0:
        block = os.read(file, min(_BLOCK, size))
        if not block:
            return
        size -= len(block)
        yield block


def remove(tree: str) -> None:
    """Remove a tree or a file, if it is there.

    rm(1) opens each directory inside its parent, does not wait for a named pipe that took the place of one, and needs neither recursion
    nor a descriptor for each level. The next run waits for it as for any other command of a run that was killed.

    :raises TreeError: if something is left
    """
    done = run(["rm", "-rf", "--one-file-system", "--", tree], ANY_STATUS, pass_fds=lock.inherited())
    if done.status != 0:
        raise TreeError(f"{tree} cannot be removed: {(done.lines or ['rm gave no reason'])[-1]}")
