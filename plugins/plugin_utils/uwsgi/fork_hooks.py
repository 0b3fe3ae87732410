# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Workers are forked while no thread of the application runs, where uWSGI can do that."""

from __future__ import annotations

import re
from collections.abc import Iterable

# With the hooks uWSGI releases the lock of the interpreter before these begin, and they run code of Python without it: gevent's early patch ends
# every start by a crash (2.0.30, on Python 3.11 and 3.13).
_ENGINES = re.compile(r"gevent.*|asyncio|async|greenlet|tornado\d*|ugreen")
_HOOKS = ("py-call-uwsgi-fork-hooks", True, "No thread of the application runs at a fork: the worker might hang (unbit/uwsgi#2387).")


def fork_hooks(options: Iterable[str]) -> list[tuple[str, bool, str]]:
    """Return the option of uWSGI with its reason, none beside an engine of greenlets or coroutines.

    :param options: names of other options of the process
    """
    return [] if any(_ENGINES.fullmatch(name) for name in options) else [_HOOKS]
