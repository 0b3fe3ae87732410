# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The user of this process, who may have no account, as in containers that run with any number."""

from __future__ import annotations

import getpass
import os


def user_name() -> str:
    """Return the name of the user of this process, its number if it has no account."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # OSError since Python 3.13
        return str(os.getuid())


def not_root() -> str:
    """Return the message for a module that needs root, empty where it has root."""
    if os.geteuid() == 0:
        return ""
    return f"The play runs as {user_name()} on the host, and the roles need root there; set become: true for the play."
