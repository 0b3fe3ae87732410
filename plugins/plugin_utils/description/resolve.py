# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From what the user wrote to a complete description of every application, or one message that says what is wrong."""

from __future__ import annotations

import dataclasses
import functools
import re
import typing as t
from collections.abc import Mapping, Sequence

from ..uwsgi.ini import to_uwsgi_ini
from .keys import APP, DEFAULT_HEADERS, DEFAULT_UWSGI, GEVENT, OLDEST_UWSGI, PLAIN_PATH, REGEX_PATH, SOURCE_KINDS, Key
from .validate import AppError, Validator, outline, shown

# On every supported distribution the web server's workers run in this group (Debian policy, base-passwd).
WEB_GROUP = "www-data"
# Hidden from applications, or their own in every instance: what is written there elsewhere does not reach them.
_NOT_SEEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp", "/dev", "/proc", "/sys")
# What a source build of uWSGI needs beside the interpreter.
_BUILD_PACKAGES = ("gcc", "libc6-dev")


def resolve_apps(apps: object, require: Sequence[str] = ("source", "wsgi"), variable: str = "flask_apps") -> list[dict[str, t.Any]]:
    """Return complete descriptions of all applications, checked one by one and against each other.

    :param apps: list of dicts as the user wrote them
    :param require: keys this caller needs, of those that are required for a whole deployment
    :param variable: name of the variable for messages
    :raises AppError: with a line for each problem: application, key, value and remedy
    """
    if isinstance(apps, (str, bytes)) or not isinstance(apps, Sequence):
        raise AppError([f"{variable} is {outline(apps)}, but must be a list of applications; write one item a line with a dash."])
    validator = Validator()
    resolved = [_resolve(validator, item, require, f"{variable}[{index}]") for index, item in enumerate(apps)]
    # An application with a problem of its own is compared too, so that one message tells everything.
    complete = [app for app in resolved if app is not None]
    _check_together(validator, complete, variable)
    if validator.problems:
        raise AppError(validator.problems)
    return complete


def warnings(apps: Sequence[Mapping[str, t.Any]]) -> list[str]:
    """Return what works as described and is known to hurt.

    :param apps: complete descriptions
    """
    cached = [(app, route) for app in apps for route in app["nginx"]["routes"] if route["mode"] == "cache"]
    http = [
        f"{app['name']}.uwsgi.http: uWSGI speaks HTTP on {app['uwsgi']['http']}, past nginx and all it limits, and an instance is stopped before"
        " the next one starts; this is for development."
        for app in apps
        if "http" in app["uwsgi"]
    ]
    return (
        http
        + [
            f"{app['name']}.nginx.routes: {route['path']} has preset: seed, which keeps every answer with a listed status for the whole time, also"
            " private ones and those of another release, and answers all users with it; use it for what is the same for everybody."
            for app, route in cached
            if route["preset"] == "seed"
        ]
        + [
            f"{app['name']}.nginx.routes: {route['path']} is cached before backends on other hosts, whose release nginx cannot know; run"
            " flaskops.stack.purge_cache after a deployment, or have the backends cache."
            for app, route in cached
            if app["nginx"]["backends"] and route["preset"] == "safe"
        ]
    )


def completed(apps: Sequence[t.Any], require: Sequence[str] = ("source", "wsgi"), variable: str = "flask_apps") -> list[dict[str, t.Any]]:
    """Return complete descriptions of applications that are complete, or as the user wrote them.

    To take them as written is cheaper: of complete ones, Ansible looks at every value once more for each task.
    """
    is_complete = all(isinstance(app, Mapping) and "account" in app for app in apps)
    return [dict(app) for app in apps] if is_complete else resolve_apps(apps, require, variable)


def resolve_app(app: object, require: Sequence[str] = ("source", "wsgi")) -> dict[str, t.Any]:
    """Return one complete description; see :func:`resolve_apps`."""
    return resolve_apps([app], require)[0]


