# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: rollout_bad
short_description: Tell which applications make a batch of servers go back
version_added: 1.0.0
description:
  - Takes what has become of each server of a batch and returns the names of the applications that failed on one of them, or whose visitors fare
    worse on one of them. If a server failed for no fault of an application, these are all applications that were switched in the batch.
options:
  _input:
    description: >-
      By server, the applications that were C(switched), the C(message) with which the run failed there if it did, the C(failures) by application, and
      by application in which way its visitors fare C(worse).
    type: dict
    required: true
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
"""

EXAMPLES = r"""
- name: Show which applications go back
  ansible.builtin.debug:
    msg: "{{ {'web1': {'switched': ['shop'], 'message': '', 'failures': {}, 'worse': {}}} | flaskops.stack.rollout_bad }}"
"""

RETURN = r"""
_value: {description: Names of applications., type: list, elements: str}
"""

import typing as t

Outcome = dict[str, t.Any]


def rollout_bad(servers: dict[str, Outcome]) -> list[str]:
    """Return the names of the applications that are bad on any server."""
    bad: set[str] = set()
    for outcome in servers.values():
        bad |= {*outcome["failures"], *outcome["worse"]}
        if outcome["message"] and not outcome["failures"]:
            bad |= {name for other in servers.values() for name in other["switched"]}
    return sorted(bad)


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"rollout_bad": rollout_bad}
