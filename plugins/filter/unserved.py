# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: unserved
short_description: Tell which applications of a host are not served as they should be
version_added: 1.0.0
description:
  - Takes the result of M(flaskops.stack.uwsgi_info) and returns a line for each thing that is not as it should be. The live instance
    and its stream pool must run, the instance must start at boot, and the sockets must belong to the user of the application and
    to the group of the web server.
options:
  _input: {description: "The return value C(apps) of the module.", type: dict, required: true}
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
"""

EXAMPLES = r"""
- name: Require that every application is served
  ansible.builtin.assert:
    that: look.apps | flaskops.stack.unserved | length == 0
"""

RETURN = r"""
_value: {description: Lines; none if all is well., type: list, elements: str}
"""

import typing as t

_SOCKET_MODE = "0660"


def unserved(apps: dict[str, dict[str, t.Any]]) -> list[str]:
    """Return a line for each thing that is not as it should be."""
    return [f"{name}: {problem}" for name, app in sorted(apps.items()) for problem in [*app["problems"], *_problems(app)]]


def _problems(app: dict[str, t.Any]) -> t.Iterator[str]:
    live = app["instances"].get(app["live"])
    if live is None:
        yield "no instance is live; deploy it with site.yml"
        return
    for unit in (live, live["stream"]):
        if unit and unit["active"] != "active":
            yield f"{unit['unit']} is {unit['active']}; look into its journal"
    if not live["enabled"]:
        yield f"{live['unit']} does not start at boot; deploy it again"
    yield from _of_socket("the live socket", app["socket"], app)
    if live["stream"]:
        yield from _of_socket("the socket for streams", app["stream_socket"], app)


def _of_socket(what: str, socket: dict[str, str] | None, app: dict[str, t.Any]) -> t.Iterator[str]:
    if socket is None:
        yield f"{what} is not there; deploy it again"
        return
    seen = (socket["mode"], socket["owner"], socket["group"])
    wanted = (_SOCKET_MODE, app["user"], app["web_group"])
    if seen != wanted:
        yield f"{what} {socket['path']} has mode, owner and group {' '.join(seen)}, but must have {' '.join(wanted)}; deploy it again"


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"unserved": unserved}
