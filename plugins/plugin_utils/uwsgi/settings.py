# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The uWSGI options of an instance, each with its reason; the ini on the server and docs/uwsgi.md are made from them."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ...module_utils.app.layout import Layout
from ...module_utils.app.uwsgi_package import is_wheel
from .entry_point import entry_file
from .fork_hooks import fork_hooks
from .ini import literal
from .longest_request import longest_request
from .packages import OLDEST_UWSGI
from .request_room import REQUEST_ROOM
from .websocket import opens_websockets

Setting = dict[str, t.Any]
_HARAKIRI_SECONDS = 60
_SLOW_MILLISECONDS = 3000
# The values fit together: at the highest request rate a worker passes min-worker-lifetime well before max-requests,
# and the deltas let one worker end while the next still has thousands of requests left.
_MAX_REQUESTS, _MAX_REQUESTS_DELTA = 100_000, 10_000
_LIFETIME_SECONDS, _LIFETIME_DELTA, _SHORTEST_SECONDS = 3_600, 180, 10
_LISTEN, _LISTEN_STREAMS = 1024, 4096
# Options whose user values are added to the default, since nginx needs our header with the name of the instance.
_ADDED_TO = ("add-header",)
# First uWSGI version that knows an option, where older supported versions do not. With `strict`, they would refuse to start.
SINCE = {"max-requests-delta": (2, 0, 29)}


def entry_point(wsgi: str, default_callable: str = "") -> list[Setting]:
    """Return the options that name the application.

    :param wsgi: ``module:callable``, ``module:factory()``, ``module:factory("argument")``, ``module``, ``file.py`` or ``file.py:callable``
    :param default_callable: the callable to use if ``wsgi`` names none; uWSGI itself looks for ``application``
    """
    file = entry_file(wsgi)
    if file:
        target, name = file.path, file.callable or default_callable
        options = [_setting("wsgi-file", literal(target), "The file that holds the application.")]
    else:
        target, _colon, name = wsgi.partition(":")
        if "(" in name and not name.endswith("()"):
            factory = name.partition("(")[0]
            code = literal(f"from {target} import {factory}; application = {name}")
            # uWSGI itself calls a factory without arguments only.
            return [_setting("eval", code, "uWSGI runs this line, and calls what it names application for each request.")]
        name = name or default_callable
        options = [_setting("module", literal(target), "The module that holds the application.")]
    if name:
        options.append(
            _setting(
                "callable", name, "uWSGI calls this object for each request; with parentheses it is a factory that returns the object."
            )
        )
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
        *(_setting(*hook) for hook in fork_hooks(uwsgi["options"])),
        *_processes(uwsgi),
        *_slots(uwsgi),
        *_socket(app),
        _setting(
            "add-header",
            "X-Flask-Instance: %n",
            "Tells nginx which instance answered, for the key of its cache. nginx does not pass the header to clients.",
        ),
        *_http(app),
        *_stop(stop_timeout),
        _setting("listen", _LISTEN, "Length of the queue for bursts of connections; the kernel limits it to the host's somaxconn."),
        *(_setting(*room) for room in REQUEST_ROOM),
        *_limits(app),
        *_recycling(uwsgi),
        *_clients(),
        *_names(literal(app["name"])),
        *_log(app),
        _setting("log-slow", _SLOW_MILLISECONDS, "Log requests that take longer than this many milliseconds."),
    ]
    return _override(settings, uwsgi)


def stream_settings(app: Mapping[str, t.Any], release: Mapping[str, t.Any], stop_timeout: int) -> list[Setting]:
    """Return the settings of the pool for streams of one instance; see :func:`instance_settings`.

    No setting here limits the age of a stream, or the number of requests of a worker.
    """
    stream = app["uwsgi"]["stream"]
    slots = {"greenlets": stream["greenlets"]} if stream["pool"] == "gevent" else {"threads": stream["threads"]}
    settings = [
        *_program(app, release, _with_websockets(app) if opens_websockets(app) else None),
        *(_setting(*hook) for hook in fork_hooks([stream["pool"], *stream["options"]])),
        _setting("processes", stream["processes"], "Processes of the pool."),
        *_slots(slots),
        *_socket(app),
        *_stop(stop_timeout),
        _setting(
            "listen", _LISTEN_STREAMS, "After a switch all clients reconnect at once; the kernel limits the queue to the host's somaxconn."
        ),
        *(_setting(*room) for room in REQUEST_ROOM),
        *_clients(),
        *_names(f"{literal(app['name'])} streams"),
        *_log(app),
    ]
    return _override(settings, {"version": app["uwsgi"]["version"], "options": stream["options"]})


