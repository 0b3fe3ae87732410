# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Directories and files of the system that are not as a role wants them."""

from __future__ import annotations

import grp
import os
import typing as t

from . import systemd
from .files import digest_of, is_directory, read_text


def wrong_directories(wanted: t.Mapping[str, str]) -> list[str]:
    """Return the directories that are not there, or not root's, or have another group or other permissions.

    Their parents are directories in which only root makes names, so an administrator may have put a link in the place of one.

    :param wanted: permissions, octal, by path; a group other than root's follows after a blank, as in ``0750 www-data``
    """
    return [path for path, rights in wanted.items() if not _is_roots(path, *rights.split())]


def _is_roots(path: str, mode: str, group: str = "root") -> bool:
    try:
        return is_directory(path, int(mode, 8), 0, grp.getgrnam(group).gr_gid, follow=True)
    except KeyError:
        return False


def wrong_files(wanted: t.Mapping[str, str]) -> list[str]:
    """Return the files that are not there or have another text, or that systemd has not read since a run was killed or failed.

    :param wanted: texts by path
    """
    unread = f"{systemd.UNIT_DIR}/" if os.path.lexists(systemd.UNREAD) else None
    return [path for path, text in wanted.items() if read_text(path) != text or (unread and path.startswith(unread))]


def wrong_digests(wanted: t.Mapping[str, str]) -> list[str]:
    """Return the files that are not there or have another content; links are followed.

    :param wanted: SHA-256 by path
    """
    texts = {path: read_text(path, follow=True) for path in wanted}
    return [path for path, text in texts.items() if text is None or digest_of(text) != wanted[path]]
