# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From what the user wrote to a complete description of every application, or one message that says what is wrong."""

from __future__ import annotations

import dataclasses
import functools
import typing as t
from collections.abc import Mapping, Sequence

from ..keys.app import APP
from ..keys.key import Key
from .checks import (
    check_health,
    check_options,
    check_regex,
    check_shared,
    check_source,
    check_together,
    check_uwsgi,
    check_version,
    check_writable,
)
from .derive import derive
from .site_checks import check_site
from .tls import check_names
from .validate import AppError, Validator, outline
from .worker_checks import check_workers

_SHOWN = 80


def resolve_apps(apps: object, require: Sequence[str] = ("source", "wsgi"), variable: str = "flask_apps") -> list[dict[str, t.Any]]:
    """Return complete descriptions of all applications, checked one by one and against each other.

    :param apps: list of dicts as the user wrote them
    :param require: keys this caller needs, of those that are required for a whole deployment
    :param variable: name of the variable for messages
    :raises AppError: with a line for each problem: application, key, value and remedy
    """
    validator = Validator()
    listed = require_list(apps, variable)
    resolved = [_resolve(validator, item, require, f"{variable}[{index}]") for index, item in enumerate(listed)]
    # An application with a problem of its own is compared too, so that one message tells everything.
    complete = [app for app in resolved if app is not None]
    check_together(validator, complete, variable)
    if validator.problems:
        raise AppError(validator.problems)
    return complete


def require_list(apps: object, variable: str) -> Sequence[t.Any]:
    """Return the descriptions, of which nothing more is checked than that they are a list.

    :raises AppError: if they are none
    """
    if isinstance(apps, (str, bytes)) or not isinstance(apps, Sequence):
        raise AppError([f"{variable} is {outline(apps)}, but must be a list of applications; write one item a line with a dash."])
    return apps


def require_mappings(apps: object, variable: str) -> None:
    """Require a list of mappings: the specification of a role, which is evaluated before its tasks, has no remedy for another value.

    :raises AppError: if there is anything else, with a line for each
    """
    others = [(index, app) for index, app in enumerate(require_list(apps, variable)) if not isinstance(app, Mapping)]
    if others:
        raise AppError(
            [
                f"{variable}[{index}] is {outline(app)}, but must be a mapping; write {{key: value}} or one key a line."
                for index, app in others
            ]
        )


def _resolve(validator: Validator, app: object, require: Sequence[str], where: str) -> dict[str, t.Any] | None:
    name = app.get("name") if isinstance(app, Mapping) else None
    if isinstance(name, str) and name.isprintable() and 0 < len(name) <= _SHOWN:
        where = name
    # An application that is removed needs no more than its name.
    absent = isinstance(app, Mapping) and app.get("state") == "absent"
    value = validator.check(where, _required(() if absent else tuple(require)), app)
    if value is None:
        return None
    if "source" in value:
        check_source(validator, where, value["source"])
        check_version(validator, f"{where}.source.version", app["source"])
    value["env"] = validator.environment(f"{where}.env", value["env"], secret=False)
    value["secrets"] = validator.environment(f"{where}.secrets", value["secrets"], secret=True)
    value["build_env"] = validator.environment(f"{where}.build_env", value["build_env"], secret=True)
    for double in sorted(set(value["env"]) & set(value["secrets"])):
        validator.refuse(f"{where}.env.{double}", "is also in secrets", "write it in one of the two")
    check_workers(validator, where, value)
    check_options(validator, f"{where}.uwsgi.options", value["uwsgi"]["options"])
    check_options(validator, f"{where}.uwsgi.stream.options", value["uwsgi"]["stream"]["options"])
    check_uwsgi(validator, f"{where}.uwsgi", value["uwsgi"])
    if "http" in value["uwsgi"] and value.get("strategy") == "switch":
        says = "is switch, but two instances cannot listen on the one port of uwsgi.http"
        validator.refuse(f"{where}.strategy", says, "write restart, or remove one of the two")
    check_site(validator, where, value)
    check_regex(validator, f"{where}.health.body", value["health"]["body"])
    check_health(validator, f"{where}.health", value["health"])
    if "name" not in value:
        return None
    complete = derive(value)
    check_shared(validator, f"{where}.shared_paths", complete["shared_paths"])
    check_writable(validator, f"{where}.sandbox.write", complete)
    check_names(validator, f"{where}.nginx.server_names", complete)
    return complete


@functools.cache
def _required(require: tuple[str, ...]) -> Key:
    """Return the schema with just the keys of ``require`` (and the name) required."""
    keys = {name: dataclasses.replace(key, required=name == "name" or name in require) for name, key in (APP.keys or {}).items()}
    return dataclasses.replace(APP, keys=keys)