def _with_websockets(app: Mapping[str, t.Any]) -> list[Setting]:
    program = f"{literal(app['config_dir'])}/%n.py"
    return [
        _setting("wsgi-file", program, "This program loads the application and hands it the sockets of requests that open a WebSocket.")
    ]


def _program(app: Mapping[str, t.Any], release: Mapping[str, t.Any], entry: list[Setting] | None = None) -> list[Setting]:
    """Return the options that find the application.

    :param entry: those that name it, if they are not those of the description
    """
    return [
        _setting("strict", True, "A misspelt option is refused instead of ignored."),
        _setting("chdir", literal(release["path"]), "The release by its own name: a reload never changes the code under it."),
        _setting("virtualenv", literal(release["virtualenv_path"]), "The packages of this release."),
        _setting("binary-path", _binary_path(app, release), "The pyuwsgi wheel needs its interpreter named (pyuwsgi-wheels#7)."),
        *(entry or entry_point(app["wsgi"], release.get("callable", ""))),
        _setting("need-app", True, "uWSGI exits if it cannot load the application; otherwise it would answer every request with 500."),
        _setting("master", True, "A master process supervises the workers and stops them gracefully."),
        _setting(
            "single-interpreter", True, "There is one application, so it needs no sub-interpreter; many C extensions do not work in one."
        ),
        _setting("enable-threads", True, "Initializes Python's GIL, so that threads that the application starts can run."),
    ]


def _processes(uwsgi: Mapping[str, t.Any]) -> list[Setting]:
    """Return the number of workers; uWSGI counts the processors on the host (%k), so that instance ids do not depend on it."""
    if "processes" not in uwsgi and "processes" not in uwsgi["options"]:
        return [
            _setting("processes", "%k", "Start one worker for each processor of the host."),
            _setting("if-opt", "processes=1", "The next line applies to hosts with a single processor."),
            _setting("processes", 2, "Start two workers on such a host, so that one request cannot block all others."),
            _setting("endif", True, "The lines from here on apply to all hosts again."),
        ]
    cheaper = uwsgi["cheaper"] if "minimum" in uwsgi["cheaper"] else {}
    return [
        _setting("processes", uwsgi.get("processes"), "Number of workers of this instance."),
        _setting("cheaper", cheaper.get("minimum"), "Number of workers that always run, also without load."),
        _setting("cheaper-initial", cheaper.get("initial"), "Number of workers at the start."),
        _setting("cheaper-step", cheaper.get("step"), "Number of workers that uWSGI adds at a time under load."),
    ]


def _slots(uwsgi: Mapping[str, t.Any]) -> list[Setting]:
    """Return how many requests a worker answers at the same time, in threads or in greenlets."""
    if "greenlets" not in uwsgi:
        return [_setting("threads", uwsgi["threads"], "Number of requests that a worker answers at the same time.")]
    return [
        _setting("gevent", uwsgi["greenlets"], "Number of requests that a worker answers at the same time, each in a greenlet."),
        _setting(
            "gevent-early-monkey-patch",
            True,
            "Patch before the application is imported; functions that it imports unpatched would block all greenlets.",
        ),
    ]


def _socket(app: Mapping[str, t.Any]) -> list[Setting]:
    own_dir = literal(Layout(app).own_dir)
    return [
        _setting(
            "socket",
            f"{own_dir}/%n.sock",
            "Socket of this instance alone (%n is the name of this file). systemd gives it a second name, in a directory of root's.",
        ),
        _setting("chmod-socket", 660, "Only the application's user and the web server's group may use the socket."),
        _setting("stats", f"{own_dir}/%n.stats", "Statistics of the workers; the module flaskops.stack.uwsgi_info reads them."),
    ]


def _http(app: Mapping[str, t.Any]) -> list[Setting]:
    if "http" not in app["uwsgi"]:
        return []
    return [
        _setting("http", app["uwsgi"]["http"], "HTTP without nginx on a loopback address, for development."),
        _setting(
            "http-to",
            f"{literal(Layout(app).own_dir)}/%n.sock",
            "The HTTP process uses the private socket; otherwise uWSGI would open another port for it.",
        ),
    ]


def _stop(stop_timeout: int) -> list[Setting]:
    return [
        _setting("vacuum", True, "Remove the socket when the instance stops."),
        _setting("die-on-term", True, "SIGTERM stops uWSGI; by default it would reload."),
        _setting(
            "hook-master-start",
            "unix_signal:15 grace_them_all",
            "On SIGTERM the master lets the workers finish their requests before it stops.",
        ),
        _setting(
            "exit-on-reload",
            True,
            "The stop above is a reload that exits; uWSGI's own graceful stop would wait for streams without a limit.",
        ),
        _setting(
            "worker-reload-mercy", stop_timeout, "Seconds until workers are killed during that stop; it cuts streams that are still open."
        ),
    ]


