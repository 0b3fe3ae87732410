# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From what a host tells to the files that are written about it."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

from ...module_utils.host.shown import clean, learn
from ..description.resolve import resolve_apps
from ..description.validate import AppError
from . import shell_scripts
from .code import code_of
from .describe import Adopted, app_name, describe
from .findings import Left, Program
from .nginx_files import AdoptionError
from .programs import programs
from .routes import is_needless
from .sites import site_of
from .survey import CLOCKS, Answer, Ask, Survey, survey
from .unsafe_yaml import to_yaml
from .web import Web

# Asks the host for the trees of applications, as the module ``adoption_info`` takes them.
AskTrees = t.Callable[[list[dict[str, t.Any]]], Answer]
_MOST_REPAIRS = 40
# Directives outside of servers that have become keys of a description.
_OF_HTTP = ("server", "upstream", "proxy_cache_path", "uwsgi_cache_path", "proxy_cache_key", "uwsgi_cache_key")


class Adoption(t.NamedTuple):
    """The applications of one host, and the files that are written about them.

    :param files: texts by file name, and whether only the user may read each
    """

    apps: list[Adopted]
    left: list[str]
    files: dict[str, tuple[str, bool]]


def adopt(host: str, ask: Ask, ask_trees: AskTrees, place: Path) -> Adoption:
    """Return what a host has, as files of an inventory.

    :param host: the name of the host in the inventory
    :param place: an empty directory of the controller, in which the code of each application gets a directory
    :raises AdoptionError: if there is no application
    """
    found = survey(ask)
    names: list[str] = []
    wanted = programs(found)
    if not wanted:
        raise AdoptionError(
            f"{host} has no Flask application that is known here: no uWSGI or gunicorn is named by a unit of systemd, a program of supervisor, a job"
            " of Upstart, an ini of uWSGI or a running process. Describe it by hand, see docs/applications.md."
        )
    for program in wanted:
        program.name = app_name(program.name, names)
        names.append(program.name)
    apps = _described(wanted, found, ask_trees, place)
    for app in apps:
        learn([*app.secrets.get("secrets", {}).values(), *([app.secrets["source"]["git"]] if "source" in app.secrets else [])])
        if "path" in app.app["source"]:
            app.app["source"]["path"] = app.app["source"]["path"].format(host=host)
    whole = _repaired(apps)
    left = [*found.left, *found.nginx.left, *(each for app in apps for each in app.left), *_clocks(found, wanted), *_others(found, whole)]
    lines = list(dict.fromkeys(clean(str(each)) for each in left))
    return Adoption(whole, lines, _files(host, whole, found, lines))


def _described(wanted: t.Sequence[Program], found: Survey, ask_trees: AskTrees, place: Path) -> list[Adopted]:
    web = Web(found.nginx.tree())
    taken: set[str] = set()
    users = [program.user for program in wanted]
    free = {user for user in found.users if users.count(user) == 1}
    answer = ask_trees(
        [{"path": program.directory, "author": program.launch.owner, "virtualenv": program.virtualenv} for program in wanted]
    )
    told = {tree["asked"]: tree for tree in answer["trees"]}
    apps = []
    for program in wanted:
        copy = place / program.name
        copy.mkdir()
        code = code_of(told[program.directory], program.directory, copy)
        apps.append(describe(program, site_of(web, program, taken), code, free))
    return apps


def _repaired(apps: t.Sequence[Adopted]) -> list[Adopted]:
    """Take out what the description's own check refuses, with its message for the list, and return the applications that are left.

    :raises AdoptionError: if none is left
    """
    whole = [app for app in apps if not _is_gone(app)]
    problems: list[str] = []
    for _time in range(_MOST_REPAIRS):
        try:
            resolve_apps([app.complete() for app in whole])
        except AppError as error:
            problems = error.problems
        else:
            if not whole:
                break
            return whole
        unusable = [app for app in whole for problem in problems if problem.startswith(f"{app.name}.") and not _without(app, problem)]
        whole = [app for app in whole if app not in unusable]
    raise AdoptionError(
        "\n".join(["Nothing that was found makes a description.", *problems, *(str(each) for app in apps for each in app.left)])
    )


