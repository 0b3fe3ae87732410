# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The keys that say which visitors a site or a route answers, and how often."""

from __future__ import annotations

import dataclasses
import typing as t

from . import addresses
from .key import Key

# nginx takes no larger number (ngx_http_limit_conn_module.c, "connection limit must be less 65536").
MOST_CONNECTIONS = 65535

NETWORK = Key(
    "str",
    "An address or a network.",
    pattern=addresses.NETWORK,
    remedy=addresses.NETWORK_REMEDY,
    advice=addresses.network_remedy,
)

_CLIENT = dataclasses.replace(
    NETWORK,
    doc="An address, a network, or `all`.",
    pattern=f"all|{addresses.NETWORK}",
    advice=lambda value: "" if value == "all" else addresses.network_remedy(value),
)

_BASIC = Key(
    "dict",
    "Names and passwords that nginx asks for (basic authentication); others get 401. Flask has the name as `REMOTE_USER`. Without TLS, passwords"
    " go over the network as they are.",
    derived="none",
    keys={
        "realm": Key(
            "str",
            "Text that browsers may show when they ask for a password.",
            default="Restricted",
            pattern=r"[^\x00-\x1f\x7f\"\\$]{1,80}",
            remedy="write a text of one line, without quotes, backslashes and dollar signs",
        ),
        "users": Key(
            "map",
            "Passwords by name. Keep them in a vault; the host gets their hashes only.",
            required=True,
            names=r"[A-Za-z0-9._@+-]{1,64}",
            pattern=r"[^\x00-\x1f\x7f]{8,100}",
            remedy='write {name: "password"}, a password of 8 to 100 characters',
            minimum=1,
            secret=True,
        ),
    },
)

_REQUEST = Key(
    "dict",
    "A server that nginx asks with each request whether to let it pass (`auth_request`), such as oauth2-proxy. It answers 2xx to those who may pass,"
    " and 401 or 403 to others. Flask has the name that it tells as `REMOTE_USER`.",
    derived="none",
    keys={
        "url": Key(
            "str",
            "Place that nginx asks, with cookies and headers of the request and without its body.",
            required=True,
            pattern=rf"http://({addresses.IPV4}|\[[0-9a-fA-F:]+\]):{addresses.PORT}/[A-Za-z0-9._~!&()*+,/:=@%?-]*",
            remedy="write http, an address, a port and a path, such as http://127.0.0.1:4180/oauth2/auth",
        ),
        "paths": Key(
            "str",
            "Path below which that server itself answers everybody, for its login.",
            default="",
            pattern=r"(/(?!\.\.?/)[A-Za-z0-9._~-]+)*/|",
            remedy="write a path with a slash at both ends, such as /oauth2/",
        ),
        "login": Key(
            "str",
            "Path below `paths` that answers those who have to log in, in place of status 401. It gets the path that they wanted in"
            " `X-Auth-Request-Redirect`.",
            default="",
            pattern=r"(/[A-Za-z0-9._~-]+)*",
            remedy="write a path such as /oauth2/start",
        ),
        "user": Key(
            "str",
            "Header of its answers with the name of the visitor. Flask gets the header too, and a client's own never.",
            default="X-Auth-Request-User",
            pattern=r"[A-Za-z0-9-]+",
            remedy="name a header such as X-Auth-Request-User",
        ),
    },
)

ACCESS = Key(
    "dict",
    "Clients that nginx answers, by their addresses and logins; others get 403, or 401. An answer that nginx gives without looking further, such as a"
    " redirect, is for all.",
    default={},
    keys={
        "deny": Key("list", "Clients that get no answer, also if they are in `allow`.", default=(), elements=_CLIENT),
        "allow": Key(
            "list",
            "Clients that get an answer. If there is any, all others get none; `all` lets everybody in.",
            default=(),
            elements=_CLIENT,
        ),
        "basic": _BASIC,
        "request": _REQUEST,
    },
)

LIMITS: t.Mapping[str, Key] = {
    "rate": Key(
        "str", "Number of requests per second or minute.", pattern=r"[0-9]{1,6}r/[sm]", remedy="write a rate such as 10r/s or 30r/m"
    ),
    "burst": Key("int", "Number of requests above the rate that nginx still accepts at once.", default=20, minimum=0, maximum=100000),
    "connections": Key("int", "Number of requests at the same time.", minimum=1, maximum=MOST_CONNECTIONS),
}

CORS = Key(
    "dict",
    "Scripts of other sites that may read answers of the route (CORS). nginx answers the questions of browsers itself, before any password.",
    derived="none",
    keys={
        "origins": Key(
            "list",
            "Sites with such scripts, or `*` for every site.",
            required=True,
            minimum=1,
            elements=Key(
                "str",
                "A site.",
                pattern=r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|\*",
                remedy="write scheme and host, such as https://app.example.com",
            ),
        ),
        "methods": Key(
            "list",
            "Methods that they may use.",
            default=("GET", "HEAD", "POST"),
            minimum=1,
            elements=Key("str", "A method.", pattern=r"[A-Z]{1,20}", remedy="write methods such as GET and PUT"),
        ),
        "headers": Key(
            "list",
            "Headers that they may send beside the simple ones.",
            default=("Content-Type",),
            elements=Key("str", "A header.", pattern=r"[A-Za-z0-9-]+", remedy="name headers such as Authorization"),
        ),
        "credentials": Key("bool", "Whether browsers send cookies and passwords with their requests.", default=False),
        "max_age": Key("int", "Seconds for which browsers need not ask again.", default=600, minimum=0, maximum=86400),
    },
)

ROUTE_ACCESS = dataclasses.replace(
    ACCESS,
    doc="As `access` of the site. For this route, addresses take the place of the site's addresses, and a login that of its login.",
    keys={
        **t.cast("t.Mapping[str, Key]", ACCESS.keys),
        "public": Key("bool", "Whether the route is for everybody, whatever `access` of the site says.", default=False),
    },
)
