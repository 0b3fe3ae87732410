# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The name of the user of this process, also where the user has no account, as in containers that run with any number."""

from __future__ import annotations

import getpass
import os


def user_name() -> str:
    """Return the name of the user of this process, its number if it has no account."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # OSError since Python 3.13
        return str(os.getuid())
