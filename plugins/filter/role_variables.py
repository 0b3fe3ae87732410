# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: role_variables
short_description: Bring variables of the roles into their own types
version_added: 1.0.0
description:
  - Takes variables as the inventory or the command line has them. A single text or number becomes a list of one where a list is wanted,
    and texts become numbers, V(true) or V(false). Null is the default of the variable.
  - Everything else is refused with variable, value and remedy, and so is an address that nginx would refuse.
options:
  _input: {description: Variables by name., type: dict, required: true}
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
"""

EXAMPLES = r"""
- name: Show where the sites listen
  ansible.builtin.debug:
    msg: "{{ ({'nginx_site_listen': '8080'} | flaskops.stack.role_variables).nginx_site_listen }}"
"""

RETURN = r"""
_value: {description: The same variables., type: dict}
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.role_variables import resolve_variables
from ansible_collections.flaskops.stack.plugins.plugin_utils.description.validate import AppError


def role_variables(given: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return variables in their own types, or fail with a line for each problem."""
    try:
        return resolve_variables(given)
    except AppError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"role_variables": role_variables}
