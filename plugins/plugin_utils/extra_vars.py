# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The variables of the command line (``-e``). Ansible splits their text at blanks: of ``-e command='ls -la'`` it takes ``command=ls``.

It says nothing of the words that it drops.
"""

from __future__ import annotations

import json
import re
import shlex
import typing as t

from ansible import context
from ansible.errors import AnsibleParserError
from ansible.parsing.splitter import join_args, split_args

# Ansible sets a variable of any name, such as `my-var`. An option of a command, such as `--app=shop`, is none that somebody means.
_NAME = re.compile(r"""[^\s'"=-][^\s'"=]*""")
# A word behind a value that was cut sets a variable if it begins so. An address such as `http://host/?a=b` belongs to the value.
_OTHER_VARIABLE = re.compile(r"[^\W\d][\w.-]*=")
_QUOTED = re.compile(r"""(["']).*\1""", re.DOTALL)
# Variables with a line of the shell, which may have words like `DEBUG=1`: a word behind such a line that has no quotes may belong to it.
_LINES_OF_SHELL = ("command",)
# A text that begins so is JSON, YAML, or the name of a file with variables.
_NO_WORDS = ("@", "{", "[")


def problem_of_extra_vars() -> str:
    """Return which value on the command line Ansible has cut, with the remedy; empty if there is none."""
    return next(filter(None, map(_problem, context.CLIARGS.get("extra_vars") or ())), "")


def _problem(text: str) -> str:
    try:
        # An empty variable of the shell, as in -e "$MORE", leaves blanks alone.
        words = [] if text.startswith(_NO_WORDS) or not text.strip() else split_args(text)
    except AnsibleParserError:
        return ""  # Ansible refuses such a text itself.
    started = -1
    for place, word in enumerate(words):
        if not _is_assignment(word) or (started >= 0 and _may_go_on(words[started])):
            return _words_dropped(words, started, word)
        started = place
    return ""


def _is_assignment(word: str) -> bool:
    name, equals, _value = word.partition("=")
    return bool(equals and _NAME.fullmatch(name))


def _may_go_on(word: str) -> bool:
    name, _equals, value = word.partition("=")
    return name in _LINES_OF_SHELL and not _QUOTED.fullmatch(value.strip())


def _words_dropped(words: t.Sequence[str], started: int, word: str) -> str:
    """Return the message about a word that belongs to no variable.

    :param started: the place of the variable before it, -1 if there is none
    """
    if started < 0:
        return f"-e has '{word}', which sets no variable; write -e NAME=VALUE."
    name, _equals, first = words[started].partition("=")
    end = _end_of_value(words, started)
    if name in _LINES_OF_SHELL and end < len(words):
        return _two_readings(words, started, end)
    whole = join_args(words[started:end]).partition("=")[2].strip()
    others = ", and each other variable in a -e of its own" if started or end < len(words) else ""
    return (
        f"{name} is '{whole}', of which Ansible takes '{first.strip()}' alone, since it splits what -e gets at blanks; write it as JSON{others}:"
        f" -e {_as_json(name, whole)}."
    )


def _end_of_value(words: t.Sequence[str], started: int) -> int:
    """Return the place behind the last word of a value. Words that set variables may follow; in a line of the shell, they do so at its end."""
    is_other = [bool(_OTHER_VARIABLE.match(word)) for word in words]
    at_end = words[started].partition("=")[0] in _LINES_OF_SHELL
    places = range(started + 1, len(words))
    return next((place for place in places if is_other[place] and (not at_end or all(is_other[place:]))), len(words))


def _two_readings(words: t.Sequence[str], started: int, end: int) -> str:
    """Return the message about a line of the shell whose last words may be its own, as in ``env DEBUG=1``, or set other variables."""
    name, *values = words[started].partition("=")[0], join_args(words[started:]), join_args(words[started:end])
    whole, short = (value.partition("=")[2].strip() for value in values)
    rest = " ".join(f"-e {shlex.quote(word.strip())}" for word in words[end:])
    others = " Write each other variable in a -e of its own." if started else ""
    return (
        f"-e has {name}={whole}, which Ansible splits at blanks. If {name} is '{whole}', write -e {_as_json(name, whole)} in its place."
        f" If {name} is '{short}', write -e {_as_json(name, short)} {rest} in its place.{others}"
    )


def _as_json(name: str, value: str) -> str:
    return shlex.quote(json.dumps({name: value}, ensure_ascii=False))
