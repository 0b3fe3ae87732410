# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: rollout_verdict
short_description: Judge a batch of servers of a rollout
version_added: 1.0.0
description:
  - Tells which applications go back on all servers of the batch, since they failed on one of them, keep a release there, or have visitors that fare
    worse there. If a server has failed or was lost for no fault of an application, these are all applications that were switched in the batch.
  - Servers that were lost during or after their switch are judged, too. Ansible does not count them as a part of the batch any more.
positional: batch, built
options:
  _input:
    description: >-
      By server of the whole run, what the filter flaskops.stack.rollout_deployed returns, with C(on_trial), whether a server goes back by itself;
      C(worse), by application in which way its visitors fare worse; C(back), by application the result of M(flaskops.stack.flask_rollback); and
      C(confirmed) and C(unconfirmed) as M(flaskops.stack.flask_confirm) returns them. Empty for a server whose turn has not come.
    type: dict
    required: true
  batch: {description: The servers of the batch that can still be reached., type: list, elements: str, required: true}
  built: {description: "The servers on which the releases were built, so that their switch may have begun.", type: list, elements: str, required: true}
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
"""

EXAMPLES = r"""
- name: Show which applications go back
  ansible.builtin.debug:
    msg: "{{ (rollout_every | flaskops.stack.rollout_verdict(ansible_play_batch, rollout_built)).bad }}"
"""

RETURN = r"""
_value:
  description: >-
    The names of the applications that go back (C(bad)), of those among them whose visitors fare C(worse), and of the switched ones that are not bad
    (C(watched)); and a C(message) that tells why the run ends, empty if it goes on.
  type: dict
"""

import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.rollout.outcome import Fact
from ansible_collections.flaskops.stack.plugins.plugin_utils.rollout.verdict import verdict


def rollout_verdict(every: t.Mapping[str, Fact], batch: t.Sequence[str], built: t.Sequence[str]) -> dict[str, t.Any]:
    """Return the verdict as Ansible keeps it in a fact."""
    return verdict(every, batch, built)._asdict()


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"rollout_verdict": rollout_verdict}
