# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The system user of an application: whether it is one of ours, and its removal.

Files of a removed user may be left somewhere. They would belong to whoever gets the number of that user next, so no application does.
"""

from __future__ import annotations

import grp
import os
import pwd

from ..host.command import ANY_STATUS, run
from ..host.files import read_text, write_atomically
from ..host.processes import end_all_of

# The numbers of users that were removed, one in each line.
_RETIRED = "/var/lib/flaskops/retired-users"
# Where systemd-sysusers takes numbers from (sysusers.d(5)).
_HIGHEST, _LOWEST = 999, 100


def description(app_name: str) -> str:
    """Return the GECOS field of an application's user, by which a user is known to be ours."""
    return f"Flask application {app_name}"


def remove(user: str, app_name: str) -> None:
    """End all processes of an application's user and remove it. A user that somebody else has made stays as it is.

    :raises OSError: if processes of the user cannot be ended
    """
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return
    if entry.pw_gecos != description(app_name):
        return
    end_all_of(entry.pw_uid)
    numbers = sorted({*_retired(), entry.pw_uid})
    os.makedirs(os.path.dirname(_RETIRED), mode=0o700, exist_ok=True)
    write_atomically(_RETIRED, "".join(f"{number}\n" for number in numbers), 0o600)
    run(["userdel", user], accepted=ANY_STATUS)


def is_of(user: str, app_name: str, number: int) -> bool:
    """Return whether a number is that of an application's user which we have made."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return False
    return entry.pw_uid == number and entry.pw_gecos == description(app_name)


def is_retired(number: int) -> bool:
    """Return whether a number was that of an application's user which has been removed."""
    return number in _retired()


def add_with_new_number(user: str, app_name: str, home: str) -> None:
    """Make the user of an application that is not there yet, with a number that no removed user had.

    Where no user was ever removed, systemd-sysusers chooses the number later.

    :raises CommandError: if it cannot be made
    """
    if not _retired() or _exists(user):
        return
    taken = {*_retired(), *(entry.pw_uid for entry in pwd.getpwall()), *(entry.gr_gid for entry in grp.getgrall())}
    number = next((number for number in range(_HIGHEST, _LOWEST, -1) if number not in taken), "-")
    run(["systemd-sysusers", "--inline", f'u {user} {number} "{description(app_name)}" {home} /usr/sbin/nologin'])


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _retired() -> set[int]:
    return {int(line) for line in (read_text(_RETIRED) or "").split() if line.isdigit()}
