#!/usr/bin/python
# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: flask_firewall
short_description: Let only the ports of sites, of SSH and those that somebody lists be reached
version_added: 1.0.0
description:
  - Writes the table C(inet flaskops) of nftables, which drops all incoming packets but those to these ports. Tables of others stay as they are.
  - New rules are on trial. If the host cannot be reached over a new SSH connection in C(confirm_within) seconds, it goes back to the rules that
    were confirmed last, also if the run was killed. A reboot goes back, too.
  - The port of the SSH connection of the run, C(ansible_port) and each port of sshd stay open.
  - It fails before it changes anything if the host has a firewall of somebody else.
extends_documentation_fragment: [flaskops.stack.apps, flaskops.stack.private]
options:
  state: {description: Whether the host has the rules., type: str, choices: [present, absent], default: present}
  open: {description: "Other ports, as C(flask_firewall_open) has them.", type: raw}
  ssh_from: {description: "Networks that may use SSH, all if it is empty.", type: raw}
  beside: {description: Tables and programs of others whose rules may stay., type: raw}
  confirm_within: {description: Seconds of the trial., type: raw}
  nginx: {description: Variables of the role P(flaskops.stack.nginx_site#role) that say where nginx listens., type: dict, default: {}}
author: flaskops.stack authors (@flaskops)
attributes:
  check_mode: {description: Reports what would be changed., support: full}
  diff_mode: {description: Shows the file of rules., support: full}
"""

EXAMPLES = r"""
- name: Let visitors, SSH and the monitoring in
  flaskops.stack.flask_firewall:
    open: [{port: 9100, from: [192.0.2.7]}]
"""

RETURN = r"""
lacks: {description: Packages that the host needs first. Nothing was changed if there is one., type: list, elements: str, returned: success}
"""

import typing as t

from ansible_collections.flaskops.stack.plugins.module_utils.firewall import firewall, nft, others
from ansible_collections.flaskops.stack.plugins.module_utils.firewall.firewall import Firewall, FirewallError
from ansible_collections.flaskops.stack.plugins.module_utils.firewall.login import login
from ansible_collections.flaskops.stack.plugins.module_utils.firewall.rules import Opening, ruleset
from ansible_collections.flaskops.stack.plugins.module_utils.firewall.ssh import ssh_opening
from ansible_collections.flaskops.stack.plugins.module_utils.host import lock
from ansible_collections.flaskops.stack.plugins.module_utils.host.command import CommandError
from ansible_collections.flaskops.stack.plugins.module_utils.host.files import read_text
from ansible_collections.flaskops.stack.plugins.module_utils.host.module import HostModule

_LOCK = "/run/flaskops/firewall.lock"
_LOCK_SECONDS = 60
_PACKAGE = "nftables"


def wanted(params: t.Mapping[str, t.Any]) -> Firewall:
    """Return the firewall of a task."""
    ssh = ssh_opening(params["ssh_ports"], params["ssh_from"], login())
    text = ruleset([ssh, *(Opening(**opening) for opening in params["openings"])])
    return Firewall(text, nft.loaded_from(text) if nft.is_installed() else "")


def require_alone(beside: t.Collection[str]) -> None:
    """Do nothing unless somebody else's firewall is in the way.

    :raises FirewallError: if one is
    """
    found = {name: says for name, says in others.others().items() if name not in beside}
    if found:
        raise FirewallError(others.message(found))


def apply(params: t.Mapping[str, t.Any], check: bool) -> dict[str, t.Any]:
    require_alone(params["beside"])
    lacks = [] if nft.is_installed() else [_PACKAGE]
    wall = wanted(params)
    changes = wall.pending()
    on_trial = bool(changes) and wall.needs_trial()
    result = {"changed": bool(changes), "lacks": lacks, "on_trial": False, "diff": [_diff(wall)] if changes else []}
    if check or not changes:
        return result
    if lacks:
        return {**result, "changed": False, "diff": []}
    if on_trial:
        wall.begin_trial(params["confirm_within"])
    else:
        wall.keep()
    return {**result, "on_trial": on_trial, "login": str(login() or "")}


def _diff(wall: Firewall) -> dict[str, t.Any]:
    before = read_text(firewall.RULES) or ""
    if before == wall.text and not wall.is_loaded():
        return firewall.difference(nft.loaded() if nft.is_installed() else "", wall.wanted, "rules in the kernel")
    if before == wall.text:
        return firewall.difference("", "".join(f"{item}\n" for item in wall.pending()), firewall.UNIT)
    return firewall.difference(before, wall.text, firewall.RULES)


def confirm(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Keep rules that a new connection has got through.

    :raises FirewallError: if it is the one that was there before the rules
    """
    if params["login"] and params["login"] == str(login() or ""):
        raise FirewallError(
            "the connection is the same as before the new rules, so it does not show that they let one in, and the host goes back to the former"
            " ones. Switch off what keeps connections for others, such as ControlMaster in ~/.ssh/config, or ANSIBLE_SSH_ARGS without ControlPath"
        )
    wanted(params).confirm()
    return {"changed": True}


def absent(check: bool) -> dict[str, t.Any]:
    left = firewall.left_over()
    if left and not check:
        firewall.remove()
    before = read_text(firewall.RULES) or "".join(f"{item}\n" for item in left)
    return {"changed": bool(left), "lacks": [], "diff": [firewall.difference(before, "", firewall.RULES)] if left else []}


def explained(error: Exception) -> str:
    """Return the message of an error, with the remedy where the kernel lets nobody here set rules."""
    if "Operation not permitted" in str(error):
        return f"{error}. A container needs the capabilities NET_ADMIN and SYS_ADMIN for rules of its own; otherwise set them on its host."
    return str(error)


def main() -> None:
    module = HostModule(
        argument_spec={
            "mode": {"type": "str", "choices": ["present", "absent", "confirm"], "required": True},
            "openings": {"type": "list", "elements": "dict", "required": True},
            "ssh_ports": {"type": "list", "elements": "int", "required": True},
            "ssh_from": {"type": "list", "elements": "str", "required": True},
            "beside": {"type": "list", "elements": "str", "required": True},
            "confirm_within": {"type": "int", "required": True},
            "login": {"type": "str", "default": ""},
            "who": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    module.require_root()
    params = module.params
    modes = {
        "present": lambda: apply(params, module.check_mode),
        "absent": lambda: absent(module.check_mode),
        "confirm": lambda: confirm(params),
    }
    try:
        with lock.held(params["who"], _LOCK_SECONDS, _LOCK, "the firewall of this host"):
            result = modes[params["mode"]]()
    except (FirewallError, CommandError, lock.LockedError, OSError) as error:
        module.fail_json(msg=f"The firewall: {explained(error)}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