def _is_gone(app: Adopted) -> bool:
    """Return whether there is no code, as for a definition that somebody forgot to remove."""
    return "path" in app.app["source"] and app.code.problem == "no such file or directory"


def _without(app: Adopted, problem: str) -> bool:
    """Take the key out of a description that a message is about; return whether the application can go on without it."""
    where = re.match(r"[a-z][a-z0-9_-]*\.(?P<keys>[a-z_]+(?:\.[A-Za-z0-9_-]+|\[[0-9]+\])*)", problem)
    keys = [int(key) if key.isdigit() else key for key in re.findall(r"[A-Za-z0-9_-]+", where["keys"])] if where else []
    says = f"the description does not take what was found ({problem.rstrip('.')})"
    for length in range(len(keys), 0, -1):
        if keys[0] not in ("name", "wsgi", "source") and _dropped(app.app, keys[:length]):
            app.left.append(Left(str(app.program.place), says, "write it by hand"))
            return True
    app.left.append(Left(str(app.program.place), says, "describe the application by hand"))
    return False


def _dropped(app: t.Any, keys: t.Sequence[str | int]) -> bool:
    for key in keys[:-1]:
        try:
            app = app[key]
        except (KeyError, IndexError, TypeError):
            return False
    try:
        del app[keys[-1]]
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _clocks(found: Survey, wanted: t.Sequence[Program]) -> t.Iterator[Left]:
    for file in found.like(*CLOCKS):
        for number, line in enumerate(file.text.splitlines(), 1):
            if any(program.directory in line for program in wanted) and not line.lstrip().startswith("#"):
                yield Left(f"{file.path}:{number}", "cron runs something of the application", "write it into timers, and remove this line")


def _others(found: Survey, apps: t.Sequence[Adopted]) -> t.Iterator[Left]:
    """Yield servers of nginx that stay, and files that have some of them beside those of applications."""
    files = {path for app in apps for path in app.site.files}
    web = Web(found.nginx.tree())
    for directive in web.http.block:
        if directive.place.file in files and directive.name not in _OF_HTTP and not is_needless(directive.name):
            says = f"the directive {directive.name} is not carried over"
            yield Left(str(directive.place), says, "write it into a file of your own in /etc/nginx/conf.d if the sites need it")
    for server in web.servers:
        if server.file not in files and not server.file.endswith("/default"):
            names = " ".join(server.names) or "no name"
            yield Left(
                str(server.directive.place),
                f"the server with {names} stays as it is",
                "take it out by hand if it is one of an application here",
            )


def _files(host: str, apps: t.Sequence[Adopted], found: Survey, left: t.Sequence[str]) -> dict[str, tuple[str, bool]]:
    variables: dict[str, t.Any] = {}
    secrets: dict[str, t.Any] = {}
    moved = {path for app in apps for path in app.site.files}
    if any(server.default and server.file not in moved for server in Web(found.nginx.tree()).servers):
        # Another default server stays, and nginx takes one only.
        variables["nginx_site_catch_all"] = False
    variables["flask_apps"] = [app.app for app in apps]
    for app in apps:
        name = re.sub(r"\W", "_", app.name)
        if "secrets" in app.secrets:
            secrets[f"vault_{name}_secrets"] = app.secrets["secrets"]
        if "source" in app.secrets:
            secrets[f"vault_{name}_repository"] = app.secrets["source"]["git"]
    sole = shell_scripts.sole_programs({path: file.text for path, file in found.files.items()})
    head = "---\n# Written by flaskops.stack.adopt. docs/applications.md of the collection describes every key of an application.\n"
    files = {
        f"host_vars/{host}/main.yml": (head + to_yaml(variables), False),
        f"{host}.left.txt": ("".join(f"{line}\n" for line in left), False),
        f"{host}.over.sh": (shell_scripts.over(apps, sole), False),
        f"{host}.back.sh": (shell_scripts.back(apps, sole), False),
    }
    if secrets:
        files[f"host_vars/{host}/secrets.yml"] = ("---\n# Encrypt it: ansible-vault encrypt FILE\n" + to_yaml(secrets), True)
    return files
