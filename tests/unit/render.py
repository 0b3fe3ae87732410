# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Render what the roles put on a host, by the same action plugins and templar as in a play, without a connection."""

from __future__ import annotations

import base64
import contextlib
import copy
import functools
import json
import typing as t
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import jinja2
import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible_collections.flaskops.stack.plugins.action import config_tree, uwsgi_instance
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.request import Manifest, TreeRequest, decode_payload
from ansible_collections.flaskops.stack.plugins.module_utils.config_tree.servers import settle
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.resolve import resolve_apps
from ansible_collections.flaskops.stack.plugins.plugin_utils.template.plain_templar import NotOurs, PlainTemplar

COLLECTION = Path(__file__).parents[2]
OVERLAYS = COLLECTION / "templates"

# The smallest description there is; `describe` merges changes into it.
SMALLEST = {"name": "shop", "source": {"path": "shop"}, "wsgi": "shop.wsgi:app"}
RELEASE = {
    "id": "0f3a1c9d2b7e",
    "path": "/srv/flask/shop/releases/0f3a1c9d2b7e",
    "virtualenv_path": "/srv/flask/shop/venvs/51c0ffee1234",
    "callable": "",
    "revision": "9fceb02d0ae598e95dc970b74767f19372d61af8",
    "imports": "",
}


def _compile_once() -> None:
    """Compile equal templates once: that is half of what rendering takes, and each render has an environment of its own."""
    compile_ = jinja2.Environment.compile
    made: dict[t.Hashable, t.Any] = {}

    @functools.wraps(compile_)
    def compile_once(self: jinja2.Environment, source: t.Any, *args: t.Any, **more: t.Any) -> t.Any:
        if not isinstance(source, str):
            return compile_(self, source, *args, **more)
        # The lexer is one object for equal settings.
        key = (type(self), self.lexer, str(source), args, tuple(sorted(more.items())))
        if key not in made:
            made[key] = compile_(self, source, *args, **more)
        return made[key]

    jinja2.Environment.compile = compile_once


_compile_once()


def _render_both_ways() -> None:
    """Require of everything that tests render by jinja2 alone that ansible-core's templating gives the same text."""
    plain = PlainTemplar.render

    @functools.wraps(plain)
    def render(self: PlainTemplar, text: str, path: str, variables: dict[str, t.Any]) -> str:
        renderer = self._environment.lookup.__self__
        if not hasattr(renderer, "_templates"):
            return plain(self, text, path, variables)
        core = next(found.core for found in renderer._templates.values() if found.path == path)
        try:
            rendered = plain(self, text, path, variables)
        except NotOurs:
            raise
        except Exception as error:
            with contextlib.suppress(Exception):
                core.render(text, path, {**renderer._task_vars, **variables})
                pytest.fail(f"only ansible-core renders {path}: {error!r}")
            raise
        if rendered != core.render(text, path, {**renderer._task_vars, **variables}):
            pytest.fail(f"{path} differs by who renders it")
        return rendered

    PlainTemplar.render = render


_render_both_ways()


def describe(**changes: t.Any) -> dict[str, t.Any]:
    """Return a description as a user writes it: the smallest one with `changes` merged into its dicts."""
    return _merged(copy.deepcopy(SMALLEST), changes)


