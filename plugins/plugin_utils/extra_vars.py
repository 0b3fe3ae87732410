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

_NAME = re.compile(r"[A-Za-z_]\w*")
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
        words = [] if text.startswith(_NO_WORDS) else split_args(text)
    except AnsibleParserError:
        return ""  # Ansible refuses such a text itself.
    started = -1
    for place, word in enumerate(words):
        name, equals, _value = word.partition("=")
        if not equals or not _NAME.fullmatch(name) or (started >= 0 and _may_go_on(words[started])):
            return _words_dropped(words, started, word)
        started = place
    return ""


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
    whole = join_args(words[started:]).partition("=")[2]
    remedy = shlex.quote(json.dumps({name: whole}, ensure_ascii=False))
    return f"{name} is '{whole}', of which Ansible takes '{first.strip()}' alone, since it splits what -e gets at blanks; write it as JSON: -e {remedy}."
