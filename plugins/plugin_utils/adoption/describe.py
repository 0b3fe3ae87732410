# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The description of an application that was found, with a list of what is not in it."""

from __future__ import annotations

import dataclasses
import posixpath
import re
import typing as t

from ..description.validate import Validator
from ..keys.app import APP
from .code import Code
from .findings import Left, Program
from .secret_names import has_password, is_secret
from .sites import FoundSite
from .unsafe_yaml import Template

_NOT_A_USER = ("", "root", "www-data", "nobody", "nginx", "uwsgi", "daemon", "http")
# Programs of the server before, which the roles replace, and what every virtualenv has.
_NOT_REQUIRED = ("uwsgi", "pyuwsgi", "gunicorn", "pip", "setuptools", "wheel", "pkg-resources", "distribute", "supervisor")
_NETWORK = re.compile(r"(https?|ssh|git)://[^\s'\"]+|[\w.-]+@[\w.-]+:[^\s'\"]+")
_SHARED_PATH = re.compile(r"(?![./])(?!.*(^|/)\.\.?(/|$))(?!.*//)[A-Za-z0-9._@+/-]+")
_LONGEST_NAME = 25


@dataclasses.dataclass
class Adopted:
    """An application with all that is written for it.

    :param app: the description, with the names of variables in the place of secrets
    :param secrets: the values of these variables
    :param data: the shared paths that have to be copied on the host
    """

    app: dict[str, t.Any]
    program: Program
    site: FoundSite
    code: Code
    secrets: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    data: list[str] = dataclasses.field(default_factory=list)
    left: list[Left] = dataclasses.field(default_factory=list)

    @property
    def name(self) -> str:
        return self.app["name"]

    @property
    def root(self) -> str:
        return f"/srv/flask/{self.name}"

    @property
    def user(self) -> str:
        return self.app.get("user", f"flask-{self.name}")

    def complete(self) -> dict[str, t.Any]:
        """Return the description with the secrets themselves, for checks."""
        return {**self.app, **{key: value for key, value in self.secrets.items() if key in ("secrets", "source")}}


def app_name(name: str, taken: t.Collection[str]) -> str:
    """Return a name that an application may have and no other one has."""
    plain = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-_")[:_LONGEST_NAME].strip("-_")
    pattern = (APP.keys or {})["name"].pattern
    plain = plain if re.fullmatch(pattern, plain) else f"app-{plain}"[:_LONGEST_NAME].strip("-_")
    plain = plain if re.fullmatch(pattern, plain) else "app"
    numbers = (f"{plain[: _LONGEST_NAME - 3]}-{number}" for number in range(2, 100))
    return plain if plain not in taken else next(each for each in numbers if each not in taken)


def describe(program: Program, site: FoundSite, code: Code, users: t.Collection[str]) -> Adopted:
    """Return the description of an application whose name is that of the program already.

    :param users: names of those users of the host that the application may go on to run as
    """
    app: dict[str, t.Any] = {"name": program.name, "source": {}, "wsgi": program.entry}
    adopted = Adopted(app, program, site, code, left=[*program.left, *site.left, *code.left])
    _source(adopted)
    _requirements(adopted)
    _user(adopted, users)
    _environment(adopted)
    app["uwsgi"] = {**program.uwsgi}
    _workers(adopted)
    _data(adopted)
    app["nginx"] = {**site.nginx, **({"prefix": site.prefix} if site.prefix else {})}
    _streams(app)
    routes = app["nginx"].get("routes", [])
    paths = [route["path"] for route in routes if route.get("mode", "plain") in ("plain", "cache") and "match" not in route]
    if paths and "/" not in [route["path"] for route in routes]:
        app["health"] = {"path": paths[0]}
    adopted.app = {key: value for key, value in app.items() if value not in ({}, [], "")}
    return adopted


def _leave(adopted: Adopted, what: str, remedy: str, place: object = "") -> None:
    adopted.left.append(Left(str(place or adopted.program.place), what, remedy))


