# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The program that a timer starts when nobody has confirmed a switch in time: it goes back to the instance that was live before.

The action plugin uwsgi_instance packs it, with the parts of the collection that it imports, into one file for the host.
"""

from __future__ import annotations

import sys

from flaskops.host import lock
from flaskops.host.command import CommandError
from flaskops.host.shown import clean
from flaskops.instance.verdict import expire

# A run that builds and migrates holds the lock for minutes, and it may end the trial itself.
LOCK_SECONDS = 3600


def main(path: str) -> int:
    try:
        with lock.held("a trial that nobody has confirmed", LOCK_SECONDS):
            failures = expire(path)
    except (lock.LockedError, CommandError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(clean("\n".join(failures.values())) or "the trial has ended", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
