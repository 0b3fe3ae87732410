# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks of a description that compare keys with each other, and applications with each other."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence

from ...module_utils.app.layout import own_directories
from ..keys.modes import MODES
from ..keys.routes import PLAIN_PATH, REGEX_PATH
from ..keys.server_names import CATCH_ALL
from ..keys.source import SOURCE_KINDS
from ..uwsgi.ini import to_uwsgi_ini
from ..uwsgi.packages import DEFAULT_UWSGI, OLDEST_UWSGI, package_version
from .cors import check_cors
from .route_paths import never_asked_for
from .shared_servers import check_shared_names, one_server
from .validate import Validator, shown

# Options of uWSGI whose value is a mode of files.
_FILE_MODES = ("chmod", "chmod-socket", "logfile-chmod", "umask")
# Hidden from applications, or their own in every instance: what is written there elsewhere does not reach them.
_NOT_SEEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp", "/dev", "/proc", "/sys")


def warnings(apps: Sequence[Mapping[str, t.Any]]) -> list[str]:
    """Return what works as described and is known to hurt.

    :param apps: complete descriptions
    """
    cached = [(app, route) for app in apps for route in app["nginx"]["routes"] if route["stores"]]
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
        + [
            f"{app['name']}.nginx.routes: {route['path']} is cached, but no request with a cookie is answered from the cache; write those that"
            ' change no answer into ignore_cookies, such as ["_ga*"], or ["*"] for what is the same for everybody, or [] to keep it so.'
            for app, route in cached
            if route["preset"] == "safe" and not {"ignore_cookies", "bypass_cookies"} & set(route)
        ]
    )


def check_source(validator: Validator, where: str, source: Mapping[str, t.Any]) -> None:
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


def check_version(validator: Validator, where: str, source: Mapping[str, t.Any]) -> None:
    """Refuse a number as the version of a repository: a commit or a tag is asked for by the text that was written."""
    version = source.get("version")
    if "git" in source and isinstance(version, int) and not isinstance(version, bool):
        says = f"is {version}, a number, and YAML may have read another than was written (0012345 becomes 5349)"
        validator.refuse(where, says, "write it in quotes")


def check_options(validator: Validator, where: str, options: Mapping[str, t.Any]) -> None:
    for name, value in options.items():
        items = value if isinstance(value, (list, tuple)) else [value]
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
            validator.refuse(f"{where}.{name}", "is not an option's name", "write it as in uWSGI's manual, such as max-requests")
        elif any(isinstance(item, float) for item in items):
            validator.refuse(
                f"{where}.{name}", f"is {', '.join(map(str, items))}, a number that YAML may have shortened", "write it in quotes"
            )
        elif name in _FILE_MODES and any(isinstance(item, int) and not isinstance(item, bool) for item in items):
            says = f"is {shown(value)}, a number, and YAML reads a leading zero as octal (0660 becomes 432)"
            validator.refuse(f"{where}.{name}", says, "write it in quotes")
        elif any(isinstance(item, (dict, list)) for item in items):
            validator.refuse(
                f"{where}.{name}", f"is {shown(value)}, but must be a value or a list of values", "write each value on its own"
            )
        else:
            try:
                to_uwsgi_ini({name: value})
            except ValueError as error:
                validator.refuse(f"{where}.{name}", f"is {shown(value)}, which uWSGI could not read back ({error})", "correct it")


def check_uwsgi(validator: Validator, where: str, uwsgi: Mapping[str, t.Any]) -> None:
    version = package_version(uwsgi.get("package", DEFAULT_UWSGI))
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


def check_health(validator: Validator, where: str, health: Mapping[str, t.Any]) -> None:
    if (health["successes"] - 1) * health["interval"] >= health["timeout"]:
        says = f"is {health['successes']}, which {health['interval']} s apart take longer than the timeout of {health['timeout']} s"
        validator.refuse(f"{where}.successes", says, "lower it or raise the timeout")


