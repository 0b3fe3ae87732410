# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Work on the sources of many applications; the problems of one are its own and keep no other from being worked on."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ansible import constants as C

from ..keys.app import APP
from ..project import project_directories
from .cache_dir import cache_path, require_writable
from .fetch import fetch
from .tree import SourceError, Tree

App = Mapping[str, t.Any]
T = t.TypeVar("T")


def fetch_apps(
    apps: Sequence[App], cache_dir: str, task_vars: Mapping[str, t.Any], check: Callable[[App, Tree], None] | None = None
) -> tuple[dict[str, Tree], dict[str, str]]:
    """Return the source tree of every application by name, and a line for each problem of those whose source cannot be had, by name.

    :param cache_dir: directory on the controller that outlives the run
    :param check: looks at an application's tree and raises SourceError
    """
    search = [Path(place) for place in project_directories(task_vars)]
    cache = cache_path(cache_dir)
    require_writable(cache)
    # Removed by Ansible when the run ends, shared by its workers.
    run = Path(C.DEFAULT_LOCAL_TMP)

    def work(app: App) -> Tree:
        tree = fetch(app["source"], search, cache, run)
        if check is not None:
            check(app, tree)
        return tree

    return for_each(apps, work)


def for_each(apps: Sequence[App], work: Callable[[App], T]) -> tuple[dict[str, T], dict[str, str]]:
    """Return ``work`` of every application by name, and a line for each problem of those that it raises SourceError for, by name."""
    done: dict[str, T] = {}
    failures: dict[str, str] = {}
    for app in apps:
        try:
            done[app["name"]] = work(app)
        except SourceError as error:
            failures[app["name"]] = "\n".join(_line(app, each) for each in (error, *error.others))
    return done, failures


def _line(app: App, error: SourceError) -> str:
    place = "source." if error.key in (APP.keys or {})["source"].keys else ""
    return f"{app['name']}.{place}{error.key}: {error.problem}; {error.remedy}."


def with_source(apps: Sequence[App]) -> list[App]:
    """Return the applications whose code this collection brings to the host."""
    return [app for app in apps if app["state"] == "present" and "prebuilt" not in app["source"]]
