# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Paths of routes that nginx takes and no request ever has: a route with one would be without effect, and a ``deny`` route no protection."""

from __future__ import annotations

import re
import urllib.parse

_ENCODED = re.compile(r"(%[0-9A-Fa-f]{2})+")
_BY_REGEX = "a regular expression (match: regex)"


def never_asked_for(path: str) -> tuple[str, str] | None:
    """Return what is wrong with a path that is no regular expression, and the remedy; ``None`` for one that requests can have.

    nginx compares a path as it has decoded and cleaned it (ngx_http_parse_complex_uri), without the query.
    """
    if re.search(r"//|/\.(/|$)", path):
        clean = re.sub(r"(/\.)+(?=/|$)", "", re.sub(r"/{2,}", "/", path))
        return "but nginx makes one slash of several, and removes /./", f"write {clean or '/'}"
    if _ENCODED.search(path):
        plain = _ENCODED.sub(lambda found: urllib.parse.unquote(found[0], errors="replace"), path)
        usable = plain.isprintable() and not re.search(r"[\s\"';{}\\$^?#\ufffd]|//", plain)
        return "but nginx compares decoded paths", f"write {plain}" if usable else f"write {_BY_REGEX} for the decoded path"
    if found := re.search(r"[?#]", path):
        return "but nginx compares paths without a query", f"write {path[: found.start()]}"
    if found := re.search(r"<|\*", path):
        before = path[: found.start()]
        whole = re.fullmatch(r"\*+|<path:[^>]*>", path[found.start() :])
        return "but a path has no placeholders", f"write {before}, which has all that begins so" if whole else f"write {_BY_REGEX}"
    return None
