# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make the directories and files of the system that a host was found to lack; see :mod:`.lacks`."""

from __future__ import annotations

import contextlib
import grp
import os
import typing as t

from . import systemd
from .files import plain_umask, read_text, unlink, write_atomically

_FILE_MODE = 0o644


class ProvideError(Exception):
    """A directory or a file cannot be made; the message names it."""


@plain_umask()
def provide(directories: t.Mapping[str, str], files: t.Mapping[str, str]) -> None:
    """Make directories and files of root's, and have systemd read its settings again if they are among the files.

    Their parents are directories in which only root makes names.

    :param directories: permissions and group by path, as :func:`~.lacks.wrong_directories` takes them
    :param files: texts by path
    :raises ProvideError: if one cannot be made
    :raises SystemdError: if systemd does not read its settings
    """
    for path, rights in directories.items():
        with _told(path):
            _make_directory(path, *rights.split())
    has_units = any(path.startswith(f"{systemd.UNIT_DIR}/") for path in files)
    if has_units:
        with _told(systemd.UNREAD):
            write_atomically(systemd.UNREAD, "", 0o600)
    for path, text in files.items():
        with _told(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            write_atomically(path, text, _FILE_MODE)
    if has_units:
        systemd.daemon_reload()
        unlink(systemd.UNREAD)


def differences(directories: t.Mapping[str, str], files: t.Mapping[str, str]) -> list[dict[str, str]]:
    """Return what would be made, in the form of Ansible's differences."""
    made = [(path, "", f"directory {rights}\n") for path, rights in directories.items()]
    made += [(path, read_text(path) or "", text) for path, text in files.items()]
    return [{"before_header": path, "after_header": path, "before": before, "after": after} for path, before, after in made]


@contextlib.contextmanager
def _told(path: str) -> t.Iterator[None]:
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename not in (None, path) else ""
        raise ProvideError(f"{path} cannot be made: {error.strerror}{where}") from error


def _make_directory(path: str, mode: str, group: str = "root") -> None:
    """Make a directory, or give it the owner and the permissions that it is to have. An administrator may have put a link in its place."""
    try:
        number = grp.getgrnam(group).gr_gid
    except KeyError:
        raise ProvideError(f"{path} cannot be made: the host has no group {group}; make the group") from None
    with contextlib.suppress(FileExistsError):
        # Nobody else looks into it before it has its owner and group.
        os.mkdir(path, 0o700)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fchown(descriptor, 0, number)
        os.fchmod(descriptor, int(mode, 8))
    finally:
        os.close(descriptor)
