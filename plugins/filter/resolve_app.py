# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: resolve_app
short_description: Complete the description of one application
version_added: 1.0.0
description:
  - Checks and completes one description, like P(flaskops.stack.resolve_apps#filter) does for a list of descriptions.
positional: require
options:
  _input: {description: The description., type: dict, required: true}
  require:
    description: Keys that are required in addition to C(name).
    type: list
    elements: str
    default: [source, wsgi]
author: flaskops.stack authors (@flaskops)
"""

EXAMPLES = r"""
- name: Show the socket of an application
  ansible.builtin.debug:
    msg: "{{ (flask_apps | first | flaskops.stack.resolve_app).socket }}"
"""

RETURN = r"""
_value: {description: The complete description., type: dict}
"""

import typing as t

from ansible_collections.flaskops.stack.plugins.filter.resolve_apps import resolve_apps


def resolve_app(app: object, require: t.Sequence[str] = ("source", "wsgi")) -> dict[str, t.Any]:
    """Return a complete description, or fail with a line for each problem."""
    return resolve_apps([app], require)[0]


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"resolve_app": resolve_app}