def _resolve(validator: Validator, app: object, require: Sequence[str], where: str) -> dict[str, t.Any] | None:
    name = app.get("name") if isinstance(app, Mapping) else None
    if isinstance(name, str) and name:
        where = name
    # What goes away needs no more than its name.
    absent = isinstance(app, Mapping) and app.get("state") == "absent"
    value = validator.check(where, _required(() if absent else tuple(require)), app)
    if value is None:
        return None
    if "source" in value:
        _check_source(validator, where, value["source"])
    value["env"] = validator.environment(f"{where}.env", value["env"], secret=False)
    value["secrets"] = validator.environment(f"{where}.secrets", value["secrets"], secret=True)
    for double in sorted(set(value["env"]) & set(value["secrets"])):
        validator.refuse(f"{where}.env.{double}", "is also in secrets", "write it in one of the two")
    _check_options(validator, f"{where}.uwsgi.options", value["uwsgi"]["options"])
    _check_options(validator, f"{where}.uwsgi.stream.options", value["uwsgi"]["stream"]["options"])
    _check_uwsgi(validator, f"{where}.uwsgi", value["uwsgi"])
    if "http" in value["uwsgi"] and value.get("strategy") == "switch":
        says = "is switch, but two instances cannot listen on the one port of uwsgi.http"
        validator.refuse(f"{where}.strategy", says, "write restart, or remove one of the two")
    _check_routes(validator, f"{where}.nginx.routes", value["nginx"]["routes"])
    if value["nginx"]["backends"] and value["nginx"]["front"] != "proxy":
        validator.refuse(f"{where}.nginx.backends", f"is for front: proxy, and this one is {value['nginx']['front']}", "set front: proxy")
    _check_regex(validator, f"{where}.health.body", value["health"]["body"])
    _check_health(validator, f"{where}.health", value["health"])
    if "name" not in value:
        return None
    complete = _derive(value)
    _check_writable(validator, f"{where}.sandbox.write", complete)
    return complete


@functools.cache
def _required(require: tuple[str, ...]) -> Key:
    """Return the schema with just the keys of ``require`` (and the name) required."""
    keys = {name: dataclasses.replace(key, required=name == "name" or name in require) for name, key in (APP.keys or {}).items()}
    return dataclasses.replace(APP, keys=keys)


def _check_source(validator: Validator, where: str, source: Mapping[str, t.Any]) -> None:
    kinds = [kind for kind in SOURCE_KINDS if kind in source]
    if len(kinds) != 1:
        has = " and ".join(kinds) or "none of them"
        validator.refuse(
            f"{where}.source", f"has {has}, but needs exactly one of {', '.join(SOURCE_KINDS)}", "keep the one the code comes from"
        )
        return
    if kinds == ["prebuilt"] and "virtualenv" not in source:
        validator.refuse(f"{where}.source.virtualenv", "is missing", "write the virtualenv on the host that the code runs in")
    if kinds == ["archive"] and re.match(r"https?://", source["archive"]) and "sha256" not in source:
        validator.refuse(f"{where}.source.sha256", "is missing", "write the checksum of the archive behind the URL")


def _check_options(validator: Validator, where: str, options: Mapping[str, t.Any]) -> None:
    for name, value in options.items():
        items = value if isinstance(value, (list, tuple)) else [value]
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
            validator.refuse(f"{where}.{name}", "is not an option's name", "write it as in uWSGI's manual, such as max-requests")
        elif any(isinstance(item, (dict, list)) for item in items):
            validator.refuse(
                f"{where}.{name}", f"is {shown(value)}, but must be a value or a list of values", "write each value on its own"
            )
        else:
            try:
                to_uwsgi_ini({name: value})
            except ValueError as error:
                validator.refuse(f"{where}.{name}", f"is {shown(value)}, which uWSGI could not read back ({error})", "correct it")


