# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lines of an instance's log that tell why it failed, without those that uWSGI writes at each start and stop."""

from __future__ import annotations

import itertools
import re
import typing as t

_MOST_LINES, _MOST_CAUSES = 15, 3
# uWSGI 2.0.21 to 2.0.31 write these lines whatever the application does (core/uwsgi.c, plugins/python/python_plugin.c).
_ROUTINE = re.compile(
    r"\*\*\* (Starting uWSGI|Operational MODE|Stats server enabled|uWSGI is running|no app loaded)|compiled with version|os: |nodename: |machine: "
    r"|clock source: |pcre jit |detected (number of CPU|binary path|max file)|current working directory|chdir\(\) to |your (processes|memory"
    r"|server socket|mercy)|lock engine: |thunder lock: |uwsgi socket \d|Python (version: |main interpreter)|python threads support|--- Python VM"
    r"|mapped \d+ bytes|VACUUM: |unlink\(\): |running \"unix_signal|spawned uWSGI |spawned \d+ |\[uWSGI\] getting INI|WSGI app \d+ .* ready in"
    r"|SIGINT/SIGTERM received|worker \d+ buried after|goodbye to uWSGI"
)
_TRACEBACK = "Traceback (most recent call last)"
_CHAINED = re.compile(r"(The above exception was the direct cause|During handling of the above exception)")


def telling_lines(log: t.Sequence[str]) -> list[str]:
    """Return the last lines of a log that say something of the application, each of them once.

    A traceback that the application writes again and again is there once. The messages of exceptions that led to the last one
    are there in any case, since one of them says what has happened. If there is nothing but routine, its last lines are returned.
    """
    told = [line for line in log if line.strip() and not _ROUTINE.match(line)]
    starts = [number for number, line in enumerate(told) if line.startswith(_TRACEBACK)]
    own = [number for number in starts if not any(_CHAINED.match(line) for line in told[max(0, number - 1) : number])]
    if len(own) > 1:
        told = told[own[-1] :]
    shown = _once(told)[-_MOST_LINES:]
    causes = [line for line, following in itertools.pairwise(told) if _CHAINED.match(following) and line not in shown]
    return [*causes[-_MOST_CAUSES:], *shown] or list(log[-_MOST_LINES:])


def _once(lines: t.Sequence[str]) -> list[str]:
    """Return lines without those that come again with other numbers; an indented line belongs to the one before it."""
    seen: set[str] = set()
    kept: list[str] = []
    for line in reversed(lines):
        alike = re.sub(r"\d+", "0", line)
        if alike not in seen or line.startswith((" ", _TRACEBACK)):
            kept.append(line)
        seen.add(alike)
    return kept[::-1]
