# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Render a template the way Ansible's own template lookup does, from a role's or the user's ``templates/``."""

from __future__ import annotations

import os
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader


def render(action: ActionBase, source: str, variables: t.Mapping[str, t.Any], task_vars: dict[str, t.Any], what: str) -> str:
    """Return the text of a template.

    A bare name is looked up in the role first, then beside the inventory, where users keep their overlays; an overlay there
    extends a role's base by its bare name.

    :param what: what is rendered, for the message
    :raises AnsibleActionFail: naming ``what``, the template and what is wrong with it
    """
    search = list(task_vars.get("ansible_search_path") or [])
    inventory_dir = task_vars.get("inventory_dir")
    if inventory_dir:
        search.append(inventory_dir)
    lookup = lookup_loader.get("ansible.builtin.template", loader=action._loader, templar=action._templar)
    try:
        return lookup.run(
            [source],
            variables={**task_vars, "ansible_search_path": search},
            template_vars=dict(variables),
            trim_blocks=True,
            lstrip_blocks=True,
        )[0]
    except AnsibleError as error:
        places = f" (looked in {', '.join(os.path.join(place, 'templates') for place in search)})" if "not be found" in str(error) else ""
        raise AnsibleActionFail(f"{what}: the template '{source}' cannot be rendered{places}: {error}") from error
