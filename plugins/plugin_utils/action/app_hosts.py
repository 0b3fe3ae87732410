# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The hosts of a play that have an application, and the one of them that has what is there once. Nothing else chooses hosts."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible.errors import AnsibleActionFail


def names_on(host: str, variable: str, task_vars: Mapping[str, t.Any]) -> list[str]:
    """Return the names of the applications that are to be on a host, as its own variable has them."""
    apps = task_vars["hostvars"][host].get(variable)
    found = [app for app in apps if isinstance(app, dict)] if isinstance(apps, list) else []
    return [str(app.get("name")) for app in found if app.get("state", "present") == "present"]


# A playbook that may leave servers out of its play has all of them in this variable.
SERVERS = "uwsgi_service_servers"


def first_host(name: str, task_vars: Mapping[str, t.Any], patterns: Sequence[str] = (), servers: Sequence[str] = ()) -> str:
    """Return the first host of the play whose ``flask_apps`` has the application: the one that has what is there once (``hosts: one``).

    All hosts of the play count, also those that have failed and those that ``--limit`` leaves out, so that no other host takes the place of
    one. Where no host has a ``flask_apps`` with the application, as in a playbook that names the applications itself, each host has it.

    :param patterns: see :func:`patterns_of`
    :param servers: the hosts that count, where the play is not all of them
    """
    hosts = servers or _whole_play(task_vars, patterns)
    having = [host for host in hosts if name in names_on(host, "flask_apps", task_vars)] or hosts
    return having[0]


def patterns_of(task: t.Any) -> list[str]:
    """Return the patterns of a play's ``hosts``, none where the task is of no play."""
    hosts = task.get_play().hosts if getattr(task, "get_play", None) else ()
    return [part.strip() for text in ([hosts] if isinstance(hosts, str) else hosts) for part in str(text).split(",")]


def _whole_play(task_vars: Mapping[str, t.Any], patterns: Sequence[str]) -> list[str]:
    """Return the hosts of the play without ``--limit``, in the order of the inventory.

    With patterns that are more than names of groups and hosts (such as ``web*`` or ``!old``), ``--limit`` counts.
    """
    limited: list[str] = task_vars.get("ansible_play_hosts_all", [task_vars.get("inventory_hostname", "")])
    groups: Mapping[str, list[str]] = task_vars.get("groups", {})
    known = {**{host: [host] for host in groups.get("all", ())}, **groups}
    if not task_vars.get("ansible_limit") or not patterns or not all(pattern in known for pattern in patterns):
        return limited
    return list(dict.fromkeys(host for pattern in patterns for host in known[pattern])) or limited


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


def not_here(name: str, variable: str, own: Sequence[str], task_vars: Mapping[str, t.Any], count: str = "all") -> str:
    """Return why something about an application is not done on this host, empty if it is.

    :param count: ``all`` for every host of the play that has the application and did not fail, ``one`` for the first of these
    :raises AnsibleActionFail: if no host of the play has it
    """
    host, having = task_vars.get("inventory_hostname", ""), hosts_of_app(name, variable, own, task_vars)
    if host not in having:
        return f"{name} is in the list of {', '.join(having)} and not of this host"
    return f"it is done on {having[0]}" if count == "one" and host != having[0] else ""
