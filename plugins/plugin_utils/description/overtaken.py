# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Routes by prefix whose rules a regular expression goes past: nginx asks regular expressions first, whatever they leave unsaid."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence

# Characters of a pattern that stand for themselves, and an escaped one that is neither a class nor a reference.
_LITERAL = re.compile(r"[A-Za-z0-9_~/%@,:=-]|\\[^A-Za-z0-9]")
_QUANTIFIERS = "?*{"


def warnings_of_overtaken(apps: Sequence[Mapping[str, t.Any]]) -> list[str]:
    """Return a line for each regular expression that may answer paths below a route with rules, and has none itself.

    :param apps: complete descriptions
    """
    found = []
    for app in apps:
        routes = app["nginx"]["routes"]
        for route in (route for route in routes if route["match"] == "regex" and route["passes"] and not _has_rules(route)):
            closed = [other["path"] for other in routes if _can_be_overtaken(other) and _may_match_below(route["path"], other["path"])]
            if closed:
                found.append(
                    f"{app['name']}.nginx.routes: the regular expression {route['path']} goes before {', '.join(closed)}, and answers paths"
                    " below without their rules; give it an access of its own, which may be public: true, or begin it with ^ and another path."
                )
    return found


def _has_rules(route: Mapping[str, t.Any]) -> bool:
    return any(route["access"].get(key) for key in ("public", "deny", "allow", "basic", "request"))


def _can_be_overtaken(route: Mapping[str, t.Any]) -> bool:
    """Return whether a route keeps somebody out, and nginx asks regular expressions before it."""
    closes = route["mode"] == "deny" or (_has_rules(route) and not route["access"].get("public"))
    return closes and route["match"] == "prefix" and not route["location"].startswith("^~")


def _may_match_below(pattern: str, path: str) -> bool:
    literal = _beginning(pattern)
    return path.startswith(literal) or literal.startswith(path)


def _beginning(pattern: str) -> str:
    """Return the text that every path has at its beginning which a pattern matches, as far as that is seen easily."""
    if not pattern.startswith("^") or _has_alternatives(pattern):
        return ""
    found, rest = "", pattern[1:]
    while match := _LITERAL.match(rest):
        rest = rest[match.end() :]
        if rest[:1] and rest[0] in _QUANTIFIERS:
            break
        found += match[0].removeprefix("\\")
    return found


def _has_alternatives(pattern: str) -> bool:
    """Return whether a pattern has alternatives outside of all parentheses."""
    depth = 0
    for character in re.sub(r"\\.|\[[^]]*\]", "", pattern):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "|" and depth == 0:
            return True
    return False