def _check_uwsgi(validator: Validator, where: str, uwsgi: Mapping[str, t.Any]) -> None:
    version = _version(uwsgi.get("package", DEFAULT_UWSGI))
    if version and version < OLDEST_UWSGI:
        oldest = ".".join(map(str, OLDEST_UWSGI))
        validator.refuse(f"{where}.package", f"is {shown(uwsgi['package'])}, which is older than {oldest}", f"take {oldest} or newer")
    if "greenlets" in uwsgi and uwsgi.get("threads", 1) > 1:
        validator.refuse(f"{where}.threads", f"is {uwsgi['threads']}, but greenlets take the place of threads", "remove one of the two")
    minimum = uwsgi["cheaper"].get("minimum")
    if "minimum" not in uwsgi["cheaper"] and {"initial"} & set(uwsgi["cheaper"]):
        validator.refuse(f"{where}.cheaper.minimum", "is missing", "write it: the number of workers that are always there")
    if minimum is None:
        return
    if "processes" not in uwsgi:
        validator.refuse(f"{where}.processes", "is missing", "write it: with cheaper, it is the largest number of workers")
    elif minimum >= uwsgi["processes"]:
        validator.refuse(f"{where}.cheaper.minimum", f"is {minimum}, with {uwsgi['processes']} processes", "write less than processes")
    elif not minimum <= uwsgi["cheaper"].get("initial", minimum) <= uwsgi["processes"]:
        says = f"is {uwsgi['cheaper']['initial']}, but must be from {minimum} to {uwsgi['processes']}"
        validator.refuse(f"{where}.cheaper.initial", says, "write minimum, processes, or between")


def _version(package: str) -> tuple[int, ...]:
    """Return the version of uWSGI that a requirement pins, empty if it pins none."""
    pinned = re.fullmatch(r"(?i:(?:py)?uwsgi)\s*===?\s*(\d+(?:\.\d+)*)(?:\.post\d+)?", package.strip())
    return tuple(map(int, pinned.group(1).split("."))) if pinned else ()


def _check_health(validator: Validator, where: str, health: Mapping[str, t.Any]) -> None:
    if (health["successes"] - 1) * health["interval"] >= health["timeout"]:
        says = f"is {health['successes']}, which {health['interval']} s apart take longer than the timeout of {health['timeout']} s"
        validator.refuse(f"{where}.successes", says, "lower it or raise the timeout")


def _check_regex(validator: Validator, where: str, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        validator.refuse(where, f"is {shown(pattern)}, which is no regular expression ({error})", "write one in Python's syntax")


def _check_writable(validator: Validator, where: str, app: Mapping[str, t.Any]) -> None:
    """Refuse paths that would let an application change what it runs, and those that it would not see."""
    for index, path in enumerate(app["sandbox"]["write"]):
        place, says = f"{where}[{index}]", f"is {shown(path)}"
        overlapped = [key for key in ("root", "config_dir", "run_dir") if _overlap(path, app[key])]
        hidden = [directory for directory in _NOT_SEEN if path.startswith(f"{directory}/")]
        if overlapped:
            validator.refuse(
                place, f"{says}, which overlaps its {overlapped[0]} {shown(app[overlapped[0]])}", f"it may write to {app['root']}/shared"
            )
        elif hidden:
            validator.refuse(place, f"{says}, but applications do not see the host's {hidden[0]}", "use a place such as /var/lib")


def _overlap(path: str, other: str) -> bool:
    """Return whether one of two directories is the other or inside of it."""
    return f"{path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{path}/")


def _check_routes(validator: Validator, where: str, routes: Sequence[Mapping[str, t.Any]]) -> None:
    seen: dict[str, int] = {}
    for index, route in enumerate(routes):
        if "path" not in route:
            continue
        place = f"{where}[{index}].path"
        first = seen.setdefault(f"{route['match']} {route['path']}", index)
        if first != index:
            validator.refuse(place, f"is {shown(route['path'])}, as in routes[{first}]", "keep one of the two")
        if route["match"] == "regex":
            _check_regex(validator, place, route["path"])
        elif re.fullmatch(REGEX_PATH, route["path"]) and not re.fullmatch(PLAIN_PATH, route["path"]):
            validator.refuse(place, f"is {shown(route['path'])}, which is no path", "write a path such as / or /api, or set match: regex")
        if route["mode"] == "static" and route["match"] != "prefix":
            validator.refuse(f"{where}[{index}].match", f"is {route['match']}, but static routes take prefixes", "remove it")


