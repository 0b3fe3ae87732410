"""The application as the collection deploys it to a container, for the measurements of requests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..harness.controller import Controller
from ..harness.host import Host

# How names of containers begin; another one lets two checkouts use one engine at the same time.
PREFIX = os.environ.get("BENCH_PREFIX", "flaskops-bench-")
APP = Path(__file__).parent / "app"
# The answer of /api, and a location of nginx's own.
ITEMS = (APP / "items.json").read_text()


def description(env: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """Return the applications: the same code twice, reached through one hop and through two.

    :param env: environment of the first one; another one makes another instance
    """
    routes = [
        {"path": "/", "mode": "plain"},
        {"path": "/api", "mode": "cache", "valid": {200: "30d"}},
        {"path": "/time/", "mode": "stream", "probe": ""},
    ]
    quoted = ITEMS.replace('"', '\\"').replace("\n", "\\n")
    fixed = f'location = /fixed {{ default_type application/json; return 200 "{quoted}"; }}'
    # A candidate that starts at full load, on a machine that may have more to do, is late but not broken.
    shared = {"source": {"path": str(APP)}, "wsgi": "app.py", "health": {"timeout": 120}}
    return [
        {**shared, "name": "direct", "env": env or {}, "nginx": {"server_names": ["direct.localhost"], "routes": routes, "extra": [fixed]}},
        {**shared, "name": "proxy", "nginx": {"server_names": ["proxy.localhost"], "front": "proxy", "routes": routes}},
    ]


def playbook(target: Host, apps: list[dict[str, Any]], directory: Path, nice: int = 0, play: str = "flaskops.stack.site") -> str:
    """Run a playbook on a host, by default the shipped one, and return what it prints.

    :param directory: of the inventory and the configuration that are written for it
    :param nice: of the controller, which shares its processors with the host
    :raises RuntimeError: with its last lines, if it fails
    """
    controller = Controller(directory)
    inventory = controller.inventory("inventory", {"serving": controller.by_engine(target)}, {"flask_apps": apps})
    return controller.run(inventory, play, nice=nice).require_end().output


def interpreter(target: Host) -> str:
    """Return the Python of the deployed virtualenv."""
    return target.shell("readlink -f /srv/flask/direct/venvs/*/bin | head -n 1").strip() + "/python"
