# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The keys of the site that nginx serves."""

from __future__ import annotations

from . import addresses, server_names
from .access import ACCESS, LIMITS, MOST_CONNECTIONS, NETWORK
from .key import SIZE, Key
from .routes import DIRECTIVE, ROUTE
from .tls import TLS

DEFAULT_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
# Headers by the preset of a site. The policy lets a page load nothing from other sites, and run no script that stands in the page itself.
HEADER_PRESETS = {
    "basic": DEFAULT_HEADERS,
    "strict": {
        **DEFAULT_HEADERS,
        "Content-Security-Policy": "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'; object-src 'none'",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    },
}

# Statuses that nginx has a page for: it sends no answer with 444 and 499, and 494 to 498 are its own.
_ERROR_STATUS = r"(?!444|49[4-9])[45][0-9][0-9]"
_PAGE = r"(?!/)(?!\.)(?!.*/\.)(?!.*//)[A-Za-z0-9._@+/-]+\.html?"
_BACKEND = Key(
    "str",
    "An address and a port; nginx would resolve a name when it starts, and never again.",
    pattern=rf"({addresses.IPV4}|\[[0-9a-fA-F:]+\]):{addresses.PORT}",
    remedy="write address and port, such as 192.0.2.11:8000",
)

NGINX = Key(
    "dict",
    "How nginx serves the application.",
    default={},
    keys={
        "server_names": Key(
            "list",
            "Host names of the site. `_`, or `default`, is every host that no other site has; one application of a host may have it.",
            derived="the application's name",
            minimum=1,
            elements=Key(
                "str",
                "A host name, also with a leading `*.`, an address, or `_`.",
                pattern=server_names.PATTERN,
                remedy="write a host name such as shop.example.com",
                advice=server_names.remedy,
            ),
        ),
        "front": Key(
            "str",
            "With `direct`, nginx passes requests to uWSGI. With `proxy`, it passes them to a second nginx server behind it, as an"
            " HTTP proxy.",
            default="direct",
            choices=("direct", "proxy"),
        ),
        "backends": Key(
            "list",
            "Servers on other hosts that run the application, for `front: proxy`. They replace the server behind the proxy on this host.",
            default=(),
            elements=_BACKEND,
        ),
        "canary": Key(
            "dict",
            "The part of the visitors that reaches some of the `backends`, such as servers with a release that is being tried. nginx asks the"
            " backends of one part for the other only if all of the other give no connection.",
            default={},
            keys={
                "backends": Key("list", "Addresses of `backends` that this part of the visitors reaches.", default=(), elements=_BACKEND),
                "percent": Key(
                    "int",
                    "How many percent of the visitors. A visitor, by address and browser, stays in one part, also when there are more percent.",
                    default=0,
                    minimum=0,
                    maximum=100,
                ),
                "cookie": Key(
                    "str",
                    "Name of a cookie that decides for its visitor: `always` or `never`. Without one of these, `percent` decides.",
                    default="",
                    pattern=r"[A-Za-z0-9_]*",
                    remedy="write a name of letters, digits and underscores, such as canary",
                ),
            },
        ),
        "prefix": Key(
            "str",
            "URL path below which the application is mounted. Routes and `health` are relative to it, and Flask gets it as `SCRIPT_NAME`."
            " Applications with different prefixes may have the same `server_names`.",
            default="",
            pattern=r"(/(?!\.\.?(/|$))[A-Za-z0-9._~-]+)*",
            remedy="write a path such as /shop, without a slash at its end",
        ),
        "routes": Key("list", "Locations of the site.", default=({"path": "/"},), elements=ROUTE),
        "tls": TLS,
        "access": ACCESS,
        "error_pages": Key(
            "map",
            "Pages of the release by status, which nginx sends in place of its own. A `.json` beside a page is for clients that ask for JSON."
            " For 429, 502, 503 and 504 there is a page in any case.",
            default={},
            names=_ERROR_STATUS,
            pattern=_PAGE,
            remedy="write paths of the source by status, such as {404: shop/errors/404.html}",
        ),
        "intercept_errors": Key(
            "bool",
            "Whether a page also takes the place of the application's own answer with its status, on every route with `error_pages`. That"
            " holds for 429, 502, 503 and 504 too. Otherwise the answers of the application stay as they are.",
            default=False,
        ),
        "maintenance": Key(
            "dict",
            "How the site is closed by the playbook `maintenance`, which alone closes and opens it.",
            default={},
            keys={
                "page": Key(
                    "str",
                    "Page of the release that a closed site sends.",
                    derived="a page of the collection",
                    pattern=_PAGE,
                    remedy="write a path of the source, such as shop/errors/closed.html",
                ),
                "allow": Key(
                    "list",
                    "Addresses and networks of clients that a closed site answers as ever.",
                    default=(),
                    elements=NETWORK,
                ),
                "retry_after": Key(
                    "int",
                    "Seconds after which others are told to come back (`Retry-After`).",
                    default=600,
                    minimum=1,
                    maximum=86400,
                ),
            },
        ),
        "max_body_size": Key(
            "str",
            "Size of the largest request body that nginx accepts.",
            default="10m",
            pattern=SIZE,
            remedy="write a size such as 10m",
        ),
        "headers_preset": Key(
            "str",
            "Headers that every answer has unless the application sets them. `basic`: `X-Content-Type-Options`, `X-Frame-Options` and"
            " `Referrer-Policy`. `strict`: also a `Content-Security-Policy` for pages that load nothing from other sites and have no script in"
            " themselves, and policies for windows, embedding and devices.",
            default="basic",
            choices=tuple(HEADER_PRESETS),
        ),
        "headers": Key(
            "map",
            "Headers that nginx adds to every answer, unless the application sets them. They come in addition to"
            " those of `headers_preset`, and take their place. An empty value removes a header.",
            default={},
            names=r"[A-Za-z0-9-]+",
            pattern=r"[^\x00-\x1f\x7f\"\\$]*",
            remedy="write {Name: value} with a value of one line, without quotes, backslashes and dollar signs",
        ),
        "limit": Key(
            "dict",
            "Limits for each client: an IPv4 address or an IPv6 network of 64 bits. nginx answers requests beyond them with 429.",
            default={},
            keys={
                **LIMITS,
                "streams": Key(
                    "int",
                    "Number of streams at the same time, so that no client takes all places of the pool. 0 is no limit.",
                    derived="a tenth of the places for streams, at least 10 and at most half of them; 100 if you set `socket`",
                    minimum=0,
                    maximum=MOST_CONNECTIONS,
                ),
            },
        ),
        "log": Key(
            "str",
            "Format of the access log `/var/log/nginx/<name>.access.log`. `json` writes a JSON object for each request, and `combined` writes"
            " nginx's format of that name with more fields at its end. Both have upstream times, cache status and request id.",
            default="combined",
            choices=("combined", "json", "off"),
        ),
        "gzip": Key(
            "str",
            "Answers that nginx compresses: `all`, only files of `static` routes, or `none`. The length of a compressed page can tell a hostile site"
            " what is in it (BREACH), where browsers send the page's cookies with requests of other sites.",
            default="all",
            choices=("all", "static", "none"),
        ),
        "extra": Key("list", "Further directives inside the `server` block.", default=(), elements=DIRECTIVE),
        "cache_size": Key(
            "str", "Upper limit of the response cache on disk.", default="256m", pattern=SIZE, remedy="write a size such as 256m"
        ),
        "template": Key(
            "str",
            "Template of the site. A file name without a path is also searched for beside the inventory.",
            derived="`site_direct.conf.j2` or `site_proxy.conf.j2`, depending on `front`",
        ),
    },
)
