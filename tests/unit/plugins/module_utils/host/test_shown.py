# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Secrets and control characters in texts that are shown."""

from __future__ import annotations

import json
import sys
import unicodedata
import urllib.parse

import pytest
from ansible_collections.flaskops.stack.plugins.module_utils.host.shown import clean, excerpt, forget, learn, visible

SECRETS = [
    "hunter22",
    "s3cr3t with blanks",
    'it\'s "quoted" \\ and $more`',
    "caf\u00e9-\U0001f600-\u0645",
    "a/b?c=d&e+f%20g",
    "line one\nline two\ttab\x7f",
    "\u202ebidirectional",
    "lone \udc80 surrogate",
]
SPELLINGS = {
    "plain": str,
    "repr": repr,
    "repr of a text around it": lambda secret: repr(f"token='{secret}'"),
    "repr of another text around it": lambda secret: repr(f'token="{secret}"'),
    "ascii": ascii,
    "bytes": lambda secret: repr(f"x{secret}y".encode(errors="surrogatepass")),
    "JSON": json.dumps,
    "JSON with letters": lambda secret: json.dumps({"a": [secret]}, ensure_ascii=False),
    "URL": lambda secret: urllib.parse.quote(secret, safe="", errors="surrogatepass"),
    "path of a URL": lambda secret: urllib.parse.quote(secret, errors="surrogatepass"),
    "form": lambda secret: urllib.parse.quote_plus(secret, errors="surrogatepass"),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("secret", SECRETS, ids=ascii)
def test_a_secret_is_hidden_however_it_is_spelled(secret, spelling):
    text = f"before {spelling(secret)} after"
    learn([secret])
    shown = clean(text)
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert "***" in shown
    # The text around it may have its own quotes escaped.
    assert len(shown) <= len(f"before {spelling('')}*** after") + 2, "nothing else is left of it"


def test_what_is_no_secret_stays():
    learn(["hunter22", "", "12345", "live"])
    assert clean("hunter2 12345 live 1.2.3") == "hunter2 12345 live 1.2.3"


def test_lower_case_digits_of_a_url_hide_nothing():
    learn(["a/b?c=d&e+f"])
    assert clean("x=a%2fb%3fc%3dd%26e%2bf") == "x=***"


def test_the_password_of_a_url_is_hidden_alone_too():
    learn(["postgres://shop:S3CRETMARK@db.example.com/shop", "redis://:p%40ssword@cache:6379/0"])
    assert clean("postgresql+psycopg://shop:S3CRETMARK@db.example.com/shop") == "postgresql+psycopg://shop:***@db.example.com/shop"
    assert clean("p@ssword or p%40ssword") == "*** or ***"


def test_the_lines_of_a_key_are_hidden_alone_too():
    learn(["-----BEGIN KEY-----\nMIIEvQIBADANBg\r\n-----END KEY-----\n"])
    assert clean(["read MIIEvQIBADANBg", "end"]) == ["read ***", "end"]


def test_secrets_that_overlap_are_hidden_whole():
    learn(["abcdefgh", "efghijkl", "ghijkl"])
    assert clean("1abcdefghijkl2abcdefgh3") == "1***2***3"


def test_every_text_of_a_result_is_cleaned():
    learn(["hunter22"])
    found = {"a": [{"b": "x hunter22"}, ("\x1b[2J", 1, None, True)], "key \x00": 1.5}
    assert clean(found) == {"a": [{"b": "x ***"}, ["\\x1b[2J", 1, None, True]], "key \\x00": 1.5}


def test_a_text_can_be_made_visible_with_all_that_it_says():
    learn(["hunter22"])
    assert visible({"a\x1b": ["hunter22\x1b", 1]}) == {"a\\x1b": ["hunter22\\x1b", 1]}


def test_nothing_is_hidden_after_it_was_forgotten():
    learn(["hunter22"])
    forget()
    assert clean("hunter22") == "hunter22"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\0b", "a\\x00b"),
        ("\x9b31m\x85", "\\x9b31m\\x85"),
        ("50%\rdone", "50%\\rdone"),
        ("user\u202egpj.exe\u2066", "user\\u202egpj.exe\\u2066"),
        ("zero\u200bwidth\ufeff\u2028", "zero\\u200bwidth\\ufeff\\u2028"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("bytes \udcff", "bytes \\udcff"),
        ("one\n\ttwo", "one\n\ttwo"),
        ("caf\u00e9 \u4f60\u597d \U0001f600", "caf\u00e9 \u4f60\u597d \U0001f600"),
    ],
)
def test_characters_that_a_terminal_obeys_are_written_out(text, shown):
    assert clean(text) == shown
    assert clean(shown) == shown


def test_no_control_character_is_left():
    every = clean("".join(map(chr, range(sys.maxunicode + 1))))
    assert {each for each in every if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp")} == {"\n", "\t"}


def test_a_secret_with_control_characters_is_hidden_before_they_are_written_out():
    learn(["secret\x1bmark"])
    assert clean("a secret\x1bmark b") == "a *** b"


def test_a_text_is_cleaned_before_it_is_cut():
    learn(["hunter22-hunter22"])
    assert excerpt(f"{'x' * 10}hunter22-hunter22", 20) == f"{'x' * 10}***"
    assert excerpt("x" * 100, 20) == f"{'x' * 17}..."
    assert excerpt(f"{'x' * 15}hunter22-hunter22{'y' * 9}", 20) == f"{'x' * 15}**..."