def _limits(app: Mapping[str, t.Any]) -> list[Setting]:
    """Return the limits of a request; streams live longer than any, and killing a worker of greenlets would end hundreds of others."""
    streams = any(route["streams"] for route in app["nginx"]["routes"]) and app["uwsgi"]["stream"]["pool"] == "none"
    if streams or "greenlets" in app["uwsgi"]:
        return []
    return [
        _setting(
            "harakiri",
            max(_HARAKIRI_SECONDS, longest_request(app["nginx"]["routes"])),
            "Replace a worker if all its threads have been stuck for this many seconds.",
        ),
        _setting("harakiri-verbose", True, "Log what a stuck worker was doing."),
        _setting(
            "post-buffering",
            4096,
            "Read the whole request body first; a body that the application leaves unread would reset the connection.",
        ),
    ]


def _recycling(uwsgi: Mapping[str, t.Any]) -> list[Setting]:
    """Return when a worker is replaced.

    Workers with greenlets are not: such a worker would take no new requests until the last of its running ones has ended.
    """
    worn = "greenlets" not in uwsgi
    return [
        _setting(
            "max-requests", _MAX_REQUESTS if worn else None, "Replace a worker after this many requests, so that memory leaks stay small."
        ),
        _setting(
            "max-requests-delta",
            _MAX_REQUESTS_DELTA if worn else None,
            "Let each worker answer this many requests more than the one before, so that not all are replaced at once.",
        ),
        _setting("max-worker-lifetime", _LIFETIME_SECONDS if worn else None, "Replace a worker after this many seconds."),
        _setting(
            "max-worker-lifetime-delta",
            _LIFETIME_DELTA if worn else None,
            "Let each worker live this many seconds longer than the one before, so that not all are replaced at once.",
        ),
        _setting(
            "min-worker-lifetime",
            _SHORTEST_SECONDS if worn else None,
            "Keep a worker for at least this many seconds. With the default of 60, all workers of a busy site would end in the same second.",
        ),
        _setting("reload-on-rss", uwsgi.get("worker_memory"), "Replace a worker that uses more megabytes of memory than this."),
    ]


def _clients() -> list[Setting]:
    return [
        _setting("ignore-sigpipe", True, "Do not log SIGPIPE when a client has hung up."),
        _setting("ignore-write-errors", True, "Do not log errors of writing to a client that has hung up."),
        _setting("disable-write-exception", True, "Do not raise an exception in the application when a client has hung up."),
    ]


def _names(prefix: str) -> list[Setting]:
    return [
        _setting("auto-procname", True, "Give each process a name that shows its task, such as master or worker."),
        _setting("procname-prefix-spaced", prefix, "Begin the names of processes with the name of the application."),
    ]


def _log(app: Mapping[str, t.Any]) -> list[Setting]:
    line = f"%(method) %(uri) %(status) %(msecs) ms app={literal(app['name'])} instance=%n worker=%(wid) request=%(var.HTTP_X_REQUEST_ID)"
    return [
        _setting("disable-logging", True, "nginx writes the access log, so uWSGI writes none."),
        _setting(
            "log-format",
            line,
            "Format of the few lines that uWSGI logs: with application, instance, worker, and the request id of nginx's log.",
        ),
        _setting("log-5xx", True, "Log requests that were answered with a 5xx status."),
    ]


def _binary_path(app: Mapping[str, t.Any], release: Mapping[str, t.Any]) -> str | None:
    """Return the program that a reload executes; uWSGI that was built from source needs no such option."""
    return literal(f"{release['virtualenv_path']}/bin/python") if is_wheel(app["uwsgi"]["package"]) else None


def _override(settings: list[Setting], uwsgi: Mapping[str, t.Any]) -> list[Setting]:
    """Drop options that this version of uWSGI does not know, and replace defaults by the user's options."""
    options, version = uwsgi["options"], tuple(uwsgi["version"] or OLDEST_UWSGI)
    known = [item for item in settings if item["value"] is not None and version >= SINCE.get(item["option"], OLDEST_UWSGI)]
    kept = [item for item in known if item["option"] not in options or item["option"] in _ADDED_TO]
    own = [_setting(option, value, "") for option, value in options.items() if value is not None]
    if own:
        own[0]["reason"] = "From the description of the application."
    return kept + own


def _setting(option: str, value: t.Any, reason: str) -> Setting:
    return {"option": option, "value": value, "reason": reason}
