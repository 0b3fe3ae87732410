# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The modes of routes: what nginx does with the requests of a route, and the keys that its mode adds."""

from __future__ import annotations

import dataclasses
import typing as t

from .key import DURATION, Key


@dataclasses.dataclass(frozen=True)
class Mode:
    """The meaning of a mode of routes for everything that reads routes. A new mode is one entry in ``MODES`` and one file in templates/modes/.

    :param keys: keys that routes of this mode have beside those of every route
    :param passes: whether nginx passes requests to the application
    :param stores: whether nginx keeps answers, which takes a cache zone
    :param streams: whether an answer may take hours, so that requests go to the stream pool and no time limit of a request holds
    :param upgrades: whether a request may open a WebSocket
    :param files: whether nginx serves files of the release itself
    :param proof: how ``validate.yml`` proves a route: ``plain`` (any answer below 500), ``cache``, ``stream`` or ``websocket``; ``site_probe``
        has the methods
    """

    keys: t.Mapping[str, Key]
    passes: bool = False
    stores: bool = False
    streams: bool = False
    upgrades: bool = False
    files: bool = False
    proof: str = "plain"

    def traits(self) -> dict[str, t.Any]:
        """Return what templates, probes and the host may ask of a route, whatever its mode is called."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "keys"}


_ROUTE_TIMEOUT = Key(
    "str",
    "Longest time that nginx waits between two reads from the application, as an nginx time.",
    default="60s",
    pattern=DURATION,
    remedy="write an nginx time such as 60s",
)

_COOKIE = Key(
    "str",
    "A cookie's name.",
    pattern=r"[A-Za-z0-9_.%-]+\*?|\*",
    remedy="name cookies such as theme, or all with one beginning as _ga*",
)

MODES: t.Mapping[str, Mode] = {
    "plain": Mode({"read_timeout": _ROUTE_TIMEOUT}, passes=True),
    "cache": Mode(
        {
            "read_timeout": _ROUTE_TIMEOUT,
            "preset": Key(
                "str",
                "`safe` obeys the answer's `Cache-Control` and never stores personal answers. `seed` is the recipe of the tutorials, which stores"
                " all answers.",
                default="safe",
                choices=("safe", "seed"),
            ),
            "valid": Key(
                "map",
                "How long nginx keeps an answer without `Cache-Control` and `Expires`, by status. Answers with another status are not kept. With"
                " `preset: seed` the times apply to all answers.",
                derived="`{200: 10m}`; with `preset: seed`, `{200: 30d}`",
                names=r"[1-5][0-9][0-9]|any",
                pattern=DURATION,
                remedy="write nginx times by status, such as {200: 10m, 404: 1m}",
            ),
            "stale": Key(
                "str",
                "When nginx may send a stored answer whose time is over. `answer`: as the answer itself allows it, by `stale-while-revalidate` and"
                " `stale-if-error`. `updating`: also while nginx fetches a new answer, whatever the answer says. `always`: also when the application"
                " fails.",
                default="answer",
                choices=("answer", "updating", "always"),
            ),
            "ignore_cookies": Key(
                "list",
                "Cookies that change no answer, such as those of analytics. A request with any other cookie is not answered from the cache, and its"
                " answer is not stored. A name may end in `*`; `*` alone is every cookie.",
                derived="none, and a warning",
                elements=_COOKIE,
            ),
            "bypass_cookies": Key(
                "list",
                "In place of `ignore_cookies`: only requests with one of these cookies are not answered from the cache, and their answers not stored.",
                derived="every cookie but those of `ignore_cookies`",
                elements=_COOKIE,
            ),
            "bypass_headers": Key(
                "list",
                "Further headers that make a request personal, beside `Authorization` and the usual ones for API keys and tokens.",
                default=(),
                elements=Key("str", "A header.", pattern=r"[A-Za-z0-9-]+", remedy="name headers such as X-Shop-Key"),
            ),
        },
        passes=True,
        stores=True,
        proof="cache",
    ),
    "stream": Mode(
        {
            "read_timeout": dataclasses.replace(_ROUTE_TIMEOUT, default="1h"),
        },
        passes=True,
        streams=True,
        proof="stream",
    ),
    "websocket": Mode(
        {
            "read_timeout": dataclasses.replace(
                _ROUTE_TIMEOUT, doc="Time without a byte from either side after which nginx closes a WebSocket.", default="1h"
            ),
            "origins": Key(
                "list",
                "Origins of other sites whose pages may open WebSockets here; `*` is every site. Pages of the site's own host may, and so may"
                " programs that send no `Origin`.",
                default=(),
                elements=Key(
                    "str",
                    "An origin as browsers send it.",
                    pattern=r"\*|https?://[a-z0-9.-]+(:[0-9]{1,5})?",
                    remedy="write scheme and host in small letters without a path, such as https://app.example.com",
                ),
            ),
            "polling": Key(
                "bool",
                "Whether nginx passes on requests that open no WebSocket too, as Socket.IO needs it. Otherwise it answers them with 426.",
                default=False,
            ),
        },
        passes=True,
        streams=True,
        upgrades=True,
        proof="websocket",
    ),
    "static": Mode(
        {
            "directory": Key(
                "str",
                "Directory of the release from which nginx serves files; a file that it lacks is served from the previous release.",
                required=True,
                pattern=r"(?!/)(?!.*\.\.)[A-Za-z0-9._@+/-]+",
                remedy="write a path relative to the source, such as shop/static",
            ),
            "index": Key(
                "str",
                "File that answers for a directory, such as `index.html`. Without this key a directory is a 404.",
                derived="none",
                pattern=r"(?!\.)[A-Za-z0-9._@+-]+",
                remedy="write the name of a file, such as index.html",
            ),
            "fallback": Key(
                "str",
                "Page that answers for every path without a file, for a single-page application whose paths the browser knows. A path that ends like"
                " a script, a style sheet, an image or another file that pages load is still a 404.",
                derived="none",
                pattern=r"(?!/)(?!\.)(?!.*/\.)(?!.*//)[A-Za-z0-9._@+/-]+\.html?",
                remedy="write the page's path inside of the directory, such as index.html",
            ),
            "max_age": Key(
                "str",
                "How long browsers may keep a file, as an nginx time. With `index` or `fallback`, pages (`.html`) are asked for anew each time.",
                default="1h",
                pattern=DURATION,
                remedy="write an nginx time such as 7d",
            ),
        },
        files=True,
    ),
    "redirect": Mode(
        {
            "to": Key(
                "str",
                "Target of the redirect, a URL or a path; variables of nginx such as `$request_uri` are allowed.",
                required=True,
                pattern=r"(https?://|/)[^\s\x00-\x1f\x7f\"';{}\\]*",
                remedy="write a URL or a path, without spaces, quotes or braces",
            ),
            "status": Key("str", "Status of the answer.", default="301", choices=("301", "302", "303", "307", "308")),
        }
    ),
    "deny": Mode(
        {
            "status": Key("str", "Status of the answer.", default="403", choices=("403", "404", "410")),
        }
    ),
}
