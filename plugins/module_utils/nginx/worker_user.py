# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell whether the user of nginx's workers may reach the sockets that a configuration passes requests to."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import typing as t

from .dump import DumpedDirective


class _Worker(t.NamedTuple):
    uid: int
    groups: frozenset[int]

    def may_enter(self, directory: os.stat_result) -> bool:
        if self.uid in (0, directory.st_uid):
            return True
        wanted = stat.S_IXGRP if directory.st_gid in self.groups else stat.S_IXOTH
        return bool(directory.st_mode & wanted)


def unreached(top: t.Sequence[DumpedDirective], ours: t.Iterable[DumpedDirective]) -> t.Iterator[str]:
    """Return why the workers cannot reach a socket; nothing where no line names their user, or the socket has no directory yet.

    :param top: the directives of the main file
    :param ours: the directives of files whose ``server`` in an ``upstream`` counts
    """
    users = [directive for directive in top if directive.name == "user" and directive.args]
    worker = _worker(users[0].args) if users else None
    if worker is None:
        return
    for directive in ours:
        if directive.name != "server" or not directive.args or not directive.args[0].startswith("unix:"):
            continue
        path = os.path.dirname(directive.args[0].removeprefix("unix:"))
        try:
            directory = os.stat(path)
        except OSError:
            continue
        if not worker.may_enter(directory):
            group = _name(directory.st_gid)
            yield (
                f"{users[0].place} has `user {' '.join(users[0].args)};`, and the workers of nginx then may not enter {path}, where the socket of"
                f" an application is: write `user {group};` there, as the packages of the distribution do, or `user {users[0].args[0]} {group};`"
            )
            return


def _worker(words: t.Sequence[str]) -> _Worker | None:
    """Return the user as nginx takes it from the words of its directive, ``None`` for one that the host does not know."""
    try:
        user = pwd.getpwnam(words[0])
        # Without a second word the group of the same name, not the one of the account.
        group = grp.getgrnam(words[1] if len(words) > 1 else words[0]).gr_gid
    except KeyError:
        return None
    return _Worker(user.pw_uid, frozenset(os.getgrouplist(words[0], group)))


def _name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
