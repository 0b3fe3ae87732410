# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The keys of one route of a site."""

from __future__ import annotations

from .access import CORS, LIMITS, ROUTE_ACCESS
from .key import SIZE, URL_PATH, Key
from .modes import MODES

REGEX_PATH = r"[^\s\x00-\x1f\x7f\"]+"
# A path without `match: regex` must be one word for nginx, and must not contain a variable.
PLAIN_PATH = r"(?!.*/\.\.(/|$))/[^\s\x00-\x1f\x7f\"';{}\\$^]*"

# Whole directives of nginx, each with its semicolon or braces.
DIRECTIVE = Key(
    "str",
    "A directive of nginx with its semicolon, or a block.",
    pattern=r"(?s).*[;}]\s*",
    remedy="end it with a semicolon, such as `add_header X-Robots-Tag noindex;`",
)

ROUTE = Key(
    "dict",
    "One location of the site.",
    keys={
        "path": Key(
            "str",
            "URL path the route answers, starting with `/`; a regular expression with `match: regex`.",
            required=True,
            # Only a regular expression may be more than PLAIN_PATH.
            pattern=REGEX_PATH,
            remedy=r"write a path such as / or /api, and \s and \x22 for blanks and quotes in a regular expression",
        ),
        "match": Key(
            "str",
            "How `path` is compared: the longest prefix, the exact path, or a regular expression, which goes before prefixes.",
            default="prefix",
            choices=("prefix", "exact", "regex"),
        ),
        "mode": Key("str", "The way nginx handles the route.", default="plain", choices=tuple(MODES)),
        "access": ROUTE_ACCESS,
        "limit": Key(
            "dict",
            "Limits of the route for each client, which take the place of the site's. A client that is beyond them here still gets other routes.",
            default={},
            keys=LIMITS,
        ),
        "cors": CORS,
        "max_body_size": Key(
            "str",
            "Size of the largest request body that nginx accepts here.",
            derived="that of the site",
            pattern=SIZE,
            remedy="write a size such as 10m",
        ),
        "extra": Key("list", "Further directives inside the location.", default=(), elements=DIRECTIVE),
        "error_pages": Key(
            "bool",
            "Whether the site's `error_pages` and `intercept_errors` hold here. An API that sends errors of its own has `false`.",
            default=True,
        ),
        "probe": Key(
            "str",
            "Path that `validate.yml` requests to prove the route; an empty string leaves the route unchecked.",
            derived="`path`; empty for regular expressions, and for `static` without a page",
            pattern=f"({URL_PATH})?",
            remedy="write a path that the application answers, or an empty string",
        ),
    },
    mode_key="mode",
    modes={name: mode.keys for name, mode in MODES.items()},
)
