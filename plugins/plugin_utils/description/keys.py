# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The keys of an application's description: the one schema behind roles, messages and documentation.

Every key has its type, default, meaning and limits. ``validate`` checks user input against them, ``resolve`` derives the values of keys
that the user did not write, and ``tools/docs.py`` makes the tables of the documentation.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
from collections.abc import Callable

from ..uwsgi.packages import DEFAULT_UWSGI
from . import addresses, entry_points, packages, server_names, system_names
from .stream_places import MOST_CONNECTIONS

DEFAULT_EXCLUDES = (".git", ".hg", ".svn", "__pycache__", "*.pyc", ".venv", "venv", ".tox", ".pytest_cache", ".mypy_cache")
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
SOURCE_KINDS = ("path", "git", "archive", "package", "prebuilt")


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


# Paths stand in units, inis, shell commands and nginx directives, and are compared: one spelling, no character that means something.
_COMPONENT = r"/(?!\.\.?(/|$))[A-Za-z0-9._@+-]+"
ABSOLUTE = f"({_COMPONENT})+"
# The roles set owner and mode of these directories, so a directory of the system, such as /srv, is refused.
OWN_DIRECTORY = f"({_COMPONENT}){{2,}}"
REGEX_PATH = r"[^\s\x00-\x1f\x7f\"]+"
# Only the units that all nginx directives accept: timeouts accept no months and years, and cache times accept no milliseconds.
DURATION = r"[0-9]{1,9}[smhdw]?"
SIZE = r"[0-9]{1,9}[kKmMgG]?"
URL_PATH = r"/[!-~]*"
# A path without `match: regex` must be one word for nginx, and must not contain a variable.
PLAIN_PATH = r"(?!.*/\.\.(/|$))/[^\s\x00-\x1f\x7f\"';{}\\$^]*"
# Never empty (that would ship the inventory directory with its secrets) and never starting with `-` (git would take it for an option).
_PLACE = r"(?!-)[^\x00-\x1f\x7f]+"
# uWSGI, systemd's client code and the dynamic loader read these variables themselves, and units say by the last two where code runs.
RESERVED_ENV = re.compile(r"FLASKOPS_(ROLE|WORKER)|NOTIFY_SOCKET|LISTEN_(FDS|PID|FDNAMES)|LD_.*|UWSGI_.*")
ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclasses.dataclass(frozen=True)
class Key:
    """One key of the description.

    :param type: ``str``, ``int``, ``bool``, ``list``, ``dict`` (with ``keys``) or ``map`` (free keys, scalar values)
    :param doc: the meaning of the key, with its unit, for the documentation
    :param default: the value if the user does not write the key
    :param derived: a text for the documentation, if the default depends on other keys
    :param pattern: regular expression the whole value must match
    :param names: regular expression that the names of a ``map`` must match
    :param remedy: what to do about a value that ``pattern``, ``choices`` or the limits refuse
    :param advice: returns a better remedy for a text, which is then refused whatever ``pattern`` says; empty for none
    :param secret: whether no message may quote the value
    :param minimum: smallest number, or least number of elements of a list
    """

    type: str
    doc: str
    default: t.Any = None
    derived: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    pattern: str = ""
    names: str = ""
    remedy: str = ""
    advice: Callable[[str], str] | None = None
    minimum: int | None = None
    maximum: int | None = None
    secret: bool = False
    elements: Key | None = None
    keys: t.Mapping[str, Key] | None = None
    # The value of the key ``mode_key`` decides which keys of ``modes`` are allowed, in addition to ``keys``.
    mode_key: str = ""
    modes: t.Mapping[str, t.Mapping[str, Key]] | None = None


def _path_remedy(example: str) -> str:
    """Return what to write where a path of the host cannot be used."""
    return f"write an absolute path of plain characters, such as {example}"


