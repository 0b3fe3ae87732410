# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: rollout_table
short_description: Format what a deployment in batches has done as a table
version_added: 1.0.0
description:
  - Takes what has become of each server and returns lines of text, one for each application that was switched or failed on a server.
options:
  _input: {description: "By server, what the filter flaskops.stack.rollout_verdict takes.", type: dict, required: true}
extends_documentation_fragment: flaskops.stack.private
author: flaskops.stack authors (@flaskops)
"""

EXAMPLES = r"""
- name: Show what has become of a server
  ansible.builtin.debug:
    msg: "{{ {'web1': web1} | flaskops.stack.rollout_table }}"
  vars:
    web1: {switched: [shop], on_trial: true, confirmed: [shop]}
"""

RETURN = r"""
_value: {description: Lines., type: list, elements: str, sample: ["host  app   outcome", "web1  shop  switched"]}
"""

import typing as t

from ansible_collections.flaskops.stack.plugins.plugin_utils.rollout.outcome import Fact, Outcome

_COLUMNS = ("host", "app", "outcome")


def rollout_table(servers: t.Mapping[str, Fact]) -> list[str]:
    """Return a table with a row for each application that was switched or failed."""
    rows = [_COLUMNS, *((host, *row) for host, fact in servers.items() for row in _rows(fact))]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return [f"{host:<{widths[0]}}  {app:<{widths[1]}}  {says}" for host, app, says in rows]


def _rows(fact: Fact) -> t.Iterator[tuple[str, str]]:
    outcome = Outcome.of(fact)
    if not fact:
        yield "-", "not deployed in this run"
    elif not outcome.is_deployed:
        yield "-", "could not be reached any more while it was deployed"
    elif not (outcome.switched or outcome.failures or outcome.kept or outcome.fault):
        yield "-", "nothing to switch"
    for name in outcome.switched:
        switched = "was switched by a run that did not end" if name in outcome.taken_up else "switched"
        yield name, switched + (_back(outcome.back[name]) if name in outcome.back else _confirmed(name, outcome))
    for name, message in outcome.failures.items():
        if name not in outcome.switched:
            yield name, f"failed: {_first_line(message)}"
    for name, notice in outcome.kept.items():
        yield name, f"keeps its release: {_first_line(notice)}"
    if outcome.fault:
        yield "-", f"failed: {_first_line(outcome.fault)}"


def _confirmed(name: str, outcome: Outcome) -> str:
    """Return what became of the confirmation, without which the server goes back by itself; empty if all is well."""
    if outcome.confirmed is None:
        left = "goes back by itself if there was a release before" if outcome.on_trial else "stays"
        return f", and {left}: the server could not be reached any more"
    return "" if name in outcome.confirmed else f", and was not confirmed: {_first_line(outcome.unconfirmed.get(name, ''))}"


def _back(result: Fact) -> str:
    """Return what became of the way back."""
    if result.get("skipped"):
        return ", and would be taken back"
    return ", then taken back" if result.get("instances") else f", and could not go back: {_first_line(result.get('msg', ''))}"


def _first_line(message: str) -> str:
    return message.split("\n", 1)[0]


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"rollout_table": rollout_table}
