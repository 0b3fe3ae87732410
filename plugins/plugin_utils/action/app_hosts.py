# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The hosts of a play that have an application."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible.errors import AnsibleActionFail


def names_on(host: str, variable: str, task_vars: Mapping[str, t.Any]) -> list[str]:
    """Return the names of the applications that are to be on a host, as its own variable has them."""
    apps = task_vars["hostvars"][host].get(variable)
    found = [app for app in apps if isinstance(app, dict)] if isinstance(apps, list) else []
    return [str(app.get("name")) for app in found if app.get("state", "present") == "present"]


def is_first_host(name: str, task_vars: Mapping[str, t.Any]) -> bool:
    """Return whether this is the first host of the play whose ``flask_apps`` has the application.

    All hosts of the play count, also those that have failed, so that no other host takes the place of one that has. Where no host has a
    ``flask_apps`` with the application, as in a playbook that names the applications itself, each host of the play has it.
    """
    own = task_vars.get("inventory_hostname", "")
    hosts = task_vars.get("ansible_play_hosts_all", [own])
    having = [host for host in hosts if name in names_on(host, "flask_apps", task_vars)] or hosts
    return having[:1] == [own]


def hosts_of_app(name: str, variable: str, own: Sequence[str], task_vars: Mapping[str, t.Any]) -> list[str]:
    """Return the hosts of the play that have an application in their list, in the order of the play.

    :param variable: the name of the variable with the list
    :param own: the names of this host's applications
    :raises AnsibleActionFail: if none has it, with the names that there are
    """
    host = task_vars.get("inventory_hostname", "")
    names = {each: own if each == host else names_on(each, variable, task_vars) for each in task_vars.get("ansible_play_hosts", [host])}
    having = [each for each, found in names.items() if name in found]
    if not having:
        known = ", ".join(sorted({each for found in names.values() for each in found})) or "none: the list is empty"
        raise AnsibleActionFail(f"app is '{name}', but must name an application; write -e app=NAME with one of {known}.")
    return having
