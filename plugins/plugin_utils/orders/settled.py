# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a look at a host has left anything to do for the roles after ``flask_app``, whose tasks cost as much as they do where there is."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible.errors import AnsibleActionFail

from ...module_utils.app.orders import SealedSecrets
from ..action.apps_action import App, AppsAction
from ..description.validate import AppError
from ..site_files.served_sites import ServedSites
from .instances import host_order
from .sealing import Sealing
from .tree import sites_digest

# Each of these parts of a look at the web server says that something is to be done.
_UNMET = ("lacks", "unwanted", "services", "acme")
# With a value in one of these variables, only the roles themselves know what is to be done.
_EXCEPTIONS = ("uwsgi_service_left_out", "uwsgi_service_allow_rejected", "uwsgi_service_releases", "nginx_site_left_out")


class Seen(t.NamedTuple):
    """A look at a host: the releases that it has by application, and what ``host_look`` has told.

    :param sealed: digests of secrets that the host has kept, by application
    """

    releases: Mapping[str, dict[str, str]]
    instances: Mapping[str, t.Any]
    sites: Mapping[str, t.Any]
    sealed: Mapping[str, SealedSecrets]


def is_settled(action: AppsAction, apps: Sequence[App], seen: Seen, root: str, task_vars: dict[str, t.Any]) -> bool:
    """Return whether the roles ``uwsgi_service`` and ``nginx_site`` would change nothing on a host and tell of nothing.

    :param apps: complete descriptions, which both roles have
    :param root: the directory of nginx's configuration
    """
    last_instances, last_tree = seen.instances.get("result", {}), seen.sites["tree"].get("result", {})
    told = last_instances.get("taken_up") or last_tree.get("files", {}).get("kept")
    if not last_instances or not last_tree or told or any(seen.sites[part] for part in _UNMET):
        return False
    try:
        if any(action.read(name, task_vars) for name in _EXCEPTIONS):
            return False
        instances = _instances_digest(action, apps, seen, task_vars)
        return instances == seen.instances["digest"] and _sites_digest(action, apps, seen, root, task_vars) == seen.sites["tree"]["digest"]
    except (AnsibleActionFail, AppError):
        # The role that cannot do its work has the words for the reason.
        return False


def _instances_digest(action: AppsAction, apps: Sequence[App], seen: Seen, task_vars: dict[str, t.Any]) -> str:
    """Return the name of what the role ``uwsgi_service`` would ask for."""
    seal = Sealing(action.read("uwsgi_service_secrets_key", task_vars) or "", seen.sealed)
    return host_order(action, apps, seen.releases, seal, False, _in_role("uwsgi_service", action, task_vars)).digest


def _sites_digest(action: AppsAction, apps: Sequence[App], seen: Seen, root: str, task_vars: dict[str, t.Any]) -> str:
    """Return the name of what the role ``nginx_site`` would ask for."""
    known = {**_in_role("nginx_site", action, task_vars), "__nginx_site_look": seen.sites}
    # The look has the variables in their own types, but for the secret one.
    variables = {**seen.sites["variables"], "nginx_site_acme_eab_key": action.read("nginx_site_acme_eab_key", task_vars) or ""}
    return sites_digest(action, root, ServedSites(apps, {}), variables, action.read("__nginx_site_pages", task_vars), known)


def _in_role(role: str, action: AppsAction, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the variables of a task as a task of another role of this collection has them: templates are found in its directories."""
    places = task_vars.get("ansible_search_path") or action._task.get_search_path()
    return {**task_vars, "ansible_search_path": [place.replace("/roles/flask_app", f"/roles/{role}") for place in places]}
