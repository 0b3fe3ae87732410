# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a uWSGI instance is started with, each option with its reason: the one source of the ini and of its documentation."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from .ini import literal
from .packages import OLDEST_UWSGI

Setting = dict[str, t.Any]
# uWSGI reads block sizes as 16 bit: 65536 would wrap to 0 (unbit/uwsgi#324).
_BUFFER_SIZE = 65535
_HARAKIRI_SECONDS = 60
_SLOW_MILLISECONDS = 3000
# Together: a worker is old enough long before it has had its requests, and the next one has some thousands left.
_MAX_REQUESTS, _MAX_REQUESTS_DELTA = 100_000, 10_000
_LIFETIME_SECONDS, _LIFETIME_DELTA, _SHORTEST_SECONDS = 3_600, 180, 10
_LISTEN, _LISTEN_STREAMS = 1024, 4096
# A user's own come beside ours: nginx needs the name of the instance.
_ADDED_TO = ("add-header",)
# Options that not every supported uWSGI knows; `strict` refuses what it does not know.
SINCE = {"max-requests-delta": (2, 0, 29)}


def entry_point(wsgi: str, default_callable: str = "") -> list[Setting]:
    """Return the options that name the application.

    :param wsgi: ``module:callable``, ``module:factory()``, ``module``, ``file.py`` or ``file.py:callable``
    :param default_callable: the callable to use where ``wsgi`` names none; uWSGI itself looks for ``application``
    """
    file = re.fullmatch(r"(.+\.py)(?::(\w+))?", wsgi)
    if file:
        target, name = file.group(1), file.group(2) or default_callable
        options = [_setting("wsgi-file", literal(target), "The file that holds the application.")]
    else:
        target, _colon, name = wsgi.partition(":")
        name = name or default_callable
        options = [_setting("module", literal(target), "The module that holds the application.")]
    if name:
        options.append(_setting("callable", name, "What is called for each request; parentheses make it a factory."))
    return options


def instance_settings(app: Mapping[str, t.Any], release: Mapping[str, t.Any], stop_timeout: int) -> list[Setting]:
    """Return the settings of one instance, the user's options last and winning over the defaults.

    :param app: a description as ``app_resolve`` returns it
    :param release: ``path`` and ``virtualenv_path`` on the host, ``callable`` where the code tells it
    :param stop_timeout: seconds a graceful stop may take
    """
    uwsgi = app["uwsgi"]
    settings = [
        *_program(app, release),
        *_processes(uwsgi),
        *_slots(uwsgi),
        *_socket(app),
        _setting("add-header", "X-Flask-Instance: %n", "Tells nginx whose answer it is, for the key of its cache; clients do not see it."),
        *_http(app),
        *_stop(stop_timeout),
        _setting("listen", _LISTEN, "Room for a burst, as far as the host's somaxconn lets it."),
        _setting("buffer-size", _BUFFER_SIZE, "Large cookies and headers; the default 4096 answers them with 502."),
        *_limits(app),
        *_recycling(uwsgi),
        *_clients(),
        *_names(literal(app["name"])),
        *_log(app),
        _setting("log-slow", _SLOW_MILLISECONDS, "And requests that take longer than so many milliseconds."),
    ]
    return _override(settings, uwsgi)


def stream_settings(app: Mapping[str, t.Any], release: Mapping[str, t.Any], stop_timeout: int) -> list[Setting]:
    """Return the settings of the pool for streams of one instance; see :func:`instance_settings`.

    Nothing here ends a stream because of its age, or a worker because of how much it has done.
    """
    stream = app["uwsgi"]["stream"]
    slots = {"greenlets": stream["greenlets"]} if stream["pool"] == "gevent" else {"threads": stream["threads"]}
    settings = [
        *_program(app, release),
        _setting("processes", stream["processes"], "Processes of the pool."),
        *_slots(slots),
        *_socket(app),
        *_stop(stop_timeout),
        _setting("listen", _LISTEN_STREAMS, "Everybody comes back at once after a switch; the host's somaxconn is the limit."),
        _setting("buffer-size", _BUFFER_SIZE, "Large cookies and headers; the default 4096 answers them with 502."),
        *_clients(),
        *_names(f"{literal(app['name'])} streams"),
        *_log(app),
    ]
    return _override(settings, {"version": app["uwsgi"]["version"], "options": stream["options"]})


