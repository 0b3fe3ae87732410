# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find the known cause of a failure in what a program wrote, and put it first in the message."""

from __future__ import annotations

import re
import typing as t

from .command import CommandError
from .known_causes import CAUSES, Cause
from .shown import excerpt

# The cause is among the last lines; foreign code may write any number of them, of any length.
_LINES, _LINE, _VALUE = 500, 2000, 120

# Python writes it between two errors of which the second came up in the code that dealt with the first.
_HANDLED = "During handling of the above exception, another exception occurred:"

# Answers to the questions of the table, by their names: each takes a module's name and returns a text, empty for no.
Facts = t.Mapping[str, t.Callable[[str], str]]


def known_cause(words: t.Iterable[str], at: str, facts: Facts | None = None) -> str:
    """Return cause and remedy as two sentences, the first without a capital; empty if the cause is not known.

    :param words: the lines that a program wrote
    :param at: who wrote them, one of the constants of ``known_causes.py``
    :param facts: answers about the release; a row whose question has no answer does not fit
    """
    # Cut by excerpt, which hides secrets before it cuts.
    lines = [excerpt(line, _LINE) for line in list(words)[-_LINES:]]
    handled = [place for place, line in enumerate(lines) if _HANDLED in line]
    # The program went on after the error that it handled, so what it ended with counts first.
    return (handled and _cause(lines[handled[-1] :], at, facts)) or _cause(lines, at, facts)


def _cause(lines: list[str], at: str, facts: Facts | None) -> str:
    for cause in CAUSES:
        found = next(_finds(cause, lines), None) if at in cause.at else None
        if found is None or (cause.unless and any(re.search(cause.unless, line) for line in lines)):
            continue
        values = _values(found)
        if cause.fact:
            answer = (facts or {}).get(cause.fact, lambda _name: "")(values["name"])
            if not answer:
                continue
            values["found"] = answer
        remedy = cause.remedy.format_map(values)
        return f"{cause.says.format_map(values)}. {remedy[0].upper()}{remedy[1:]}."
    return ""


def with_cause(cause: str, message: str) -> str:
    """Return a message with the cause before it, if there is one."""
    return f"{cause}\n{message[0].upper()}{message[1:]}" if cause else message


def explain(error: CommandError, at: str, facts: Facts | None = None) -> None:
    """Put the cause before the message of a command's error, if it is known."""
    cause = known_cause(error.lines, at, facts)
    if cause:
        error.args = (with_cause(cause, error.message),)


def _finds(cause: Cause, lines: t.Sequence[str]) -> t.Iterator[re.Match[str]]:
    """Yield what fits, from the last line backwards: an earlier failure may have been mended."""
    pattern = re.compile(cause.pattern)
    yield from filter(None, map(pattern.search, reversed(lines)))


def _values(found: re.Match[str]) -> dict[str, str]:
    """Return the groups by name; ``path2`` is another place of the pattern for ``path``."""
    return {name.rstrip("0123456789"): value[:_VALUE] for name, value in found.groupdict().items() if value is not None}