def _check_together(validator: Validator, apps: Sequence[Mapping[str, t.Any]], variable: str) -> None:
    """Refuse what two applications cannot share."""
    _check_unique(validator, [(app["name"], app["name"]) for app in apps], f"{variable}: the name")
    # What follows from a name twice is not worth a line more.
    apps = list({app["name"]: app for app in apps}.values())
    present = [app for app in apps if app["state"] == "present"]
    for key in ("user", "root", "config_dir", "run_dir", "socket"):
        _check_unique(validator, [(app["name"], app[key]) for app in apps], f"{variable}: the {key}")
    _check_apart(validator, [(app["name"], key, app[key]) for app in apps for key in ("root", "config_dir", "run_dir")], variable)
    _check_others(validator, apps, variable)
    names = [(app["name"], server.lower()) for app in present for server in app["nginx"]["server_names"]]
    _check_unique(validator, names, f"{variable}: the server name")


def _check_unique(validator: Validator, pairs: Sequence[tuple[str, str]], what: str) -> None:
    owners: dict[str, str] = {}
    for app, value in pairs:
        if value in owners:
            who = f"'{owners[value]}' and '{app}'" if owners[value] != app else f"'{app}' twice"
            validator.refuse(f"{what} {shown(value)}", f"is used by {who}", "give each application its own")
        owners.setdefault(value, app)


def _check_apart(validator: Validator, places: Sequence[tuple[str, str, str]], variable: str) -> None:
    """Refuse directories of one application inside those of another, or one for two purposes."""
    paths = {path for _app, _key, path in places}
    if len(paths) == len(places) and not any(paths & set(_above(path)) for path in paths):
        return  # to compare each with each is for those who have something to be told
    for index, (app, key, path) in enumerate(places):
        for other, other_key, other_path in places[:index]:
            inside = path.startswith(f"{other_path}/") or other_path.startswith(f"{path}/")
            if (app, key) != (other, other_key) and (inside or (path == other_path and key != other_key)):
                validator.refuse(
                    f"{variable}: {app}.{key} {shown(path)}", f"overlaps {other}.{other_key} {shown(other_path)}", "keep them apart"
                )


def _above(path: str) -> list[str]:
    """Return the directories that a path is in."""
    return [path[: match.start()] for match in re.finditer("/", path)]


def _check_others(validator: Validator, apps: Sequence[Mapping[str, t.Any]], variable: str) -> None:
    """Refuse to let one application write into another's directories."""
    others = [(app["name"], key, app[key]) for app in apps for key in ("root", "config_dir", "run_dir")]
    for app in apps:
        for path in app["sandbox"]["write"]:
            for other, key, directory in others:
                if other != app["name"] and _overlap(path, directory):
                    where = f"{variable}: {app['name']}.sandbox.write {shown(path)}"
                    validator.refuse(where, f"overlaps {other}.{key} {shown(directory)}", "share a directory outside of both")


def _derive(app: dict[str, t.Any]) -> dict[str, t.Any]:
    """Fill in what follows from other keys; what the user wrote stays."""
    name = app["name"]
    app.setdefault("user", f"flask-{name}")
    app.setdefault("root", f"/srv/flask/{name}")
    app.setdefault("config_dir", f"/etc/flask/{name}")
    app.setdefault("run_dir", f"/run/flask/{name}")
    _derive_uwsgi(app)
    app.setdefault("socket", f"{app['run_dir']}/uwsgi.sock")
    pooled = app["uwsgi"]["stream"]["pool"] != "none"
    app.setdefault("stream_socket", f"{app['run_dir']}/stream.sock" if pooled else app["socket"])
    app["web_group"] = WEB_GROUP
    app["account"] = {key: app[key] for key in ("name", "user", "root", "config_dir", "run_dir", "web_group")}
    nginx = app["nginx"]
    nginx.setdefault("server_names", [name])
    nginx.setdefault("template", f"site_{nginx['front']}.conf.j2")
    # nginx names zones in one namespace for all sites.
    nginx["cache_zone"] = f"flask_{name}"
    # Variables of nginx have no dashes; names of applications have no capitals, so this is still its own.
    # Names of headers are equal in any case.
    own = {header.lower() for header in nginx["headers"]}
    defaults = {header: value for header, value in DEFAULT_HEADERS.items() if header.lower() not in own}
    nginx["headers"] = {**defaults, **{header: str(value) for header, value in nginx["headers"].items()}}
    nginx["variable"] = f"flask_{name.replace('-', 'D')}"
    for route in nginx["routes"]:
        _derive_route(route, nginx["prefix"])
    nginx["host"] = _plain_host(nginx["server_names"][0]) if nginx["server_names"] else name
    app["health"].setdefault("host", nginx["host"])
    app["health"]["prefix"] = nginx["prefix"]
    # Where an instance of ours serves, its name is part of the key of cached answers.
    nginx["public_dir"] = f"{app['root']}/public/current" if "source" in app and not nginx["backends"] else ""
    app["site"] = {"name": name, "host": nginx["host"], "routes": nginx["routes"]}
    app["packages"] = sorted({*app["packages"], *_build_packages(app)})
    return app


