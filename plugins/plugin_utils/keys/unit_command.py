# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The key of a command that a unit runs: one program, whose place the shell that reads the command makes room for."""

from __future__ import annotations

import re

from .key import Key

# Parts of a command in which operators are no operators (POSIX, Shell Command Language, 2.2 to 2.7): quotes, a character after a backslash,
# substitutions, redirections such as 2>&1, and a comment.
_APART = re.compile(
    r"""
    '[^']*' | "(?:\\.|[^"\\])*" | \\. | `(?:\\.|[^`\\])*`
    | \$\((?:[^()]|\([^()]*\))*\) | \$\{[^}]*\}
    | [<>]+[&|]? | (?<!\S)\#.*
    """,
    re.VERBOSE,
)
_OPEN = re.compile(r"['\"`\\]")
# Operators between commands, and parentheses around them.
_SEVERAL = re.compile(r"[;|&]+|[()]")
# Only a shell sets variables before a program, and here the program has taken its place.
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")


def advice(command: str) -> str:
    """Return what to write instead of a command that is not one program with its arguments, empty for one that is.

    The shell gives its place to the program (``exec``), so what follows ``;`` or ``&&`` would never run, and a shell before a pipe would
    get the stop signal.
    """
    if _ASSIGNMENT.match(command):
        return f"begin with env, as in env {command}"
    plain = _APART.sub("_", command)
    if found := _OPEN.search(plain):
        return f"it has a {found[0]} without an end; write a program and its arguments as a shell reads them"
    if found := _SEVERAL.search(plain):
        return f"a unit runs one program, and {found[0]} is for several; write sh -c '…' around all of it"
    return ""


UNIT_COMMAND = Key(
    "str",
    "A program with its arguments.",
    pattern=r"[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*",
    remedy="write a program and its arguments in one line, such as celery -A shop.tasks worker",
    advice=advice,
)
