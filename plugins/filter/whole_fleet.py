# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: whole_fleet
short_description: Return the servers among which one has what is there once
version_added: 1.0.0
description:
  - A worker with C(hosts=one) is on the first server that has its application. A run on a part of the servers must not take the first of that part
    for it, or two servers would have the worker.
  - Returns the servers of O(fleet) if there is one. Otherwise, returns all servers of the group C(flask_servers) if each server of the pattern belongs
    to it, and the servers of the pattern if not.
positional: groups, fleet
options:
  _input: {description: "The pattern, as the keyword C(hosts) of a play takes it.", type: raw, required: true}
  groups: {description: The groups of the inventory with their hosts., type: dict, required: true}
  fleet: {description: "The group of this server, in an inventory with several fleets, such as staging and production.", type: str, default: ""}
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
"""

EXAMPLES = r"""
- name: Show all servers, whichever of them the run is for
  ansible.builtin.debug:
    msg: "{{ 'web2' | flaskops.stack.whole_fleet(groups) }}"
"""

RETURN = r"""
_value: {description: Names of servers in the order of the inventory., type: list, elements: str, sample: [web1, web2]}
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.flaskops.stack.plugins.plugin_utils.matching_hosts import matching_hosts

_GROUP = "flask_servers"


def whole_fleet(pattern: object, groups: t.Mapping[str, t.Sequence[str]], fleet: str = "") -> list[str]:
    """Return the servers of the fleet. Without one, these are the servers of the group if the pattern is a part of it, and those of the pattern if not."""
    if fleet:
        found = matching_hosts(fleet, groups)
        if not found:
            raise AnsibleFilterError(f"flask_fleet is '{fleet}', but must be a group of the inventory with servers; write the name of one.")
        return found
    chosen, known = matching_hosts(pattern, groups), list(groups.get(_GROUP, ()))
    return known if set(chosen) <= set(known) else chosen


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"whole_fleet": whole_fleet}