def _merged(into: dict[str, t.Any], changes: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    for name, value in changes.items():
        into[name] = _merged(into[name], value) if isinstance(value, dict) and isinstance(into.get(name), dict) else value
    return into


class Complete(dict):
    """A complete description that knows what the user wrote, which is what action plugins take."""

    written: dict[str, t.Any]


def resolve_app(app: object, require: Sequence[str] = ("source", "wsgi")) -> dict[str, t.Any]:
    """Return the complete description of one application."""
    return resolve_apps([app], require)[0]


def complete(**changes: t.Any) -> Complete:
    """Return a complete description, as templates and the host's halves of plugins have it."""
    made = Complete(resolve_app(describe(**changes)))
    made.written = describe(**changes)
    return made


class Task:
    """As much of a role's task as an action plugin looks at."""

    async_val = 0
    delegate_to = None
    diff = False
    no_log = False

    def __init__(self, role: str, args: dict[str, t.Any], check_mode: bool = False) -> None:
        self.action, self.args, self.check_mode = role, args, check_mode
        self.role_path = COLLECTION / "roles" / role

    def get_search_path(self) -> list[str]:
        return [str(self.role_path), str(self.role_path / "tasks")]


def action(
    plugin: type[ActionBase], role: str, args: dict[str, t.Any], answer: t.Callable[..., dict[str, t.Any]], check_mode: bool = False
) -> ActionBase:
    """Return an action plugin whose module calls go to `answer(name, arguments)`."""
    loader = DataLoader()
    loader.set_basedir(str(COLLECTION))
    if isinstance(args.get("apps"), list):
        args = {**args, "apps": [getattr(app, "written", app) for app in args["apps"]]}
    made = plugin(
        task=Task(role, args, check_mode),
        connection=SimpleNamespace(
            transport="local",
            _shell=SimpleNamespace(tmpdir=None, join_path=lambda *parts: "/".join(parts)),
        ),
        play_context=SimpleNamespace(check_mode=check_mode, diff=False),
        loader=loader,
        templar=Templar(loader=loader),
        shared_loader_obj=None,
    )

    def execute(module_name: str, module_args: dict[str, t.Any], task_vars: object = None) -> dict[str, t.Any]:
        return answer(module_name.rpartition(".")[2], module_args)

    made._execute_module = execute
    return made


def task_vars(role: str, **variables: t.Any) -> dict[str, t.Any]:
    """Return the variables a task of the role sees: its defaults, then `variables` of the inventory, then its vars."""
    place = COLLECTION / "roles" / role
    return {
        "ansible_search_path": [str(place), str(place / "tasks")],
        "inventory_dir": str(COLLECTION / "inventory/demo"),
        **_variables(place / "defaults/main.yml"),
        **variables,
        **_variables(place / "vars/main.yml"),
    }


@functools.cache
def _variables(file: Path) -> dict[str, t.Any]:
    """Return the variables of a file of a role, which hundreds of tests read; none if the role has no such file."""
    return (DataLoader().load_from_file(str(file), trusted_as_template=True) or {}) if file.exists() else {}


def nginx_order(apps: t.Sequence[dict[str, t.Any]], **variables: t.Any) -> dict[str, t.Any]:
    """Return what the task of the role nginx_site asks of the module config_tree, with its files packed."""
    known = task_vars("nginx_site", flask_apps=list(apps), **variables)
    (task,) = DataLoader().load_from_file(str(COLLECTION / "roles/nginx_site/tasks/swap.yml"), trusted_as_template=True)
    asked = Templar(loader=DataLoader(), variables=known).template(task["flaskops.stack.config_tree"])
    shipped: dict[str, t.Any] = {}
    plugin = action(config_tree.ActionModule, "nginx_site", asked, lambda _name, arguments: shipped.update(arguments) or {})
    plugin.run(task_vars=known)
    return shipped


def nginx_files(apps: t.Sequence[dict[str, t.Any]], **variables: t.Any) -> dict[str, str]:
    """Return what the role nginx_site puts under /etc/nginx, by path; a link as `-> target`."""
    order = nginx_order(apps, **variables)
    # The host leaves out servers that another file has.
    wanted = TreeRequest("/etc/nginx", decode_payload(order["payload"]), owners=order["owners"])
    entries, _owners = settle(wanted, Manifest())
    return {entry.path: f"-> {entry.link}" if entry.link else (entry.content or b"").decode() for entry in entries}


_SHIPPED: dict[str, str] = {}


def instances(apps: t.Sequence[dict[str, t.Any]], releases: dict[str, t.Any] | None = None, **args: t.Any) -> list[dict[str, t.Any]]:
    """Return what the role uwsgi_service asks the host to run, for complete descriptions; equal ones are rendered once."""
    arguments = {"apps": list(apps), "releases": {app["name"]: RELEASE for app in apps} if releases is None else releases, **args}
    key = json.dumps([str(COLLECTION), arguments])
    if key not in _SHIPPED:
        shipped: dict[str, t.Any] = {}
        plugin = action(
            uwsgi_instance.ActionModule,
            "uwsgi_service",
            arguments,
            lambda _name, call: shipped.update(call) or {"notices": [], "failures": {}},
        )
        plugin.run(task_vars=task_vars("uwsgi_service", flask_apps=[]))
        _SHIPPED[key] = base64.b64decode(shipped["order"]).decode()
    return json.loads(_SHIPPED[key])["apps"]


def instance(app: dict[str, t.Any], release: dict[str, t.Any] | None = None, **args: t.Any) -> dict[str, t.Any]:
    """Return the instance of one application."""
    return instances([app], {app["name"]: release or RELEASE}, **args)[0]
