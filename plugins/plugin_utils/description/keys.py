# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The keys an application is described with: the one schema behind roles, messages and documentation.

Every key carries its type, default, meaning and limits. ``app_validate`` checks user input against it, ``app_resolve``
derives what was not written, and the tables in the README are generated from it.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..uwsgi.packages import DEFAULT_UWSGI

DEFAULT_EXCLUDES = (".git", ".hg", ".svn", "__pycache__", "*.pyc", ".venv", "venv", ".tox", ".pytest_cache", ".mypy_cache")
DEFAULT_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
SOURCE_KINDS = ("path", "git", "archive", "package", "prebuilt")
# Paths are pasted into units, inis, shell commands and nginx files and compared as text: allow one spelling and no special characters.
_COMPONENT = r"/(?!\.\.?(/|$))[A-Za-z0-9._@+-]+"
ABSOLUTE = f"({_COMPONENT})+"
# Directories that get an owner and a mode: never one of the system's own.
OWN_DIRECTORY = f"({_COMPONENT}){{2,}}"
_PATH_REMEDY = "write an absolute path of plain characters, such as /srv/shop"
REGEX_PATH = r"[^\s\x00-\x1f\x7f\"]+"
# Units that all directives take: timeouts have no months and years, the times of a cache no milliseconds.
DURATION = r"[0-9]{1,9}[smhdw]?"
SIZE = r"[0-9]{1,9}[kKmMgG]?"
URL_PATH = r"/[!-~]*"
# Of a route that is no regular expression: what nginx takes as one word, with no variable in it.
PLAIN_PATH = r"(?!.*/\.\.(/|$))/[^\s\x00-\x1f\x7f\"';{}\\$^]*"
# A place on the controller: never empty, which would be the inventory's directory with its secrets, and no option of git's.
_PLACE = r"(?!-)[^\x00-\x1f\x7f]+"
# Names that a uWSGI process or its loader would misread as its own.
RESERVED_ENV = re.compile(r"NOTIFY_SOCKET|LISTEN_(FDS|PID|FDNAMES)|LD_.*|UWSGI_.*")
ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclasses.dataclass(frozen=True)
class Key:
    """One key of the description.

    :param type: ``str``, ``int``, ``bool``, ``list``, ``dict`` (with ``keys``) or ``map`` (free keys, scalar values)
    :param doc: what the key means, one sentence, with its unit
    :param default: the value when it is not written
    :param derived: how the value comes about when it is not written and depends on other keys, for the documentation
    :param pattern: regular expression the whole value must match
    :param names: regular expression that the names of a ``map`` must match
    :param remedy: what to do about a value that ``pattern``, ``choices`` or the limits refuse
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
    minimum: int | None = None
    maximum: int | None = None
    elements: Key | None = None
    keys: t.Mapping[str, Key] | None = None
    # The value of this sibling key decides which keys of ``modes`` are allowed beside ``keys``.
    mode_key: str = ""
    modes: t.Mapping[str, t.Mapping[str, Key]] | None = None


_ROUTE_TIMEOUT = Key(
    "str",
    "Longest pause between two reads from the application, as an nginx time.",
    default="60s",
    pattern=DURATION,
    remedy="write an nginx time such as 60s",
)


# A line of nginx's own language: whole directives, each with its end.
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
        "mode": Key(
            "str", "What nginx does with the route.", default="plain", choices=("plain", "cache", "stream", "static", "redirect", "deny")
        ),
        "extra": Key("list", "Further directives inside the location.", default=(), elements=DIRECTIVE),
        "probe": Key(
            "str",
            "Path that `validate.yml` requests to prove the route; an empty string leaves the route unchecked.",
            derived="`path`; empty for regular expressions and `static`",
            pattern=f"({URL_PATH})?",
            remedy="write a path that the application answers, or an empty string",
        ),
    },
    mode_key="mode",
    modes={
        "plain": {"read_timeout": _ROUTE_TIMEOUT},
        "cache": {
            "read_timeout": _ROUTE_TIMEOUT,
            "preset": Key(
                "str",
                "`safe` honours what answers say and what is personal; `seed` is the recipe of the tutorials, which does neither.",
                default="safe",
                choices=("safe", "seed"),
            ),
            "valid": Key(
                "map",
                "How long an answer without `Cache-Control` or `Expires` is kept, by status; with `preset: seed`, any answer.",
                derived="`{200: 10m}`; with `preset: seed`, `{200: 30d}`",
                names=r"[1-5][0-9][0-9]|any",
                pattern=DURATION,
                remedy="write nginx times by status, such as {200: 10m, 404: 1m}",
            ),
            "bypass_cookies": Key(
                "list",
                "Cookies whose presence makes a request neither answered from the cache nor stored.",
                default=("session", "remember_token"),
                elements=Key("str", "A cookie's name.", pattern=r"[A-Za-z0-9_]+", remedy="name cookies in [A-Za-z0-9_]"),
            ),
        },
        "stream": {
            "read_timeout": dataclasses.replace(_ROUTE_TIMEOUT, default="1h"),
        },
        "static": {
            "directory": Key(
                "str",
                "Directory of the release whose files nginx serves itself; those of the previous release answer where it has none.",
                required=True,
                pattern=r"(?!/)(?!.*\.\.)[A-Za-z0-9._@+/-]+",
                remedy="write a path relative to the source, such as shop/static",
            ),
            "max_age": Key(
                "str",
                "How long browsers may keep a file, as an nginx time.",
                default="1h",
                pattern=DURATION,
                remedy="write an nginx time such as 7d",
            ),
        },
        "redirect": {
            "to": Key(
                "str",
                "Where to: a URL or a path; variables of nginx such as `$request_uri` are filled in.",
                required=True,
                pattern=r"(https?://|/)[^\s\x00-\x1f\x7f\"';{}\\]*",
                remedy="write a URL or a path, without spaces, quotes or braces",
            ),
            "status": Key("str", "Status of the answer.", default="301", choices=("301", "302", "303", "307", "308")),
        },
        "deny": {
            "status": Key("str", "Status of the answer.", default="403", choices=("403", "404", "410")),
        },
    },
)


_MEMORY_MAX = Key(
    "str",
    "Most memory of all processes together; beyond it the kernel ends one of them.",
    pattern=r"[1-9][0-9]{0,8}[MG]",
    remedy="write a size such as 512M",
)


_TASKS_MAX = Key(
    "int",
    "Most processes and threads, those that the application starts included.",
    derived="1024, or twice `processes` × `threads` if that is more",
    minimum=16,
    maximum=4194304,
)


COMMAND = Key("str", "A command line.", pattern=r"(?s).*\S.*", remedy="write a command")


APP = Key(
    "dict",
    "One Flask application.",
    keys={
        "name": Key(
            "str",
            "Name of the application; it names its user, unit and directories.",
            required=True,
            # The rest of the namespace in /etc/nginx is the roles' own.
            pattern=r"(?!flaskops|nginx_site$)[a-z][a-z0-9_-]{0,24}",
            remedy="use up to 25 of a-z, 0-9, - and _, beginning with a letter, and not with flaskops",
        ),
        "state": Key(
            "str",
            "`absent` stops the application and takes away everything of it except its shared files.",
            default="present",
            choices=("present", "absent"),
        ),
        "purge": Key("bool", "With `state: absent`, takes away shared files and the system user too.", default=False),
        "source": Key(
            "dict",
            "Where the code comes from: exactly one of `path`, `git`, `archive`, `package`, `prebuilt`.",
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
                    "Repository URL or path as the controller reaches it; `version` says what of it.",
                    pattern=_PLACE,
                    remedy="write a URL or a path",
                ),
                "version": Key(
                    "str",
                    "Branch, tag or commit of `git`; any label for `prebuilt`.",
                    default="HEAD",
                    pattern=r"[^\s\x00-\x1f\x7f-][^\s\x00-\x1f\x7f]*",
                    remedy="write a branch, a tag or a commit, as one word",
                ),
                "archive": Key(
                    "str",
                    "Tar or zip archive: a file on the controller or an https URL; a single top directory is dropped.",
                    pattern=_PLACE,
                    remedy="write a URL or a path",
                ),
                "sha256": Key(
                    "str",
                    "Checksum of `archive`; required for a URL.",
                    pattern=r"[0-9a-f]{64}",
                    remedy="write the 64 hexadecimal digits that sha256sum prints",
                ),
                "package": Key(
                    "str",
                    "Requirement pinned to one version, fetched from the controller's package index.",
                    pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._ -]+\])?==[A-Za-z0-9.!+_-]+",
                    remedy='pin one version, such as "httpbin==0.10.2"',
                ),
                "prebuilt": Key(
                    "str",
                    "Directory on the host with code that something else put there; needs `virtualenv`.",
                    pattern=ABSOLUTE,
                    remedy=_PATH_REMEDY,
                ),
                "virtualenv": Key(
                    "str",
                    "Virtualenv on the host for `prebuilt`, with uWSGI in it.",
                    pattern=ABSOLUTE,
                    remedy=_PATH_REMEDY,
                ),
                "subdir": Key(
                    "str",
                    "Directory inside the source that is the application's root.",
                    default="",
                    pattern=r"(?!/)(?!.*\.\.)[^\s]*",
                    remedy="write a path relative to the source, without ..",
                ),
                "exclude": Key(
                    "list",
                    "File name patterns that `path` and `archive` leave out.",
                    default=DEFAULT_EXCLUDES,
                    elements=Key("str", "A shell pattern."),
                ),
            },
        ),
        "wsgi": Key(
            "str",
            "Entry point: `module:callable`, `module:factory()` or a file such as `app.py` (with `application` or `app`).",
            required=True,
            pattern=r"(?!/)(?!.*\.\.)([A-Za-z_][\w.]*:[A-Za-z_]\w*(\(\))?|[A-Za-z_][\w.]*|[\w./-]+\.py(:[A-Za-z_]\w*)?)",
            remedy='write it like "shop.wsgi:app", "shop:create_app()" or "app.py"',
        ),
        "python": Key(
            "str",
            "Interpreter on the host for the virtualenv: a command or an absolute path.",
            default="python3",
            pattern=r"python3(\.[0-9]+)?|" + ABSOLUTE,
            remedy="write python3, python3.13 or an absolute path",
        ),
        "requirements": Key(
            "str",
            "Requirements file inside the source; hashes in it are enforced. A missing default file means no requirements.",
            derived="`requirements.txt` if it is there",
            pattern=r"(?!/)(?!.*\.\.)[^\s]+",
            remedy="write a path relative to the source, without ..",
        ),
        "requirements_refresh": Key(
            "str",
            "Any text, such as a date; changing it resolves requirements without a version again.",
            default="",
        ),
        "hooks": Key(
            "dict",
            "Commands run by a shell as the application's user, in the release, with its environment.",
            default={},
            keys={
                "build": Key("list", "In a new release, before it is started; part of its id.", default=(), elements=COMMAND),
                "migrate": Key(
                    "list",
                    "Once for a new release, on one host, before any host switches to it; must bear repetition.",
                    default=(),
                    elements=COMMAND,
                ),
                "after_switch": Key("list", "On each host, after the switch.", default=(), elements=COMMAND),
            },
        ),
        "strategy": Key(
            "str",
            "`switch` runs old and new side by side; `restart` stops the old instance first, for hosts without the memory for both.",
            derived="`switch`; with `uwsgi.http`, `restart`",
            choices=("switch", "restart"),
        ),
        "packages": Key(
            "list",
            "Further distribution packages the application or its build needs.",
            default=(),
            elements=Key("str", "A package name.", pattern=r"[a-z0-9][a-z0-9.+:~=*-]*", remedy="write a package name such as libpq5"),
        ),
        "sandbox": Key(
            "dict",
            "What the application may do beyond an ordinary one, which reaches the network and writes to `<root>/shared` and `/tmp`.",
            default={},
            keys={
                "network": Key(
                    "str",
                    "Whom it may connect to: `any`, `local` (addresses of the loopback), or `none` (unix sockets only).",
                    default="any",
                    choices=("any", "local", "none"),
                ),
                "write": Key(
                    "list",
                    "Further directories or files it may write to; they are on the host before it starts, and its user's or its group's.",
                    default=(),
                    elements=Key(
                        "str", "A path on the host.", pattern=OWN_DIRECTORY, remedy="write an absolute path such as /var/lib/shop"
                    ),
                ),
                "devices": Key("bool", "Whether it sees the host's devices, as far as its user and groups may use them.", default=False),
                "memory_execute": Key(
                    "bool", "Whether memory may be written and executed, which just-in-time compilers such as numba need.", default=False
                ),
                "system_calls": Key(
                    "list",
                    "Further system calls, of those that services do without.",
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
        "env": Key("map", "Environment of the application, in plain text.", default={}),
        "secrets": Key("map", "Environment of the application that is never shown; keep the values in a vault.", default={}),
        "drain_timeout": Key(
            "int", "Seconds the old instance may take to finish what it holds after a switch.", default=30, minimum=0, maximum=86400
        ),
        "keep_releases": Key("int", "Releases kept on the host, the live one included.", default=3, minimum=2, maximum=100),
        "uwsgi": Key(
            "dict",
            "How uWSGI runs the application.",
            default={},
            keys={
                "package": Key(
                    "str",
                    "Requirement that brings uWSGI into the virtualenv: `pyuwsgi` is a wheel, `uwsgi` is built from source.",
                    derived=f"`{DEFAULT_UWSGI}`",
                    pattern=r"(?i:py)?uwsgi\s*([=<>!~].*)?|uWSGI\s*([=<>!~].*)?",
                    remedy="write a requirement on pyuwsgi or uwsgi, such as uwsgi==2.0.31",
                ),
                "processes": Key(
                    "int", "Worker processes.", derived="one for each processor of the host, at least 2", minimum=1, maximum=1024
                ),
                "threads": Key(
                    "int", "Threads in each process; 1 for processes alone.", derived="2; 1 with `greenlets`", minimum=1, maximum=1024
                ),
                "greenlets": Key(
                    "int", "Requests that each process answers at the same time by gevent, instead of threads.", minimum=1, maximum=100000
                ),
                "cheaper": Key(
                    "dict",
                    "Workers by load, up to `processes`, which must be written; an empty mapping keeps all of them.",
                    default={},
                    keys={
                        "minimum": Key("int", "Workers that are always there.", minimum=1, maximum=1024),
                        "initial": Key("int", "Workers at the start.", derived="`minimum`", minimum=1, maximum=1024),
                        "step": Key("int", "Workers that are added at a time.", default=1, minimum=1, maximum=1024),
                    },
                ),
                "worker_memory": Key(
                    "int", "Megabytes of resident memory at which a worker is replaced after its request.", minimum=16, maximum=1048576
                ),
                "memory_max": _MEMORY_MAX,
                "tasks_max": _TASKS_MAX,
                "http": Key(
                    "str",
                    "Address of the host itself on which uWSGI speaks HTTP too, for development: no gate, no limits and no TLS there.",
                    pattern=r"(127(\.[0-9]{1,3}){3}|\[::1\]|localhost):[1-9][0-9]{1,4}",
                    remedy="write an address of the loopback with a port, such as 127.0.0.1:5000; nginx is what others may reach",
                ),
                "stream": Key(
                    "dict",
                    "The pool of routes with `mode: stream`: a second uWSGI of the same release, so that streams hold no worker of the rest.",
                    default={},
                    keys={
                        "pool": Key(
                            "str",
                            "`gevent`; `threads` for an application that cannot be patched; `none` leaves streams to the other workers.",
                            derived="`gevent`; `threads` for `source.prebuilt`, whose virtualenv is not ours",
                            choices=("gevent", "threads", "none"),
                        ),
                        "processes": Key("int", "Processes of the pool.", default=1, minimum=1, maximum=1024),
                        "greenlets": Key("int", "Streams in each process with `pool: gevent`.", default=1200, minimum=1, maximum=100000),
                        "threads": Key("int", "Streams in each process with `pool: threads`.", default=50, minimum=1, maximum=4096),
                        "memory_max": _MEMORY_MAX,
                        "tasks_max": _TASKS_MAX,
                        "options": Key(
                            "map", "Any uWSGI option for the pool; those of `uwsgi.options` are for the other workers.", default={}
                        ),
                    },
                ),
                "options": Key("map", "Any uWSGI option; wins over the default, a list repeats it, null drops it.", default={}),
                "template": Key("str", "Template of the ini: a bare name is looked up beside the inventory too.", default="uwsgi.ini.j2"),
            },
        ),
        "health": Key(
            "dict",
            "The request a candidate must answer before it gets traffic.",
            default={},
            keys={
                "path": Key("str", "Path and query that is asked.", default="/", pattern=URL_PATH, remedy="write a path such as /healthz"),
                "host": Key("str", "Host header that is sent.", derived="the first server name"),
                "status": Key(
                    "list",
                    "Accepted statuses.",
                    default=(200, 204, 301, 302, 303, 307, 308),
                    minimum=1,
                    elements=Key("int", "An HTTP status.", minimum=100, maximum=599),
                ),
                "headers": Key(
                    "map",
                    "Further headers that are sent.",
                    default={},
                    names=r"[A-Za-z0-9-]+",
                    pattern=r"[^\r\n]*",
                    remedy="write {Name: value} with a value of one line",
                ),
                "body": Key("str", "Regular expression that the body must match somewhere.", default=""),
                "timeout": Key("int", "Seconds from the start until it must have answered.", default=30, minimum=1, maximum=3600),
                "interval": Key("int", "Seconds between two requests.", default=1, minimum=1, maximum=60),
                "successes": Key("int", "Accepted answers in a row.", default=1, minimum=1, maximum=100),
            },
        ),
        "nginx": Key(
            "dict",
            "How nginx serves the application.",
            default={},
            keys={
                "server_names": Key(
                    "list",
                    "Host names of the site.",
                    derived="the application's name",
                    minimum=1,
                    elements=Key(
                        "str",
                        "A host name, also with a leading `*.`.",
                        pattern=r"(?!.*\.\.)(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9a-fA-F:]+\]",
                        remedy="write a host name such as shop.example.com",
                    ),
                ),
                "front": Key(
                    "str",
                    "`direct` passes to uWSGI; `proxy` puts an HTTP proxy before the server on the backend port.",
                    default="direct",
                    choices=("direct", "proxy"),
                ),
                "backends": Key(
                    "list",
                    "With `front: proxy`, the servers on other hosts that have the application, instead of the one behind this proxy.",
                    default=(),
                    elements=Key(
                        "str",
                        "An address and a port; nginx would resolve a name when it starts, and never again.",
                        pattern=r"([0-9]{1,3}(\.[0-9]{1,3}){3}|\[[0-9a-fA-F:]+\]):[0-9]{1,5}",
                        remedy="write address and port, such as 192.0.2.11:8000",
                    ),
                ),
                "prefix": Key(
                    "str",
                    "URL path that the application is mounted under: its routes and `health` are below it, and Flask has it as `SCRIPT_NAME`.",
                    default="",
                    pattern=r"(/(?!\.\.?(/|$))[A-Za-z0-9._~-]+)*",
                    remedy="write a path such as /shop, without a slash at its end",
                ),
                "routes": Key("list", "Locations of the site.", default=({"path": "/"},), elements=ROUTE),
                "max_body_size": Key("str", "Largest request body.", default="10m", pattern=SIZE, remedy="write a size such as 10m"),
                "headers": Key(
                    "map",
                    "Headers that every answer has unless the application sets them, beside `X-Content-Type-Options: nosniff`,"
                    " `X-Frame-Options: SAMEORIGIN` and `Referrer-Policy: strict-origin-when-cross-origin`; an empty value drops one.",
                    default={},
                    names=r"[A-Za-z0-9-]+",
                    pattern=r"[^\x00-\x1f\x7f\"\\$]*",
                    remedy="write {Name: value} with a value of one line, without quotes, backslashes and dollar signs",
                ),
                "limit": Key(
                    "dict",
                    "Limits for each client address; beyond them nginx answers 429.",
                    default={},
                    keys={
                        "rate": Key(
                            "str",
                            "Requests per second or minute.",
                            pattern=r"[0-9]{1,6}r/[sm]",
                            remedy="write a rate such as 10r/s or 30r/m",
                        ),
                        "burst": Key("int", "Requests above the rate that are let through at once.", default=20, minimum=0, maximum=100000),
                        "connections": Key("int", "Requests at the same time.", minimum=1, maximum=100000),
                    },
                ),
                "log": Key(
                    "str",
                    "Format of the access log in `/var/log/nginx/<name>.access.log`: a JSON object, or nginx's `combined` with more at its end;"
                    " both have upstream times, cache status and request id.",
                    default="combined",
                    choices=("combined", "json", "off"),
                ),
                "extra": Key("list", "Further directives inside the server.", default=(), elements=DIRECTIVE),
                "cache_size": Key(
                    "str", "Most the response cache takes on disk.", default="256m", pattern=SIZE, remedy="write a size such as 256m"
                ),
                "template": Key(
                    "str",
                    "Template of the site; a bare name is looked up beside the inventory too.",
                    derived="`site_direct.conf.j2` or `site_proxy.conf.j2`, by `front`",
                ),
            },
        ),
        "user": Key(
            "str",
            "System user that runs the application; the role creates it.",
            derived="`flask-<name>`",
            pattern=r"(?!root$)[a-z_][a-z0-9_-]{0,30}",
            remedy="use up to 31 of a-z, 0-9, - and _, and not root",
        ),
        "root": Key(
            "str",
            "Directory of releases, virtualenvs and shared files.",
            derived="`/srv/flask/<name>`",
            pattern=OWN_DIRECTORY,
            remedy=_PATH_REMEDY,
        ),
        "config_dir": Key(
            "str", "Directory of instance configurations.", derived="`/etc/flask/<name>`", pattern=OWN_DIRECTORY, remedy=_PATH_REMEDY
        ),
        "run_dir": Key("str", "Directory of sockets.", derived="`/run/flask/<name>`", pattern=OWN_DIRECTORY, remedy=_PATH_REMEDY),
        "socket": Key(
            "str",
            "Socket that nginx passes requests to.",
            derived="`<run_dir>/uwsgi.sock`",
            pattern=ABSOLUTE,
            remedy=_PATH_REMEDY,
        ),
        "stream_socket": Key(
            "str",
            "Socket that nginx passes requests of routes with `mode: stream` to.",
            derived="`<run_dir>/stream.sock`; where there is no pool or `socket` is written, `socket`",
            pattern=ABSOLUTE,
            remedy=_PATH_REMEDY,
        ),
    },
)