def _program(app: Mapping[str, t.Any], release: Mapping[str, t.Any]) -> list[Setting]:
    return [
        _setting("strict", True, "A misspelt option is refused instead of ignored."),
        _setting("chdir", literal(release["path"]), "The release by its own name: a reload never changes the code under it."),
        _setting("virtualenv", literal(release["virtualenv_path"]), "The packages of this release."),
        _setting("binary-path", _binary_path(app, release), "The pyuwsgi wheel needs its interpreter named (pyuwsgi-wheels#7)."),
        *entry_point(app["wsgi"], release.get("callable", "")),
        _setting("need-app", True, "Without an application there is no instance, rather than one that answers 500."),
        _setting("master", True, "Supervises workers and carries out graceful stops."),
        _setting("single-interpreter", True, "One application: C extensions work without sub-interpreters."),
        _setting("enable-threads", True, "Threads that the application starts get the GIL."),
    ]


def _processes(uwsgi: Mapping[str, t.Any]) -> list[Setting]:
    """Return how many workers there are; the host itself tells how many processors it has, so that ids do not depend on it."""
    if "processes" not in uwsgi and "processes" not in uwsgi["options"]:
        return [
            _setting("processes", "%k", "A worker for each processor of the host."),
            _setting("if-opt", "processes=1", "Where that is a single one, what follows counts."),
            _setting("processes", 2, "Two, so that one request cannot keep all others waiting."),
            _setting("endif", True, "And nowhere else."),
        ]
    cheaper = uwsgi["cheaper"] if "minimum" in uwsgi["cheaper"] else {}
    return [
        _setting("processes", uwsgi.get("processes"), "Workers for each instance."),
        _setting("cheaper", cheaper.get("minimum"), "Workers that stay when there is little to do."),
        _setting("cheaper-initial", cheaper.get("initial"), "Workers at the start."),
        _setting("cheaper-step", cheaper.get("step"), "Workers that are added at a time."),
    ]


def _slots(uwsgi: Mapping[str, t.Any]) -> list[Setting]:
    """Return how many requests a worker answers at the same time, and by what."""
    if "greenlets" not in uwsgi:
        return [_setting("threads", uwsgi["threads"], "Requests a worker answers at the same time.")]
    return [
        _setting("gevent", uwsgi["greenlets"], "Requests a worker answers at the same time, each in a greenlet."),
        _setting("gevent-early-monkey-patch", True, "Before the application is imported: what it had bound before would block everybody."),
    ]


def _socket(app: Mapping[str, t.Any]) -> list[Setting]:
    run_dir = literal(app["run_dir"])
    return [
        _setting("socket", f"{run_dir}/%n.sock", "Private to this instance (%n is this file's name); the switch links to it."),
        _setting("chmod-socket", 660, "The application's user and the web server's group, nobody else."),
        _setting("stats", f"{run_dir}/%n.stats", "What the workers do, for flaskops.stack.uwsgi_info."),
    ]


def _http(app: Mapping[str, t.Any]) -> list[Setting]:
    if "http" not in app["uwsgi"]:
        return []
    return [
        _setting("http", app["uwsgi"]["http"], "For development: HTTP without nginx, on the loopback."),
        _setting("http-to", f"{literal(app['run_dir'])}/%n.sock", "By the private socket; else uWSGI would open a port for it."),
    ]


def _stop(stop_timeout: int) -> list[Setting]:
    return [
        _setting("vacuum", True, "The socket goes with the instance."),
        _setting("die-on-term", True, "SIGTERM means stop; by default uWSGI would reload."),
        _setting("hook-master-start", "unix_signal:15 grace_them_all", "A stop lets the workers finish their requests."),
        _setting("exit-on-reload", True, "That stop is a reload that ends: uWSGI's own waits for streams without a limit."),
        _setting("worker-reload-mercy", stop_timeout, "Seconds they have for it; streams are cut then."),
    ]


