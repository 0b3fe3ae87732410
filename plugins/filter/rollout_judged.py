# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: rollout_judged
short_description: Return what has become of the servers that are judged together
version_added: 1.0.0
description:
  - Returns the servers of a batch, and those that were lost after their switch, which Ansible does not count as a part of the batch any more. A
    server that is lost has a C(message).
positional: batch
options:
  _input: {description: "By server of the whole run, what the filter flaskops.stack.rollout_bad takes.", type: dict, required: true}
  batch: {description: The servers of the batch that can still be reached., type: list, elements: str, required: true}
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
"""

EXAMPLES = r"""
- name: Show what has become of the batch
  ansible.builtin.debug:
    msg: "{{ rollout_every | flaskops.stack.rollout_judged(ansible_play_batch) }}"
"""

RETURN = r"""
_value: {description: "By server, what the filter flaskops.stack.rollout_bad takes.", type: dict}
"""

import typing as t

Outcome = dict[str, t.Any]


def rollout_judged(every: t.Mapping[str, Outcome], batch: t.Sequence[str]) -> dict[str, Outcome]:
    """Return the servers of a batch, and those that were switched and can be reached no more."""
    lost = {name: outcome for name, outcome in every.items() if name not in batch and _is_left_open(outcome)}
    return {name: every[name] for name in batch if every[name]} | {
        name: {**outcome, "message": f"{name}: it could not be reached any more after it was switched"} for name, outcome in lost.items()
    }


def _is_left_open(outcome: Outcome) -> bool:
    """Return whether a server was switched and its release neither confirmed nor taken back. An earlier batch has ended with one of the two."""
    return bool(outcome and outcome["switched"]) and "confirmed" not in outcome


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"rollout_judged": rollout_judged}
