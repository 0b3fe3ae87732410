# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Environment files: what systemd reads is what was written."""

from __future__ import annotations

import random

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.environment_file import environment_file


def systemd_reads(text: str) -> dict[str, str]:
    """Return what systemd makes of an environment file.

    The state machine of systemd's src/basic/env-file.c, `parse_env_file_internal`; compared with systemd 252 over the values below.
    """
    found: dict[str, str] = {}
    state, key, value = "before key", "", ""

    def keep() -> None:
        found[key.rstrip(" \t")] = value

    for char in text:
        if state == "before key":
            if char in "#;":
                state = "comment"
            elif char not in " \t\n\r":
                state, key = "key", char
        elif state == "key":
            if char in "\n\r":
                state = "before key"
            elif char == "=":
                state, value = "before value", ""
            else:
                key += char
        elif state == "before value":
            if char in "\n\r":
                keep()
                state = "before key"
            elif char in "'\"\\":
                state = {"'": "single", '"': "double", "\\": "escape"}[char]
            elif char not in " \t":
                state, value = "value", value + char
        elif state == "value":
            if char in "\n\r":
                value = value.rstrip(" \t")
                keep()
                state = "before key"
            elif char == "\\":
                state = "escape"
            else:
                value += char
        elif state == "escape":
            state = "value"
            value += "" if char in "\n\r" else char
        elif state == "single":
            state, value = ("before value", value) if char == "'" else (state, value + char)
        elif state == "double":
            if char in '"\\':
                state = {'"': "before value", "\\": "double escape"}[char]
            else:
                value += char
        elif state == "double escape":
            state = "double"
            value += char if char in '"\\`$' else "" if char == "\n" else f"\\{char}"
        elif state == "comment":
            state = {"\\": "comment escape", "\n": "before key", "\r": "before key"}.get(char, state)
        elif state == "comment escape":
            state = "comment"
    assert state == "before key", f"the file ends in {state}"
    return found


VALUES = [
    *("", "plain", "two words", " before", "after ", "\t", "a\nb", "\n", "\n\n", "a\\\nb", "#no comment", ";no comment"),
    *('"', "'", '""', "'\"", 'say "hi"', "it's", "\\", "\\\\", "a\\", "\\n", '\\"', "\\$", "\\`"),
    *("$HOME", "${HOME}", "$(id)", "`id`", "%h", "=", "a=b", "a\nB=c", "\u00e9", "\u2028"),
]


def test_the_reader_follows_the_manual():
    # The examples of systemd.exec(5), EnvironmentFile=.
    text = "# comment\n; comment\nA=b c \\\n  d\nB='a \\n b'\nC=\"a \\$ \\\n b\"\nD=\nE = x \n"
    assert systemd_reads(text) == {"A": "b c   d", "B": "a \\n b", "C": "a $  b", "D": "", "E": "x"}


@pytest.mark.parametrize("value", VALUES)
def test_a_value_comes_back_as_it_is(value):
    assert systemd_reads(environment_file({"A": value, "B": "next"})) == {"A": value, "B": "next"}


def test_any_text_comes_back_as_it_is():
    dice = random.Random(1)
    values = {f"V{number}": "".join(dice.choices("ab\\\"'$`\n\t #;=%\u00e9", k=dice.randrange(12))) for number in range(500)}
    assert systemd_reads(environment_file(values)) == values


def test_order_does_not_matter():
    assert environment_file({"B": "2", "A": "1"}) == environment_file({"A": "1", "B": "2"}) == 'A="1"\nB="2"\n'


def test_nothing_gives_an_empty_file():
    assert environment_file({}) == ""