def _limits(app: Mapping[str, t.Any]) -> list[Setting]:
    """Return the limits of a request; streams live longer than any, and killing a worker of greenlets would end hundreds of others."""
    streams = any(route["streams"] for route in app["nginx"]["routes"]) and app["uwsgi"]["stream"]["pool"] == "none"
    if streams or "greenlets" in app["uwsgi"]:
        return []
    return [
        _setting("harakiri", _HARAKIRI_SECONDS, "A worker with all its threads stuck for this many seconds is replaced."),
        _setting("harakiri-verbose", True, "And what it hung in is logged."),
        _setting("post-buffering", 4096, "A body is read whatever the application does, or a timeout resets it."),
    ]


def _recycling(uwsgi: Mapping[str, t.Any]) -> list[Setting]:
    """Return when a worker is replaced; one with greenlets never is, as it would not take requests until its last one has ended."""
    worn = "greenlets" not in uwsgi
    return [
        _setting("max-requests", _MAX_REQUESTS if worn else None, "A worker is replaced after so many requests, whatever it leaks."),
        _setting(
            "max-requests-delta", _MAX_REQUESTS_DELTA if worn else None, "Not all at once: each by so many later than the one before."
        ),
        _setting("max-worker-lifetime", _LIFETIME_SECONDS if worn else None, "Or after so many seconds."),
        _setting("max-worker-lifetime-delta", _LIFETIME_DELTA if worn else None, "Not all at once either."),
        _setting(
            "min-worker-lifetime",
            _SHORTEST_SECONDS if worn else None,
            "By default a minute, at whose end all workers of a busy site would go at once.",
        ),
        _setting("reload-on-rss", uwsgi.get("worker_memory"), "Or when it takes more megabytes than that."),
    ]


def _clients() -> list[Setting]:
    return [
        _setting("ignore-sigpipe", True, "A client that hangs up is not an error."),
        _setting("ignore-write-errors", True, "Nor is writing to it."),
        _setting("disable-write-exception", True, "Nor need the application hear of it."),
    ]


def _names(prefix: str) -> list[Setting]:
    return [
        _setting("auto-procname", True, "Processes tell what they are."),
        _setting("procname-prefix-spaced", prefix, "And whose they are."),
    ]


def _log(app: Mapping[str, t.Any]) -> list[Setting]:
    line = f"%(method) %(uri) %(status) %(msecs) ms app={literal(app['name'])} instance=%n worker=%(wid) request=%(var.HTTP_X_REQUEST_ID)"
    return [
        _setting("disable-logging", True, "nginx keeps the access log."),
        _setting("log-format", line, "What is logged all the same tells whose it is, and the request's id in nginx's log."),
        _setting("log-5xx", True, "Failed requests are."),
    ]


def _binary_path(app: Mapping[str, t.Any], release: Mapping[str, t.Any]) -> str | None:
    """Return what a reload executes; uWSGI built from source finds itself."""
    wheel = app["uwsgi"]["package"].lower().startswith("py")
    return literal(f"{release['virtualenv_path']}/bin/python") if wheel else None


def _override(settings: list[Setting], uwsgi: Mapping[str, t.Any]) -> list[Setting]:
    """Leave out what this uWSGI does not know, and put the user's options in place of the defaults."""
    options, version = uwsgi["options"], tuple(uwsgi["version"] or OLDEST_UWSGI)
    known = [item for item in settings if item["value"] is not None and version >= SINCE.get(item["option"], OLDEST_UWSGI)]
    kept = [item for item in known if item["option"] not in options or item["option"] in _ADDED_TO]
    own = [_setting(option, value, "") for option, value in options.items() if value is not None]
    if own:
        own[0]["reason"] = "From the description of the application."
    return kept + own


def _setting(option: str, value: t.Any, reason: str) -> Setting:
    return {"option": option, "value": value, "reason": reason}