def _source(adopted: Adopted) -> None:
    """Take the repository that the code was checked out from, or else a copy of the code."""
    code, name = adopted.code, adopted.name
    remote, commit = code.git.get("remote", ""), code.git.get("commit", "")
    if not (_NETWORK.fullmatch(remote) and commit):
        adopted.app["source"] = {"path": f"apps/{{host}}/{name}"}
        return
    source = {"git": remote, "version": commit}
    below = posixpath.relpath(code.path, code.git["top"])
    if below != ".":
        source["subdir"] = below
    says = f"the code is commit {commit[:12]} of its repository"
    _leave(adopted, says, f"run `git status` in {code.path}: what was never committed and pushed is not in it", code.path)
    adopted.app["source"] = source
    if has_password(remote):
        adopted.secrets["source"] = dict(source)
        adopted.app["source"] = {**source, "git": Template(f"{{{{ vault_{_variable(name)}_repository }}}}")}


def _variable(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _requirements(adopted: Adopted) -> None:
    code = adopted.code
    if code.declares_requirements():
        return
    pinned = [each for each in code.packages if each.partition("==")[0] not in _NOT_REQUIRED]
    if pinned:
        adopted.app["extra_requirements"] = pinned
    elif not code.problem:
        _leave(adopted, "nothing says which packages the application needs", "write a requirements.txt into the source", code.path)


def _user(adopted: Adopted, users: t.Collection[str]) -> None:
    user = adopted.program.user
    if user in users and user not in _NOT_A_USER:
        adopted.app["user"] = user
    elif user not in _NOT_A_USER:
        says = f"the application runs as {user}"
        _leave(adopted, says, f"it will run as {adopted.user}: see that this user has the rights it needs, for example in a database")


def _environment(adopted: Adopted) -> None:
    """Divide the variables into plain ones and secrets, and have them name the new places of data."""
    plain: dict[str, str] = {}
    secret: dict[str, str] = {}
    for name, value in adopted.program.env.items():
        if not Validator().environment("env", {name: value}, secret=True):
            _leave(adopted, f"the variable {name[:40]} cannot be written into env", "set it in another way if the application needs it")
            continue
        moved = _moved(adopted, name, value)
        (secret if is_secret(name, value) else plain)[name] = moved
    adopted.app["env"] = plain
    if secret:
        adopted.app["secrets"] = Template(f"{{{{ vault_{_variable(adopted.name)}_secrets }}}}")
        adopted.secrets["secrets"] = secret


def _moved(adopted: Adopted, name: str, value: str) -> str:
    """Return a value that names data and code by their new places."""
    old, moved = adopted.program.directory, value
    for path in sorted(adopted.code.data, key=len, reverse=True):
        moved = moved.replace(f"{old}/{path.rstrip('/')}", f"{adopted.root}/shared/{path.rstrip('/')}")
    moved = re.sub(rf"{re.escape(old)}(?=/|$)", f"{adopted.root}/current", moved)
    if moved != value:
        _leave(adopted, f"the variable {name} led into {old}", f"see that it is right: it leads into {adopted.root} now")
    return moved


def _workers(adopted: Adopted) -> None:
    """Take over processes beside the server, with names that are allowed and differ."""
    taken: list[str] = []
    for worker in adopted.program.workers:
        name = app_name(str(worker.get("name", "worker")), taken)
        name = (
            f"{name}-worker"[:_LONGEST_NAME]
            if name in ("stream", "build", "migrate", "after-switch") or name.startswith("command")
            else name
        )
        taken.append(name)
        command = str(worker["command"])
        for place in (adopted.program.virtualenv, ""):
            command = command.replace(f"{place}/bin/", "") if place else command
        adopted.app.setdefault("workers", []).append(
            {"name": name, "command": command.replace(adopted.program.directory, f"{adopted.root}/current")}
        )


def _data(adopted: Adopted) -> None:
    for path in adopted.code.data:
        if _SHARED_PATH.fullmatch(path):
            adopted.data.append(path)
        else:
            _leave(adopted, f"data lies in {path!r}, a name that shared_paths does not take", "rename it", adopted.code.path)
    # A data directory has all that is in it.
    outer = [path for path in adopted.data if path.endswith("/")]
    adopted.data = [path for path in adopted.data if not any(path != each and path.startswith(each) for each in outer)]
    if adopted.data:
        adopted.app["shared_paths"] = list(adopted.data)


def _streams(app: dict[str, t.Any]) -> None:
    """Have streams run in threads, as before: an application that was not made for gevent may not bear it."""
    if any(route.get("mode") in ("stream", "websocket") for route in app["nginx"].get("routes", [])) and "greenlets" not in app["uwsgi"]:
        app["uwsgi"]["stream"] = {"pool": "threads"}
