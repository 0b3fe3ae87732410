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
import itertools
import os
import pwd
import stat
import typing as t

from . import lock
from .command import ANY_STATUS, run

# For a directory inside another one. Opening a named pipe that took its place does not wait.
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# open(2) fails with one of these where nothing is, or where a link or something else took the place of what is wanted.
ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO)
# Every level takes a descriptor while the levels below it are walked.
_DEEPEST = 128
# The files of a release or a virtualenv may have this size together, and there may be so many of them; each is read once.
MOST_BYTES = 8 * 2**30
_MOST_ENTRIES = 1_000_000
_BLOCK = 2**20
# Times of files lie in the twenty years from 2000-01-01, never in the future: in the first ten those of files that were sent, and in the
# other ten those of files that the host has made of them. A sent file has an older time until then, which is 1980-01-02: a zip file, such as
# a wheel that is built of it, has no time before 1980.
SENT_DATE = 315_619_200
_FIRST_DATE, _DATES = 946_684_800, 315_576_000
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
        raise _too_deep(path)
    if not bottom_up:
        yield directory, path
    for name in subdirectories(directory):
        if name.startswith(".") and not hidden:
            continue
        try:
            inner = os.open(name, DIRECTORY, dir_fd=directory)
        except OSError as error:
            if changing and error.errno in ABSENT:
                continue
            raise
        try:
            yield from walk(inner, f"{path}/{name}" if path else name, bottom_up, changing, hidden)
        finally:
            os.close(inner)
    if bottom_up:
        yield directory, path


def _too_deep(path: str) -> TreeError:
    where = "/".join(path.split("/")[:4])
    return TreeError(f"below '{where}' there are more than {_DEEPEST} directories inside each other; have nothing make so many")


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
    _give(tree, user, group, dated=False)


def settle(tree: str) -> None:
    """Give a tree that root has unpacked to root alone, and every file a time that follows from its content."""
    _give(tree, os.geteuid(), os.getegid(), dated=True)


def _give(tree: str, user: int, group: int, dated: bool) -> None:
    with opened(tree, DIRECTORY) as top:
        for directory, _path in walk(top, "", bottom_up=True):
            for name in others(directory):
                _give_entry(name, directory, user, group, dated)
            os.fchmod(directory, os.fstat(directory).st_mode & _KEPT_MODE)
            os.fchown(directory, user, group)


def _give_entry(name: str, directory: int, user: int, group: int, dated: bool) -> None:
    if not stat.S_ISREG(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
        os.chown(name, user, group, dir_fd=directory, follow_symlinks=False)
        return
    with opened(name, FILE, directory) as file:
        status = os.fstat(file)
        if dated:
            digest = hashlib.sha256()
            for block in blocks(file, status.st_size):
                digest.update(block)
            date = _date(digest.digest(), made=status.st_mtime > SENT_DATE)
            os.utime(file, (date, date))
        os.fchmod(file, status.st_mode & _KEPT_MODE)
        os.fchown(file, user, group)


def copy_from_user(tree: str, target: str, user: int, dated: bool = False) -> None:
    """Copy a tree of a user's into a new one of root's, where nobody else writes.

    It is a copy since a process of that user may still have a file of the tree open, and would go on writing to it.

    :param target: where nothing is yet
    :param user: whose all of the tree has to be
    :param dated: whether every file gets a time that follows from its content instead of the time that it has
    :raises TreeError: for what is no file, directory or link, for an entry of somebody else, and for more than there is time to copy
    """
    os.mkdir(target, 0o700)
    copy = _Copy(user, dated)
    with opened(tree, DIRECTORY) as source, opened(target, DIRECTORY) as place:
        for inner, inner_place, path in _pairs(source, place, ""):
            copy.fill(inner, inner_place, path)


def _pairs(source: int, place: int, path: str) -> t.Iterator[tuple[int, int, str]]:
    """Yield descriptors of a directory and of its copy, then of all below; the caller makes the copies of subdirectories meanwhile."""
    if path.count("/") > _DEEPEST:
        raise _too_deep(path)
    yield source, place, path
    for name in subdirectories(place):
        with opened(name, DIRECTORY, source) as inner, opened(name, DIRECTORY, place) as inner_place:
            yield from _pairs(inner, inner_place, f"{path}/{name}".lstrip("/"))


class _Copy:
    """The copy of one tree, up to a number of entries and of bytes."""

    def __init__(self, user: int, dated: bool) -> None:
        self.user, self.dated = user, dated
        self.entries_left, self.bytes_left = _MOST_ENTRIES, MOST_BYTES

    def fill(self, source: int, place: int, path: str) -> None:
        """Copy what is in a directory into an empty one, and its permissions; directories in it are made and not filled."""
        with os.scandir(source) as entries:
            # One more than there may be: a build can make more names than fit into the memory of the host.
            names = sorted(entry.name for entry in itertools.islice(entries, self.entries_left + 1))
        self.entries_left -= len(names)
        if self.entries_left < 0:
            raise TreeError(f"a release and its virtualenv may have {_MOST_ENTRIES:,} files each. Keep data in shared/")
        for name in names:
            self._entry(name, source, place, f"{path}/{name}".lstrip("/"))
        os.fchmod(place, os.fstat(source).st_mode & _KEPT_MODE)

    def _entry(self, name: str, source: int, place: int, path: str) -> None:
        status = os.stat(name, dir_fd=source, follow_symlinks=False)
        if status.st_uid != self.user:
            raise TreeError(
                f"'{path}' is a file of {_user_name(status.st_uid)} and not of {_user_name(self.user)}, who built the rest: a hard link."
                " Have the source and what it installs make files of their own"
            )
        if stat.S_ISDIR(status.st_mode):
            os.mkdir(name, 0o700, dir_fd=place)
        elif stat.S_ISLNK(status.st_mode):
            os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=place)
        elif stat.S_ISREG(status.st_mode):
            self._file(name, source, place, path)
        else:
            raise TreeError(f"'{path}' is a named pipe, a socket or a device. Have the build remove it: a release has files and links")

    def _file(self, name: str, source: int, place: int, path: str) -> None:
        new = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with opened(name, FILE, source) as file, opened(name, new, place) as copy:
            status = os.fstat(file)
            self.bytes_left -= status.st_size
            if self.bytes_left < 0 or not stat.S_ISREG(status.st_mode):
                raise TreeError(
                    f"'{path}' has {status.st_size:,} bytes, and the files of a release may have {MOST_BYTES:,} together."
                    " Keep large data in shared/"
                )
            digest = hashlib.sha256()
            for block in blocks(file, status.st_size):
                _write(copy, block)
                if self.dated:
                    digest.update(block)
            os.fchmod(copy, status.st_mode & _KEPT_MODE)
            os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
            if self.dated:
                date = _date(digest.digest(), made=status.st_mtime > SENT_DATE)
                os.utime(copy, (date, date))


def _write(file: int, block: bytes) -> None:
    while block:
        block = block[os.write(file, block) :]


def _date(digest: bytes, made: bool) -> int:
    """Return a time that follows from the content of a file.

    Flask and nginx make entity tags of time and size: a file that changed must have another time, the same file on another host or
    in the next release must not. Bundlers of assets make a bundle again that is older than a file of it, and a release cannot be written to.

    :param made: whether the host has made the file, as by a build hook
    """
    return _FIRST_DATE + _DATES * made + int.from_bytes(digest[:4], "big") % _DATES


def _user_name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


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
