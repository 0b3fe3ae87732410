# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: resolve_apps
short_description: Complete the descriptions of applications
version_added: 1.0.0
description:
  - Checks every description, alone and against the others, and adds the values of keys that the user did not write.
    C(docs/applications.md) describes the keys.
positional: require, variable
options:
  _input: {description: The descriptions., type: list, elements: dict, required: true}
  require:
    description: Keys that are required in addition to C(name).
    type: list
    elements: str
    default: [source, wsgi]
  variable: {description: Name of the variable that messages mention., type: str, default: flask_apps}
author: flaskops.stack authors (@flaskops)
"""

EXAMPLES = r"""
- name: Show the sockets of all applications
  ansible.builtin.debug:
    msg: "{{ flask_apps | flaskops.stack.resolve_apps | map(attribute='socket') }}"
"""

RETURN = r"""
_value: {description: Complete descriptions., type: list, elements: dict}
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.flaskops.stack.plugins.plugin_utils.description import resolve
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.undefined import places, undefined
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError
from jinja2 import UndefinedError


def resolve_apps(apps: object, require: t.Sequence[str] = ("source", "wsgi"), variable: str = "flask_apps") -> list[dict[str, t.Any]]:
    """Return complete descriptions, or fail with a line for each problem."""
    try:
        return resolve.resolve_apps(apps, require, variable)
    except AppError as error:
        raise AnsibleFilterError(str(error)) from None
    except UndefinedError as error:
        raise AnsibleFilterError(undefined(variable, places(variable, apps) or [str(error)])) from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"resolve_apps": resolve_apps}
