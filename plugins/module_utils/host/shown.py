# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make texts fit to be shown: without secrets of an application, and without characters that a terminal obeys.

Logs, answers and the output of hooks are an application's own words. They go into messages, results and the history of the host, and each
of these passes through :func:`clean`. The secrets are those of this process, which :func:`learn` has been told.
"""

from __future__ import annotations

import json
import re
import typing as t
import unicodedata
import urllib.parse

HIDDEN = "***"
# Shorter values are words and numbers that messages have by chance.
_LEAST = 6
_CUT = "..."
# The first pattern leaves out what most texts are made of, since a look at the category of each character takes time.
_UNUSUAL = re.compile(r"[^\n\t\x20-\x7e]")
# Control characters, invisible marks such as the bidirectional overrides, lone surrogates, line and paragraph separators.
_OBEYED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_PASSWORD_IN_URL = re.compile(r"://[^:@/\s]*:([^/\s]+)@")
_spellings: set[str] = set()


def learn(secrets: t.Iterable[str]) -> None:
    """Hide these values from now on, however they are spelled. A line of a long value and the password in a URL are hidden alone, too."""
    for secret in secrets:
        passwords = _PASSWORD_IN_URL.findall(secret)
        for part in (secret, *secret.splitlines(), *passwords, *map(urllib.parse.unquote, passwords)):
            _spellings.update(_spellings_of(part.strip()))


def forget() -> None:
    """Hide nothing any more."""
    _spellings.clear()


def clean(value: t.Any) -> t.Any:
    r"""Return a value, also one of nested dicts and lists, with each secret replaced and each control character written out as ``\x1b``."""
    return _changed(value, lambda text: _escape(_hide(text)))


def clean_result(result: t.Mapping[str, t.Any], exact: t.Collection[str]) -> dict[str, t.Any]:
    """Return the result of a module as it may be shown.

    :param exact: keys whose values the controller goes on with, such as names and versions; they stay as they are
    """
    return {name: value if name in exact else clean(value) for name, value in result.items()}


def visible(value: t.Any) -> t.Any:
    r"""Return a value with each control character written out, and nothing hidden: for what goes on to be used."""
    return _changed(value, _escape)


def _changed(value: t.Any, change: t.Callable[[str], str]) -> t.Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {_escape(key) if isinstance(key, str) else key: _changed(item, change) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_changed(item, change) for item in value]
    return value


def excerpt(text: str, most: int) -> str:
    """Return the beginning of a text, cleaned before it is cut: half a secret would not be found any more.

    :param most: the number of characters
    """
    cleaned = clean(text)
    return cleaned if len(cleaned) <= most else cleaned[: most - len(_CUT)] + _CUT


def _spellings_of(secret: str) -> set[str]:
    """Return a secret as it is, and as Python, JSON and URLs write it."""
    if len(secret) < _LEAST:
        return set()
    # A text that is quoted as a whole has other quotes than its part would have.
    quoted = [repr(secret)[1:-1], ascii(secret)[1:-1], repr(secret.encode(errors="surrogatepass"))[2:-1]]
    escaped = [text.replace("\\'", "'").replace("'", "\\'") for text in quoted]
    urls = [
        urllib.parse.quote(secret, safe="", errors="surrogatepass"),
        urllib.parse.quote(secret, errors="surrogatepass"),
        urllib.parse.quote_plus(secret, errors="surrogatepass"),
    ]
    lower = [re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), url) for url in urls]
    return {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], *quoted, *escaped, *urls, *lower}


def _hide(text: str) -> str:
    """Replace the secrets in a text, also those that overlap."""
    shown, at = [], 0
    for begin, end in _merged(sorted(span for spelling in _spellings for span in _places(spelling, text))):
        shown += [text[at:begin], HIDDEN]
        at = end
    return "".join([*shown, text[at:]])


def _places(spelling: str, text: str) -> t.Iterator[tuple[int, int]]:
    begin = text.find(spelling)
    while begin >= 0:
        yield begin, begin + len(spelling)
        begin = text.find(spelling, begin + 1)


def _merged(spans: t.Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for begin, end in spans:
        if found and begin < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found


def _escape(text: str) -> str:
    return _UNUSUAL.sub(lambda found: _visible(found[0]), text)


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _OBEYED:
        return character
    return ascii(character)[1:-1]