def _derive_uwsgi(app: dict[str, t.Any]) -> None:
    uwsgi, stream = app["uwsgi"], app["uwsgi"]["stream"]
    prebuilt = "prebuilt" in app.get("source", {})
    # Of a virtualenv that is not ours nothing is known but what is written.
    uwsgi["version"] = list(_version(uwsgi.get("package", "" if prebuilt else DEFAULT_UWSGI)))
    uwsgi.setdefault("package", DEFAULT_UWSGI)
    uwsgi.setdefault("threads", 1 if "greenlets" in uwsgi else 2)
    _derive_limits(uwsgi)
    _derive_limits(stream)
    if "minimum" in uwsgi["cheaper"]:
        uwsgi["cheaper"].setdefault("initial", uwsgi["cheaper"]["minimum"])
    app.setdefault("strategy", "restart" if "http" in uwsgi else "switch")
    streams = any(route["mode"] == "stream" for route in app["nginx"]["routes"])
    # Who says where requests go has somebody else answer them.
    elsewhere = "socket" in app and "stream_socket" not in app
    stream.setdefault("pool", "threads" if prebuilt else "gevent")
    if not streams or elsewhere:
        stream["pool"] = "none"
    uwsgi["gevent"] = list(GEVENT) if "greenlets" in uwsgi or stream["pool"] == "gevent" else []


def _derive_limits(uwsgi: dict[str, t.Any]) -> None:
    """Leave room for the threads of uWSGI and as many of the application's own."""
    uwsgi.setdefault("tasks_max", max(1024, 2 * uwsgi.get("processes", 1) * uwsgi["threads"]))


def _derive_route(route: dict[str, t.Any], prefix: str) -> None:
    if "path" not in route:
        return  # refused already
    if route["match"] != "regex":
        route["path"] = prefix + route["path"]
    # A static prefix goes before regular expressions.
    modifier = {"exact": "= ", "regex": "~ "}.get(route["match"], "^~ " if route["mode"] == "static" else "")
    route["location"] = modifier + (_quoted(route["path"]) if route["match"] == "regex" else route["path"])
    asked = route["match"] != "regex" and route["mode"] != "static"
    route["probe"] = prefix + route["probe"] if route.get("probe") else route.get("probe", route["path"] if asked else "")
    if route["mode"] == "cache":
        route.setdefault("valid", {"200": "30d"} if route["preset"] == "seed" else {"200": "10m"})


def _quoted(pattern: str) -> str:
    """Return a regular expression as nginx reads it back: in quotes it takes away some backslashes (ngx_conf_file.c, ngx_conf_read_token)."""
    return '"' + re.sub(r"\\(?=[\\\"'trn])", r"\\\\", pattern) + '"'


def _plain_host(server_name: str) -> str:
    """Return a host that a wildcard server name answers."""
    return server_name.replace("*", "www", 1)


def _build_packages(app: Mapping[str, t.Any]) -> list[str]:
    """Return the distribution packages that the virtualenv and its uWSGI need."""
    python = app["python"]
    distribution = re.fullmatch(r"(?:/usr/bin/)?(python3(?:\.\d+)?)", python)
    if not distribution:
        return list(_BUILD_PACKAGES) if _from_source(app) else []
    python = distribution.group(1)
    packages = [f"{python}-venv"]
    if _from_source(app):
        packages += [f"{python}-dev", *_BUILD_PACKAGES]
    return packages


def _from_source(app: Mapping[str, t.Any]) -> bool:
    return app["uwsgi"]["package"].lower().startswith("uwsgi")
