# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a uWSGI instance is started with, each option with its reason: the one source of the ini and of its documentation."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from .uwsgi_ini import literal

Setting = dict[str, t.Any]

# uWSGI reads block sizes as 16 bit: 65536 would wrap to 0 (unbit/uwsgi#324).
_BUFFER_SIZE = 65535
_HARAKIRI_SECONDS = 60
# A user's own come beside ours: nginx needs the name of the instance.
_ADDED_TO = ("add-header",)


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
    :param release: ``path`` and ``virtualenv`` on the host, ``callable`` where the code tells it
    :param stop_timeout: seconds a graceful stop may take
    """
    settings = [
        _setting("strict", True, "A misspelt option is refused instead of ignored."),
        _setting("chdir", literal(release["path"]), "The release by its own name: a reload never changes the code under it."),
        _setting("virtualenv", literal(release["virtualenv"]), "The packages of this release."),
        _setting("binary-path", _binary_path(app, release), "The pyuwsgi wheel needs its interpreter named (pyuwsgi-wheels#7)."),
        *entry_point(app["wsgi"], release.get("callable", "")),
        _setting("need-app", True, "Without an application there is no instance, rather than one that answers 500."),
        _setting("master", True, "Supervises workers and carries out graceful stops."),
        _setting("single-interpreter", True, "One application: C extensions work without sub-interpreters."),
        _setting("enable-threads", True, "Threads that the application starts get the GIL."),
        _setting("processes", app["uwsgi"]["processes"], "Workers for each instance."),
        _setting("threads", app["uwsgi"]["threads"], "Requests a worker answers at the same time."),
        _setting(
            "socket", f"{literal(app['run_dir'])}/%n.sock", "Private to this instance (%n is this file's name); the switch links to it."
        ),
        _setting("chmod-socket", 660, "The application's user and the web server's group, nobody else."),
        _setting("stats", f"{literal(app['run_dir'])}/%n.stats", "What the workers do, for flaskops.stack.uwsgi_info."),
        _setting("add-header", "X-Flask-Instance: %n", "Tells nginx whose answer it is, for the key of its cache; clients do not see it."),
        _setting("vacuum", True, "The socket goes with the instance."),
        _setting("die-on-term", True, "SIGTERM means stop; by default uWSGI would reload."),
        _setting("hook-master-start", "unix_signal:15 grace_them_all", "A stop lets the workers finish their requests."),
        _setting("exit-on-reload", True, "That stop is a reload that ends: uWSGI's own waits for streams without a limit."),
        _setting("worker-reload-mercy", stop_timeout, "Seconds they have for it; streams are cut then."),
        _setting("listen", 1024, "Room for a burst; the kernel's somaxconn (4096 since Linux 5.4) is the limit."),
        _setting("buffer-size", _BUFFER_SIZE, "Large cookies and headers; the default 4096 answers them with 502."),
        _setting("harakiri", _harakiri(app), "A worker that is stuck this many seconds is replaced."),
        _setting(
            "post-buffering", 4096 if _harakiri(app) else None, "A body is read whatever the application does, or a timeout resets it."
        ),
        _setting("ignore-sigpipe", True, "A client that hangs up is not an error."),
        _setting("ignore-write-errors", True, "Nor is writing to it."),
        _setting("disable-write-exception", True, "Nor need the application hear of it."),
        _setting("auto-procname", True, "Processes tell what they are."),
        _setting("procname-prefix-spaced", literal(app["name"]), "And whose they are."),
        _setting("disable-logging", True, "nginx keeps the access log."),
        _setting("log-5xx", True, "Failed requests are logged here all the same."),
    ]
    return _override(settings, app["uwsgi"]["options"])


def _binary_path(app: Mapping[str, t.Any], release: Mapping[str, t.Any]) -> str | None:
    """Return what a reload executes; uWSGI built from source finds itself."""
    wheel = app["uwsgi"]["package"].lower().startswith("py")
    return literal(f"{release['virtualenv']}/bin/python") if wheel else None


def _harakiri(app: Mapping[str, t.Any]) -> int | None:
    """Return the limit in seconds; streams live longer than any limit, so an application with streams has none."""
    streams = any(route["mode"] == "stream" for route in app["nginx"]["routes"])
    return None if streams else _HARAKIRI_SECONDS


def _override(settings: list[Setting], options: Mapping[str, t.Any]) -> list[Setting]:
    kept = [item for item in settings if item["value"] is not None and (item["option"] not in options or item["option"] in _ADDED_TO)]
    own = [_setting(option, value, "") for option, value in options.items() if value is not None]
    if own:
        own[0]["reason"] = "From the description of the application."
    return kept + own


def _setting(option: str, value: t.Any, reason: str) -> Setting:
    return {"option": option, "value": value, "reason": reason}