_ROUTE_TIMEOUT = Key(
    "str",
    "Longest time that nginx waits between two reads from the application, as an nginx time.",
    default="60s",
    pattern=DURATION,
    remedy="write an nginx time such as 60s",
)


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
            pattern=rf"http://({addresses.IPV4}|\[[0-9a-fA-F:]+\]):{addresses.PORT}/[!-~]*",
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
_ACCESS = Key(
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
_LIMITS: t.Mapping[str, Key] = {
    "rate": Key(
        "str", "Number of requests per second or minute.", pattern=r"[0-9]{1,6}r/[sm]", remedy="write a rate such as 10r/s or 30r/m"
    ),
    "burst": Key("int", "Number of requests above the rate that nginx still accepts at once.", default=20, minimum=0, maximum=100000),
    "connections": Key("int", "Number of requests at the same time.", minimum=1, maximum=MOST_CONNECTIONS),
}
_CORS = Key(
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
_ROUTE_ACCESS = dataclasses.replace(
    _ACCESS,
    doc="As `access` of the site. For this route, addresses take the place of the site's addresses, and a login that of its login.",
    keys={
        **t.cast("t.Mapping[str, Key]", _ACCESS.keys),
        "public": Key("bool", "Whether the route is for everybody, whatever `access` of the site says.", default=False),
    },
)


# Whole directives of nginx, each with its semicolon or braces.
DIRECTIVE = Key(
    "str",
    "A directive of nginx with its semicolon, or a block.",
    pattern=r"(?s).*[;}]\s*",
    remedy="end it with a semicolon, such as `add_header X-Robots-Tag noindex;`",
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
                " `stale-if-error`. `always`: also while nginx fetches a new answer and when the application fails, whatever the answer says.",
                default="answer",
                choices=("answer", "always"),
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
        "access": _ROUTE_ACCESS,
        "limit": Key(
            "dict",
            "Limits of the route for each client, which take the place of the site's. A client that is beyond them here still gets other routes.",
            default={},
            keys=_LIMITS,
        ),
        "cors": _CORS,
        "max_body_size": Key(
            "str",
            "Size of the largest request body that nginx accepts here.",
            derived="that of the site",
            pattern=SIZE,
            remedy="write a size such as 10m",
        ),
        "extra": Key("list", "Further directives inside the location.", default=(), elements=DIRECTIVE),
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


_MEMORY_MAX = Key(
    "str",
    "Upper limit of the memory of all processes together. If they need more, the kernel kills one of them.",
    pattern=r"[1-9][0-9]{0,8}[MG]",
    remedy="write a size such as 512M",
)


_TASKS_MAX = Key(
    "int",
    "Upper limit of processes and threads, including those that the application starts.",
    derived="1024, or twice `processes` × `threads` if that is more",
    minimum=16,
    maximum=4194304,
)


_PEM_OR_PATH = rf"(?s)\s*-----BEGIN .*|{ABSOLUTE}"
TLS = Key(
    "dict",
    "TLS of the site, by one of `certificate`, `self_signed` and `acme`. Without one, nginx serves the site over HTTP only.",
    default={},
    keys={
        "certificate": Key(
            "str",
            "The site's own certificate, followed by those of its issuers: PEM text, or the path of a file on the host.",
            pattern=_PEM_OR_PATH,
            remedy="write PEM text, which begins with -----BEGIN CERTIFICATE-----, or an absolute path of the host",
        ),
        "key": Key(
            "str",
            "The private key of `certificate`, without a password: PEM text from a vault, or the path of a file on the host.",
            pattern=_PEM_OR_PATH,
            remedy="write PEM text, which begins with -----BEGIN PRIVATE KEY-----, or an absolute path of the host",
            secret=True,
        ),
        "self_signed": Key(
            "bool",
            "Whether the host makes a certificate by itself. Browsers warn of it, so it is for tests and for the inside of networks.",
            default=False,
        ),
        "acme": Key(
            "bool",
            "Whether the host gets the certificate from a CA by ACME, and renews it by itself. Each name must lead to this host.",
            default=False,
        ),
        "client_ca": Key(
            "str",
            "Certificates of the CAs that have signed those of clients, as PEM text: nginx asks clients for a certificate. Flask has its subject as"
            " `REMOTE_USER` where nobody has logged in otherwise.",
            derived="none",
            pattern=r"(?s)\s*-----BEGIN CERTIFICATE-----.*",
            remedy="write PEM text, which begins with -----BEGIN CERTIFICATE-----",
        ),
        "verify": Key(
            "str",
            "With `client_ca`: `required` answers 403 to clients without a certificate, also over plain HTTP; `optional` leaves that to the application.",
            default="required",
            choices=("required", "optional"),
        ),
        "redirect": Key(
            "bool",
            "Whether nginx redirects plain requests to HTTPS, with status 308, for the names that are in the certificate.",
            default=True,
        ),
        "hsts": Key(
            "int",
            "Seconds for which browsers that have seen the site over HTTPS use nothing else (`Strict-Transport-Security`). 0 sends no such header.",
            derived="63072000, two years; 0 with `self_signed`",
            minimum=0,
            maximum=315360000,
        ),
    },
)


_SYSTEM_DIRECTORY = Key(
    "str",
    "A name, or a path of names.",
    pattern=r"[A-Za-z0-9_][A-Za-z0-9._@+-]*(/[A-Za-z0-9_][A-Za-z0-9._@+-]*)*",
    remedy="write a name such as shop",
    advice=system_names.remedy,
)


COMMAND = Key("str", "A command line.", pattern=r"(?s).*\S.*", remedy="write a command")


# A program with its arguments, in one line of a unit.
_UNIT_COMMAND = Key(
    "str",
    "A program with its arguments.",
    pattern=r"[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*",
    remedy="write a program and its arguments in one line, such as celery -A shop.tasks worker",
)
_UNIT_HOSTS = Key(
    "str",
    "`one` is the first host of the play that has the application, `all` is every host.",
    default="all",
    choices=("all", "one"),
)


_UNIT_NAME = Key(
    "str",
    "Name, part of the name of its unit.",
    required=True,
    # Other units of an application have the refused names.
    pattern=r"(?!(stream|build|migrate|after-switch)$|command)[a-z][a-z0-9_-]{0,24}",
    remedy="use up to 25 of a-z, 0-9, - and _, beginning with a letter, and none of stream, build, migrate, after-switch and command",
)


TIMER = Key(
    "dict",
    "A command that the live release runs at certain times.",
    keys={
        "name": dataclasses.replace(_UNIT_NAME, doc="Name of the timer, part of the names of its units."),
        "command": dataclasses.replace(
            _UNIT_COMMAND,
            doc="Program with its arguments, which a shell reads, in the directory of the release. It is not started while it still runs.",
            required=True,
        ),
        "schedule": Key(
            "str",
            "When it runs, as systemd writes it (`OnCalendar`), such as `daily`, `*-*-* 03:00` or `Mon *-*-* 06:30:00 Europe/Berlin`.",
            required=True,
            pattern=r"(?!.*%)[^\s\x00-\x1f\x7f\"\\\\][^\x00-\x1f\x7f\"\\\\]*",
            remedy="write a time as in systemd.time(7), such as *-*-* 03:00",
        ),
        "timeout": Key("int", "Seconds that the command may take before it is ended.", default=3600, minimum=1, maximum=604800),
        "catch_up": Key("bool", "Whether a run that the host has missed while it was off is made up for at its start.", default=False),
        "hosts": dataclasses.replace(_UNIT_HOSTS, doc="Hosts that have the timer: " + _UNIT_HOSTS.doc),
    },
)


WORKER = Key(
    "dict",
    "A process beside uWSGI, of the same release, environment and sandbox.",
    keys={
        "name": dataclasses.replace(_UNIT_NAME, doc="Name of the worker, part of the name of its unit."),
        "command": dataclasses.replace(
            _UNIT_COMMAND,
            doc="Program with its arguments, which a shell reads. It runs in the directory of the release and finds the programs of the virtualenv.",
            required=True,
        ),
        "count": Key("int", "Number of such processes on each host.", default=1, minimum=1, maximum=100),
        "stop_signal": Key(
            "str",
            "Signal that asks the worker to finish its job and end.",
            default="SIGTERM",
            choices=("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2"),
        ),
        "stop_timeout": Key(
            "int",
            "Seconds that the worker then has to finish its job, before it is killed. No run waits for it.",
            default=60,
            minimum=1,
            maximum=86400,
        ),
        "memory_max": _MEMORY_MAX,
        "tasks_max": dataclasses.replace(_TASKS_MAX, derived="", default=1024),
        "env": Key("map", "Further environment variables, which replace those of the application.", default={}),
        "overlap": Key(
            "bool",
            "Whether the worker of the old instance may still run while that of the new one does. With `false`, the old one has ended before, also"
            " with a run that waits for `stop_timeout`.",
            default=True,
        ),
        "hosts": dataclasses.replace(_UNIT_HOSTS, doc="Hosts that have the worker: " + _UNIT_HOSTS.doc),
    },
)


APP = Key(
    "dict",
    "One Flask application.",
    keys={
        "name": Key(
            "str",
            "Name of the application; its user, unit and directories are named after it.",
            required=True,
            # The role's own files in /etc/nginx have the refused names.
            pattern=r"(?!flaskops|nginx_site$)[a-z][a-z0-9_-]{0,24}",
            remedy="use up to 25 of a-z, 0-9, - and _, beginning with a letter, and not with flaskops",
        ),
        "state": Key(
            "str",
            "`absent` stops the application and removes everything of it, except its shared files, `state_dirs`, `log_dirs` and its system user.",
            default="present",
            choices=("present", "absent"),
        ),
        "purge": Key(
            "bool", "With `state: absent`, also removes the shared files, `state_dirs`, `log_dirs` and the system user.", default=False
        ),
        "source": Key(
            "dict",
            "Source of the code: exactly one of `path`, `git`, `archive`, `package`, `prebuilt`.",
            required=True,
            keys={
                "path": Key(
                    "str",
                    "Directory on the controller, relative to the inventory's or the playbook's directory.",
                    pattern=_PLACE,
                    remedy="write a path, . for the inventory's own directory",
                ),
                "git": Key(
                    "str",
                    "URL or path of a repository that the controller can reach. `version` chooses a branch, a tag or a commit.",
                    pattern=_PLACE,
                    remedy="write a URL or a path",
                ),
                "version": Key(
                    "str",
                    "Branch, tag or commit of `git`. For `prebuilt`, a label of your choice that changes with the code.",
                    default="HEAD",
                    pattern=r"[^\s\x00-\x1f\x7f-][^\s\x00-\x1f\x7f]*",
                    remedy="write a branch, a tag or a commit, as one word",
                ),
                "archive": Key(
                    "str",
                    "Tar or zip archive, a file on the controller or an https URL. If all its files are in one top directory, that directory is"
                    " left out.",
                    pattern=_PLACE,
                    remedy="write a URL or a path",
                ),
                "sha256": Key(
                    "str",
                    "SHA-256 checksum of `archive`. It is required for a URL.",
                    pattern=r"[0-9a-f]{64}",
                    remedy="write the 64 hexadecimal digits that sha256sum prints",
                ),
                "package": Key(
                    "str",
                    "Requirement with a pinned version. The controller fetches it from its package index.",
                    pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._ -]+\])?==[A-Za-z0-9.!+_-]+",
                    remedy='pin one version, such as "httpbin==0.10.2"',
                ),
                "prebuilt": Key(
                    "str",
                    "Directory on the host with code that something else put there. It requires `virtualenv`.",
                    pattern=ABSOLUTE,
                    remedy=_path_remedy("/opt/shop"),
                ),
                "virtualenv": Key(
                    "str",
                    "Virtualenv on the host that `prebuilt` uses. It must contain uWSGI.",
                    pattern=ABSOLUTE,
                    remedy=_path_remedy("/opt/shop-venv"),
                ),
                "subdir": Key(
                    "str",
                    "Directory inside the source that becomes the root of the release.",
                    default="",
                    pattern=r"(?!/)(?!.*\.\.)[^\s]*",
                    remedy="write a path relative to the source, without ..",
                ),
                "gitignore": Key(
                    "bool",
                    "Whether `path` leaves out what git ignores by the files `.gitignore`, where the directory is in a checkout of git.",
                    default=True,
                ),
                "exclude": Key(
                    "list",
                    "Patterns of file names that `path` and `archive` leave out.",
                    default=DEFAULT_EXCLUDES,
                    elements=Key("str", "A shell pattern."),
                ),
            },
        ),
        "wsgi": Key(
            "str",
            "Entry point: `module:callable`, `module:factory()` with arguments if need be, or a file such as `app.py` that defines `application` or"
            " `app`. Modules are also found in `src`, and in what pyproject.toml names in its place.",
            required=True,
            pattern=entry_points.PATTERN,
            remedy='write it like "shop.wsgi:app", "shop:create_app()" or "app.py"',
            advice=entry_points.remedy,
        ),
        "python": Key(
            "str",
            "Python interpreter on the host that makes the virtualenv, as a command or an absolute path.",
            default="python3",
            pattern=r"python3(\.[0-9]+)?|" + ABSOLUTE,
            remedy="write python3, python3.13 or an absolute path",
        ),
        "requirements": Key(
            "str",
            "File of the source that declares its requirements: one that pip reads, a lock, or a pyproject.toml. Hashes in it are enforced.",
            derived="the first of `requirements.txt`, `pylock.toml`, `uv.lock`, `poetry.lock`, `pdm.lock`, `Pipfile.lock`, `pyproject.toml`, `setup.py`",
            pattern=r"(?!/)(?!.*\.\.)[^\s]+",
            remedy="write a path relative to the source, without ..",
        ),
        "extras": Key(
            "list",
            "Extras of the project to install, with a lock or a pyproject.toml.",
            default=(),
            elements=Key("str", "An extra.", pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*", remedy="write a name such as postgres"),
        ),
        "groups": Key(
            "list",
            "Groups of dependencies to install beside the project's own, with a lock or a pyproject.toml. Without it none is.",
            default=(),
            elements=Key("str", "A group.", pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*", remedy="write a name such as prod"),
        ),
        "extra_requirements": Key(
            "list",
            "Further requirements beside those of the source, such as a database driver.",
            default=(),
            elements=Key(
                "str",
                "A requirement.",
                pattern=r"[A-Za-z0-9].*",
                remedy='write one such as "psycopg[binary]==3.2.9"',
                advice=packages.remedy,
            ),
        ),
        "system_site_packages": Key(
            "bool",
            "Whether the application also finds the Python packages of the distribution, such as python3-gdal in `packages`, with its own"
            " interpreter alone.",
            default=False,
        ),
        "requirements_refresh": Key(
            "str",
            "Any text, such as a date. A new text makes the next run resolve requirements without a version again.",
            default="",
        ),
        "hooks": Key(
            "dict",
            "Shell commands that run as the application's user, in the directory of the release, with the application's environment.",
            default={},
            keys={
                "build": Key(
                    "list",
                    "Commands that run in a new release before it is started. They are part of the id of the release.",
                    default=(),
                    elements=COMMAND,
                ),
                "migrate": Key(
                    "list",
                    "Commands that run once for a new release, on one host, before any host switches to it. A later run may repeat them.",
                    default=(),
                    elements=COMMAND,
                ),
                "after_switch": Key("list", "Commands that run on each host after the switch.", default=(), elements=COMMAND),
            },
        ),
        "workers": Key("list", "Processes beside uWSGI, such as those of a queue or a scheduler.", default=(), elements=WORKER),
        "timers": Key("list", "Commands that run at certain times.", default=(), elements=TIMER),
        "command_limits": Key(
            "dict",
            "Limits of the commands that a deployment runs: of those that make a virtualenv together, and of each hook. A command that exceeds"
            " one is ended, and the application fails.",
            default={},
            keys={
                "timeout": Key(
                    "int", "Seconds that a hook, or the commands that make a virtualenv, may take.", default=1800, minimum=1, maximum=86400
                ),
                "memory_max": Key(
                    "str",
                    "Memory of all processes of a command together, as a size or as a share of the host's memory.",
                    default="80%",
                    pattern=r"[1-9][0-9]*[KMGT]?|(100|[1-9][0-9]?)%|infinity",
                    remedy="write a size such as 512M, or a share such as 50%",
                ),
            },
        ),
        "strategy": Key(
            "str",
            "`switch` runs the old and the new instance side by side. `restart` stops the old one first, for hosts without the memory for both.",
            derived="`switch`, or `restart` with `uwsgi.http`",
            choices=("switch", "restart"),
        ),
        "packages": Key(
            "list",
            "Further packages of the distribution that the application or its build needs.",
            default=(),
            elements=Key("str", "A package name.", pattern=r"[a-z0-9][a-z0-9.+:~=*-]*", remedy="write a package name such as libpq5"),
        ),
        "sandbox": Key(
            "dict",
            "Rights of the application. By default it may use the network, and may write only to `<root>/shared`, `state_dirs`,"
            " `log_dirs` and its own `/tmp`.",
            default={},
            keys={
                "network": Key(
                    "str",
                    "Allowed connections: `any`, `local` (loopback addresses only) or `none` (unix sockets only).",
                    default="any",
                    choices=("any", "local", "none"),
                ),
                "write": Key(
                    "list",
                    "Further directories or files that the application may write to. They must exist on the host and be writable for its user.",
                    default=(),
                    elements=Key(
                        "str", "A path on the host.", pattern=OWN_DIRECTORY, remedy="write an absolute path such as /var/lib/shop"
                    ),
                ),
                "devices": Key(
                    "bool", "Whether the application sees the host's devices. Its user still needs the rights to use them.", default=False
                ),
                "memory_execute": Key(
                    "bool", "Whether memory may be writable and executable, which just-in-time compilers such as numba need.", default=False
                ),
                "system_calls": Key(
                    "list",
                    "Further system calls that the sandbox allows.",
                    default=(),
                    elements=Key(
                        "str",
                        "A system call or a group.",
                        pattern=r"@?[a-z][a-z0-9_-]*",
                        remedy="write one such as setpriority or @resources",
                    ),
                ),
            },
        ),
        "shared_paths": Key(
            "list",
            "Files and directories of the code that outlive a release, such as uploads: the release has links to `<root>/shared` in their place, and"
            " its own contents become the first ones there. A name with a dot is a file, unless it ends in a slash.",
            default=(),
            elements=Key(
                "str",
                "A path in the release.",
                pattern=r"(?![./])(?!.*(^|/)\.\.?(/|$))(?!.*//)[A-Za-z0-9._@+/-]+",
                remedy="write a path relative to the source, such as uploads or data/app.db",
            ),
        ),
        "state_dirs": Key(
            "list",
            "Directories below `/var/lib` that are made for the application, which may write to them.",
            default=(),
            elements=_SYSTEM_DIRECTORY,
        ),
        "log_dirs": Key(
            "list",
            "Directories below `/var/log` that are made for the application, which may write to them.",
            default=(),
            elements=_SYSTEM_DIRECTORY,
        ),
        "env": Key("map", "Environment variables of the application, in plain text.", default={}),
        "secrets": Key("map", "Environment variables of the application that are never shown. Keep the values in a vault.", default={}),
        "build_env": Key(
            "map",
            "Environment variables of pip and of build hooks alone, such as `PIP_INDEX_URL` with a token. They are never shown, and are not part of the id"
            " of a release.",
            default={},
        ),
        "drain_timeout": Key(
            "int", "Seconds that the old instance has after a switch to finish its requests.", default=30, minimum=0, maximum=86400
        ),
        "keep_releases": Key("int", "Number of releases that the host keeps, including the live one.", default=3, minimum=2, maximum=100),
        "uwsgi": Key(
            "dict",
            "How uWSGI runs the application.",
            default={},
            keys={
                "package": Key(
                    "str",
                    "Requirement that installs uWSGI into the virtualenv. `pyuwsgi` is a wheel, and `uwsgi` is built from source.",
                    derived=f"`{DEFAULT_UWSGI}`",
                    pattern=r"(?i:py)?uwsgi\s*([=<>!~].*)?|uWSGI\s*([=<>!~].*)?",
                    remedy="write a requirement on pyuwsgi or uwsgi, such as uwsgi==2.0.31",
                ),
                "processes": Key(
                    "int", "Number of worker processes.", derived="one for each processor of the host, at least 2", minimum=1, maximum=1024
                ),
                "threads": Key(
                    "int",
                    "Number of threads in each process. With 1, a process answers one request at a time.",
                    derived="2, or 1 with `greenlets`",
                    minimum=1,
                    maximum=1024,
                ),
                "greenlets": Key(
                    "int",
                    "Number of requests that each process answers at the same time with gevent, instead of threads.",
                    minimum=1,
                    maximum=100000,
                ),
                "cheaper": Key(
                    "dict",
                    "Adapts the number of workers to the load, from `minimum` up to `processes`, which must be set. With an empty mapping, all"
                    " workers always run.",
                    default={},
                    keys={
                        "minimum": Key("int", "Number of workers that always run.", minimum=1, maximum=1024),
                        "initial": Key("int", "Number of workers at the start.", derived="`minimum`", minimum=1, maximum=1024),
                        "step": Key("int", "Number of workers that uWSGI adds at a time.", default=1, minimum=1, maximum=1024),
                    },
                ),
                "worker_memory": Key(
                    "int",
                    "Megabytes of resident memory. A worker that uses more is replaced after its request.",
                    minimum=16,
                    maximum=1048576,
                ),
                "memory_max": _MEMORY_MAX,
                "tasks_max": _TASKS_MAX,
                "http": Key(
                    "str",
                    "Address of the host itself on which uWSGI speaks HTTP too, for development: no gate, no limits and no TLS there.",
                    pattern=rf"((?=127\.){addresses.IPV4}|\[::1\]|localhost):{addresses.PORT}",
                    remedy="write an address of the loopback with a port, such as 127.0.0.1:5000; nginx is what others may reach",
                ),
                "stream": Key(
                    "dict",
                    "The pool for routes with `mode: stream`, a second uWSGI of the same release. So streams occupy no worker of the other routes.",
                    default={},
                    keys={
                        "pool": Key(
                            "str",
                            "`gevent` runs streams in greenlets. `threads` is for an application that cannot be patched. With `none`, the other"
                            " workers serve the streams.",
                            derived="`gevent`, or `threads` for `source.prebuilt`, whose virtualenv may lack gevent",
                            choices=("gevent", "threads", "none"),
                        ),
                        "processes": Key("int", "Number of processes of the pool.", default=1, minimum=1, maximum=1024),
                        "greenlets": Key(
                            "int", "Number of streams in each process with `pool: gevent`.", default=1200, minimum=1, maximum=100000
                        ),
                        "threads": Key(
                            "int", "Number of streams in each process with `pool: threads`.", default=50, minimum=1, maximum=4096
                        ),
                        "memory_max": _MEMORY_MAX,
                        "tasks_max": _TASKS_MAX,
                        "options": Key(
                            "map", "Any options of uWSGI for the pool. `uwsgi.options` applies to the other workers only.", default={}
                        ),
                    },
                ),
                "options": Key(
                    "map",
                    "Any options of uWSGI. A value replaces the default, a list writes the option several times, and null removes a default.",
                    default={},
                ),
                "template": Key(
                    "str",
                    "Template of the ini. A file name without a path is also searched for beside the inventory.",
                    default="uwsgi.ini.j2",
                ),
            },
        ),
        "health": Key(
            "dict",
            "The health request, which a new instance must answer before it gets traffic.",
            default={},
            keys={
                "path": Key("str", "Path and query of the request.", default="/", pattern=URL_PATH, remedy="write a path such as /healthz"),
                "host": Key(
                    "str",
                    "Host header of the request.",
                    derived="the first server name",
                    pattern=r"\S+",
                    remedy="write a host name such as shop.example.com",
                ),
                "status": Key(
                    "list",
                    "HTTP statuses that count as healthy.",
                    default=(200, 204, 301, 302, 303, 307, 308),
                    minimum=1,
                    elements=Key("int", "An HTTP status.", minimum=100, maximum=599),
                ),
                "headers": Key(
                    "map",
                    "Further headers of the request.",
                    default={},
                    names=r"[A-Za-z0-9-]+",
                    pattern=r"[^\r\n]*",
                    remedy="write {Name: value} with a value of one line",
                ),
                "body": Key("str", "Regular expression that must match somewhere in the body of the answer.", default=""),
                "timeout": Key(
                    "int", "Seconds within which a new instance must have answered after its start.", default=30, minimum=1, maximum=3600
                ),
                "interval": Key("int", "Seconds between two health requests.", default=1, minimum=1, maximum=60),
                "successes": Key("int", "Number of accepted answers in a row that are required.", default=1, minimum=1, maximum=100),
            },
        ),
        "nginx": Key(
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
                    elements=Key(
                        "str",
                        "An address and a port; nginx would resolve a name when it starts, and never again.",
                        pattern=rf"({addresses.IPV4}|\[[0-9a-fA-F:]+\]):{addresses.PORT}",
                        remedy="write address and port, such as 192.0.2.11:8000",
                    ),
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
                "access": _ACCESS,
                "maintenance": Key(
                    "dict",
                    "How the site is closed by the playbook `maintenance`, which alone closes and opens it.",
                    default={},
                    keys={
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
                        **_LIMITS,
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
        ),
        "user": Key(
            "str",
            "System user that runs the application. The role creates it.",
            derived="`flask-<name>`",
            pattern=r"(?!root$)[a-z_][a-z0-9_-]{0,30}",
            remedy="use up to 31 of a-z, 0-9, - and _, and not root",
        ),
        "root": Key(
            "str",
            "Directory of releases, virtualenvs and shared files.",
            derived="`/srv/flask/<name>`",
            pattern=OWN_DIRECTORY,
            remedy=_path_remedy("/srv/shop"),
        ),
        "config_dir": Key(
            "str",
            "Directory of instance configurations.",
            derived="`/etc/flask/<name>`",
            pattern=OWN_DIRECTORY,
            remedy=_path_remedy("/etc/flask/shop"),
        ),
        "run_dir": Key(
            "str", "Directory of sockets.", derived="`/run/flask/<name>`", pattern=OWN_DIRECTORY, remedy=_path_remedy("/run/flask/shop")
        ),
        "socket": Key(
            "str",
            "Socket to which nginx passes requests.",
            derived="`<run_dir>/uwsgi.sock`",
            pattern=ABSOLUTE,
            remedy=_path_remedy("/run/flask/shop/uwsgi.sock"),
        ),
        "stream_socket": Key(
            "str",
            "Socket to which nginx passes requests of routes with `mode: stream`.",
            derived="`<run_dir>/stream.sock`; without a pool, or if you set `socket`, the value of `socket`",
            pattern=ABSOLUTE,
            remedy=_path_remedy("/run/flask/shop/stream.sock"),
        ),
    },
)