def check_regex(validator: Validator, where: str, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        validator.refuse(where, f"is {shown(pattern)}, which is no regular expression ({error})", "write one in Python's syntax")


def check_shared(validator: Validator, where: str, paths: Sequence[str]) -> None:
    """Refuse shared paths one of which is in another."""
    plain = [path.rstrip("/") for path in paths]
    for index, path in enumerate(plain):
        for other in plain[:index]:
            if _overlap(path, other):
                validator.refuse(f"{where}[{index}]", f"is {shown(path)}, which overlaps {shown(other)}", "keep the outer one")


def check_writable(validator: Validator, where: str, app: Mapping[str, t.Any]) -> None:
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


def check_routes(validator: Validator, where: str, routes: Sequence[Mapping[str, t.Any]]) -> None:
    seen: dict[str, int] = {}
    for index, route in enumerate(routes):
        if "path" not in route:
            continue
        place = f"{where}[{index}].path"
        first = seen.setdefault(f"{route['match']} {route['path']}", index)
        if first != index:
            validator.refuse(place, f"is {shown(route['path'])}, as in routes[{first}]", "keep one of the two")
        if route["match"] == "regex":
            check_regex(validator, place, route["path"])
        elif re.fullmatch(REGEX_PATH, route["path"]) and not re.fullmatch(PLAIN_PATH, route["path"]):
            validator.refuse(place, f"is {shown(route['path'])}, which is no path", "write a path such as / or /api, or set match: regex")
        elif wrong := never_asked_for(route["path"]):
            validator.refuse(place, f"is {shown(route['path'])}, {wrong[0]}", wrong[1])
        check_cors(validator, f"{where}[{index}].cors", route)
        if {"ignore_cookies", "bypass_cookies"} <= set(route):
            validator.refuse(f"{where}[{index}].bypass_cookies", "is there beside ignore_cookies", "keep one of the two")
        if route["mode"] in MODES and MODES[route["mode"]].files and route["match"] != "prefix":
            validator.refuse(f"{where}[{index}].match", f"is {route['match']}, but {route['mode']} routes take prefixes", "remove it")


def check_together(validator: Validator, apps: Sequence[Mapping[str, t.Any]], variable: str) -> None:
    """Refuse what two applications cannot share."""
    _check_unique(validator, [(app["name"], app["name"]) for app in apps], f"{variable}: the name")
    # Two applications of one name also share ports and paths; one message about the name is enough.
    apps = list({app["name"]: app for app in apps}.values())
    present = [app for app in apps if app["state"] == "present"]
    for key in ("user", "root", "config_dir", "run_dir", "socket"):
        _check_unique(validator, [(app["name"], app[key]) for app in apps], f"{variable}: the {key}")
    places = [(app["name"], key, app[key]) for app in apps for key in ("root", "config_dir", "run_dir")]
    own = [(app["name"], key, path) for app in apps for key, path in own_directories(app)]
    _check_unique(validator, [(app, path) for app, _key, path in own], f"{variable}: the directory")
    _check_apart(validator, places + own, variable)
    _check_others(validator, apps, variable)
    check_shared_names(validator, [app for app in present if not _is_named_twice(validator, app, variable)], variable)
    catch_all = [app for app in present if app["nginx"]["catch_all"]]
    if not one_server(catch_all):
        who = " and ".join(f"'{app['name']}'" for app in catch_all)
        says = f"is used by {who}, but only one site can answer the hosts that no other site has"
        validator.refuse(f"{variable}: the server name '{CATCH_ALL}'", says, "keep it in one application")


def _is_named_twice(validator: Validator, app: Mapping[str, t.Any], variable: str) -> bool:
    """Return whether an application has a server name more than once, and refuse it."""
    names = app["nginx"]["server_names"]
    _check_unique(validator, [(app["name"], server) for server in names], f"{variable}: the server name")
    return len(set(names)) < len(names)


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
            if (app, key, path) != (other, other_key, other_path) and (inside or (path == other_path and key != other_key)):
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
