# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: serving_hosts
short_description: Require that a pattern of hosts matches any
version_added: 1.0.0
description:
  - Ansible skips a play without hosts and ends well, also where it could not parse the inventory. This filter returns the pattern, or
    fails with the remedy if no host of the inventory matches it.
  - It also fails if Ansible has cut a value with blanks on the command line, as of C(-e command='ls -la'), before anything runs.
positional: groups
options:
  _input: {description: "The pattern, as the keyword C(hosts) of a play takes it.", type: raw, required: true}
  groups: {description: The groups of the inventory with their hosts., type: dict, required: true}
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
"""

EXAMPLES = r"""
- name: Do something on servers, and fail if there are none
  hosts: "{{ target | default('flask_servers') | flaskops.stack.serving_hosts(groups) }}"
"""

RETURN = r"""
_value: {description: The pattern., type: raw, sample: flask_servers}
"""

import typing as t

from ansible import context
from ansible.errors import AnsibleFilterError
from ansible_collections.flaskops.stack.plugins.plugin_utils.extra_vars import problem_of_extra_vars
from ansible_collections.flaskops.stack.plugins.plugin_utils.matching_hosts import matching_hosts, patterns_in

# These options of ansible-playbook run nothing, and people give them without an inventory.
_READING_ONLY = ("syntax", "listhosts", "listtasks", "listtags")


def serving_hosts(pattern: object, groups: t.Mapping[str, t.Sequence[str]]) -> object:
    """Return the pattern, or fail with the pattern and the remedy. Every play of a playbook asks this first, so it also checks ``-e``."""
    if any(context.CLIARGS.get(option) for option in _READING_ONLY):
        return pattern
    if problem := problem_of_extra_vars():
        raise AnsibleFilterError(problem)
    if matching_hosts(pattern, groups):
        return pattern
    raise AnsibleFilterError(
        f"No server of the inventory matches '{', '.join(map(str, patterns_in(pattern)))}', so nothing would be done. {_remedy(groups)}"
    )


def _remedy(groups: t.Mapping[str, t.Sequence[str]]) -> str:
    known = sorted(name for name, hosts in groups.items() if hosts and name not in ("all", "ungrouped"))
    if known or groups.get("all"):
        return f"Write -e target=GROUP with one of {', '.join(known or ['all'])}, or give the servers that group."
    return "Ansible has read no server: name the inventory with -i, and correct it if there is a warning above that it could not be parsed."


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"serving_hosts": serving_hosts}
