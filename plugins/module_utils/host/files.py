# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files, links and trees on a host: each is the old or the new one at any instant, and on the disk when its writer says so."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
import typing as t

_PARTIAL = ".partial"
# Far more than dpkg's list of packages, the largest file that is read whole.
_MOST_BYTES = 64 * 2**20
# open(2) fails with one of these if there is no regular file but nothing, a link or a socket.
_NO_FILE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENXIO}
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
# renameat2(2) fails with one of these if two directories cannot be exchanged.
_CANNOT_EXCHANGE = {errno.EXDEV, errno.EBUSY, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM}
_OCTAL = re.compile(r"\\([0-7]{3})")  # mountinfo writes a blank as \040


@contextlib.contextmanager
def plain_umask() -> t.Iterator[None]:
    """Make what is created readable for all where its mode says so, on hosts with a strict umask (CIS: 027) too."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


def read_text(path: str, follow: bool = False) -> str | None:
    """Return the text of a regular file, ``None`` where there is none; a named pipe or a device is not waited for.

    :param follow: whether a link at ``path`` is followed, as for files of the distribution
    :raises OSError: if the file cannot be read or is larger than any of ours
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW))
    except OSError as error:
        if error.errno in _NO_FILE:
            return None
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(_MOST_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > _MOST_BYTES:
        raise OSError(errno.EFBIG, "The file is larger than any of ours; remove it", path)
    return content.decode(errors="surrogateescape")


def digest_of(text: str) -> str:
    """Return the SHA-256 of a text as :func:`read_text` returns it."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def read_link(path: str) -> str | None:
    """Return what a symlink says, ``None`` where there is no symlink."""
    try:
        return os.readlink(path)
    except OSError:
        return None


def partials(directory: str) -> list[str]:
    """Return the paths of what was not completed in a directory because its writer was killed.

    A directory is never one of them: in a directory of an application's user it is that user's own.
    """
    try:
        with os.scandir(directory) as entries:
            found = [entry for entry in entries if entry.name.startswith(".") and entry.name.endswith(_PARTIAL)]
            return [entry.path for entry in found if not entry.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _partial(path: str) -> str:
    """Return a name beside ``path`` that nobody can foresee, and remove what killed runs have left of the same path."""
    directory, name = os.path.split(path)
    for left in partials(directory or "."):
        if os.path.basename(left).startswith(f".{name}.") and not _is_being_written(left, name):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(left)
    return os.path.join(directory, f".{name}.{os.getpid()}-{secrets.token_hex(8)}{_PARTIAL}")


def _is_being_written(partial: str, name: str) -> bool:
    """Return whether the process that began a partial file is another one and still there, as that of a run beside this one."""
    process = os.path.basename(partial)[len(f".{name}.") :].partition("-")[0]
    return process.isdigit() and process != str(os.getpid()) and os.path.exists(f"/proc/{process}")


def write_atomically(path: str, text: str | bytes, mode: int, group: int = 0) -> None:
    """Put ``text``, or bytes as they are, under ``path`` by one rename, owned by root and ``group``.

    :raises OSError: if it cannot be written, or the path is a directory that somebody keeps something in
    """
    partial = _partial(path)
    # The file is new and no link. Its mode is set before the content is written, so that nobody reads a secret meanwhile.
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            if os.geteuid() == 0:
                os.fchown(descriptor, 0, group)
            os.fchmod(descriptor, mode)
            file.write(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(descriptor)
        try:
            os.replace(partial, path)
        except IsADirectoryError:
            os.rmdir(path)
            os.replace(partial, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise


def link_atomically(target: str, path: str) -> bool:
    """Make ``path`` a symlink to ``target`` by one rename; return whether it was another one before."""
    if read_link(path) == target:
        return False
    partial = _partial(path)
    os.symlink(target, partial)
    try:
        os.rename(partial, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise
    return True


def fsync(path: str) -> None:
    """Wait until a file or directory is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_filesystem(path: str) -> None:
    """Wait until the file system of a path is on the disk, all files below it by one call (syncfs(2), Linux 2.6.39 and glibc 2.14).

    :raises OSError: if it could not be written
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(handle) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
    finally:
        os.close(handle)


def unlink(path: str) -> None:
    if os.path.lexists(path):
        os.unlink(path)


def is_directory(path: str, mode: int, user: int, group: int, follow: bool = False) -> bool:
    """Return whether a directory is at a path with these permissions and owners.

    :param follow: whether a link to such a directory is one, too, as where root alone makes names
    """
    try:
        status = os.stat(path) if follow else os.lstat(path)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (mode, user, group)


def names_in(directory: str) -> list[str]:
    """Return the names in a directory in order, none where there is no directory."""
    try:
        return sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []


def walk(directory: str) -> t.Iterator[os.DirEntry[str]]:
    with os.scandir(directory) as entries:
        for entry in entries:
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from walk(entry.path)


def mounts_at_or_below(path: str, mountinfo: str = "/proc/self/mountinfo") -> list[str]:
    """Return the mount points that are a path or lie below it."""
    try:
        with open(mountinfo, encoding="utf-8", errors="surrogateescape") as handle:
            points = [_OCTAL.sub(lambda code: chr(int(code[1], 8)), line.split()[4]) for line in handle]
    except OSError:
        return []
    return sorted(point for point in points if point == path or point.startswith(f"{path}/"))


def remove_tree(path: str) -> None:
    """Delete a tree, unless something is mounted in it: that would be deleted with it."""
    if os.path.isdir(path) and not os.path.islink(path) and not mounts_at_or_below(path):
        shutil.rmtree(path)


def copy_tree(source: str, target: str) -> None:
    """Copy what is in a directory into another existing one.

    Files become hard links, so nothing of them can be lost or differ; where links are not possible, copies.
    Nothing may therefore be opened for writing in the copy: replace files, never edit them.
    """
    with os.scandir(source) as entries:
        for entry in entries:
            to_path = os.path.join(target, entry.name)
            if entry.is_dir(follow_symlinks=False):
                os.mkdir(to_path, 0o700)
                copy_attributes(entry.path, to_path)
                copy_tree(entry.path, to_path)
                copy_attributes(entry.path, to_path)  # again: filling it changed its mtime
            else:
                link_or_copy(entry.path, to_path)


def link_or_copy(source: str, target: str) -> None:
    """Make a path where nothing is the same file or symlink as another one."""
    try:
        os.link(source, target, follow_symlinks=False)
        return
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP):
            raise
    mode = os.lstat(source).st_mode
    if stat.S_ISREG(mode) or stat.S_ISLNK(mode):  # sockets and devices cannot be copied
        shutil.copyfile(source, target, follow_symlinks=False)
        copy_attributes(source, target)
        if stat.S_ISREG(mode):
            fsync(target)


def copy_attributes(source: str, target: str) -> None:
    """Give a path the owner, mode, times and extended attributes (ACLs, SELinux labels) of another one."""
    info = os.lstat(source)
    with contextlib.suppress(PermissionError):
        os.chown(target, info.st_uid, info.st_gid, follow_symlinks=False)
    shutil.copystat(source, target, follow_symlinks=False)


def write_through(path: str, text: str | bytes, mode: int) -> None:
    """Write as :func:`write_atomically`, and have the name on the disk too when this returns: after a power cut, it is the new file.

    For what a next run has to find, such as the mark of a change that is not committed yet. It costs one more wait for the disk.
    """
    write_atomically(path, text, mode)
    fsync(os.path.dirname(path))


def remove_partials(path: str) -> None:
    """Remove what writers of one path have left that were killed. No writer of it may be at work."""
    for left in partials(os.path.dirname(path)):
        if os.path.basename(left).startswith(f".{os.path.basename(path)}."):
            remove_path(left)


def write_file(path: str, content: bytes, mode: int, group: int = 0) -> None:
    """Make a file where there is none yet. It belongs to root and ``group``, and its content is on the disk when this returns."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        if os.geteuid() == 0:
            os.fchown(stream.fileno(), 0, group)
        os.fchmod(stream.fileno(), mode)
        stream.flush()
        os.fsync(stream.fileno())


def remove_path(path: str) -> None:
    """Remove a file, a link or an empty directory, if it is there."""
    if os.path.isdir(path) and not os.path.islink(path):
        os.rmdir(path)
    elif os.path.lexists(path):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def fsync_dirs(tree: str) -> None:
    """Wait until every directory of a tree, and the one that holds it, is on the disk."""
    for directory in [entry.path for entry in walk(tree) if entry.is_dir(follow_symlinks=False)]:
        fsync(directory)
    fsync(tree)
    fsync(os.path.dirname(tree))


def exchange(one: str, other: str) -> bool:
    """Swap two directories in one step, and return ``False`` where the system cannot.

    :raises OSError: for other reasons, such as a directory that is not there
    """
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        fsync(os.path.dirname(one))
        return True
    number = ctypes.get_errno()
    if number in _CANNOT_EXCHANGE:
        return False
    raise OSError(number, os.strerror(number), one)
